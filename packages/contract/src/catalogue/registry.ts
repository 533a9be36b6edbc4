import { callEvents } from './call.js'
import { channelEvents } from './channel.js'
import type { ChannelKind, EventDefinition, EventType } from './define.js'
import { encounterEvents } from './encounter.js'
import { eventType } from './event-type.js'
import { integrationEvents } from './integration.js'
import { nearestName } from './nearest.js'
import { observerParticipantEvents } from './observer-participants.js'
import { observerSessionEvents } from './observer-session.js'
import { observerSignalEvents } from './observer-signals.js'
import { observerTalkEvents } from './observer-talk.js'
import { observerToolEvents } from './observer-tools.js'
import { operatorEvents } from './operator.js'
import { pipelineEvents } from './pipeline.js'
import { reviewEvents } from './review.js'
import { selfImageEvents } from './self-image.js'
import { simulationEvents } from './simulation.js'
import { surfaceEvents } from './surface.js'
import { textEvents } from './text.js'
import { triggerEvents } from './trigger.js'
import { workspaceEvents } from './workspace.js'

/** The event types that a deployment knows, at the moment it is asked. */
export interface Catalogue {
  /**
   * All types, or those of one channel, in the order of the reference page: by family, the seed's first. Without a
   * channel it is the same array for as long as nothing has changed.
   */
  all(kind?: ChannelKind): readonly EventType[]
  get(kind: ChannelKind, type: string): EventType | undefined
  /** The type of this channel that somebody who wrote `name` most likely meant, or undefined when none is near. */
  nearest(kind: ChannelKind, name: string): string | undefined
}

/** A catalogue that never changes; `with` makes a larger one. */
export class FixedCatalogue implements Catalogue {
  readonly #types: readonly EventType[]
  readonly #byChannel: Readonly<Record<ChannelKind, ReadonlyMap<string, EventType>>>

  private constructor(types: readonly EventType[]) {
    const workspace = new Map<string, EventType>()
    const observer = new Map<string, EventType>()
    const schemaNames = new Set<string>()
    for (const type of types) {
      const channel = type.channel === 'workspace' ? workspace : observer
      if (channel.has(type.type)) throw new Error(`The event type ${type.type} is in the catalogue twice`)
      if (schemaNames.has(type.schemaName)) throw new Error(`Two event types have the schema name ${type.schemaName}`)
      channel.set(type.type, type)
      schemaNames.add(type.schemaName)
    }
    this.#types = types
    this.#byChannel = { workspace, observer }
  }

  static of(definitions: readonly EventDefinition[]): FixedCatalogue {
    return new FixedCatalogue(definitions.map((definition) => eventType(definition, false)))
  }

  /** This catalogue and a deployment's own types. @throws Error when a type or a schema name is taken. */
  with(customDefinitions: readonly EventDefinition[]): FixedCatalogue {
    return new FixedCatalogue([...this.#types, ...customDefinitions.map((definition) => eventType(definition, true))])
  }

  all(kind?: ChannelKind): readonly EventType[] {
    return kind === undefined ? this.#types : [...this.#byChannel[kind].values()]
  }

  get(kind: ChannelKind, type: string): EventType | undefined {
    return this.#byChannel[kind].get(type)
  }

  nearest(kind: ChannelKind, name: string): string | undefined {
    return nearestName([...this.#byChannel[kind].keys()], name)
  }
}

/** Every event type that comes with Switchboard, by family. */
export const builtinCatalogue = FixedCatalogue.of([
  ...callEvents,
  ...surfaceEvents,
  ...operatorEvents,
  ...pipelineEvents,
  ...channelEvents,
  ...textEvents,
  ...triggerEvents,
  ...integrationEvents,
  ...workspaceEvents,
  ...reviewEvents,
  ...encounterEvents,
  ...selfImageEvents,
  ...simulationEvents,
  ...observerTalkEvents,
  ...observerToolEvents,
  ...observerParticipantEvents,
  ...observerSessionEvents,
  ...observerSignalEvents,
])
