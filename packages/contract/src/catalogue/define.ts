import type { TProperties, TSchema } from 'typebox'

/** Which of the two streams carries a type: a workspace's events, or one call's observer events. */
export type ChannelKind = 'workspace' | 'observer'

/** The member that tells types apart: `event_type` on the workspace stream, `type` on an observer. */
export const discriminators = { workspace: 'event_type', observer: 'type' } as const satisfies Record<
  ChannelKind,
  string
>

/** The member that says that an event's personal data was erased. The server sets it; no producer may. */
export const ERASED = 'erased'

/** A JSON object as a producer sends it or a subscriber receives it. */
export type JsonObject = { readonly [name: string]: unknown }

/**
 * Two names of one field: the seed's and the newer public schema's. Either is accepted (both, if equal), one value is
 * kept, both are delivered (wire contract, "Publishing").
 */
export interface SpellingPair {
  readonly names: readonly [string, string]
}

/** What one event type is, before it is registered. */
export interface EventDefinition {
  readonly channel: ChannelKind
  /** The discriminator's value, for example `call.started`. */
  readonly type: string
  readonly title: string
  /** One line: what has happened when this is sent. */
  readonly meaning: string
  /**
   * The fields as they are delivered, without the discriminator; both names of a spelling pair are listed.
   * Each carries a `description`; a quantity `x-unit`; personal data `x-personal-data: true`.
   */
  readonly fields: TProperties
  readonly spellings?: readonly SpellingPair[]
  /** Required when delivered, and yet filled in by the server when a producer leaves it out (`call_id`). */
  readonly filledIn?: readonly string[]
  /** A whole, realistic event as it is delivered, discriminator included. */
  readonly example: JsonObject
}

/** A registered event type with what follows from its definition. */
export interface EventType extends EventDefinition {
  /** Name of its schema in OpenAPI, AsyncAPI and the SDK, for example `CallStartedEvent`. */
  readonly schemaName: string
  /** The part of the type before the dot, or `observer`. */
  readonly family: string
  /** True for a type that the deployment's catalogue file adds. */
  readonly custom: boolean
  /** JSON Schema of the event as delivered. Open to further fields: readers must bear newer ones. */
  readonly delivered: TSchema
  /** JSON Schema of the event as a producer may send it. */
  readonly accepted: TSchema
}
