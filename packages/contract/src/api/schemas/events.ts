import type { Static, TSchema } from 'typebox'
import { Type } from '../../type.js'
import { limits } from '../limits.js'
import { StreamGap } from './frames.js'
import { page } from './page.js'
import { positionText } from './text.js'

/**
 * Events as requests carry them. Which types there are is the catalogue's to say: these four names stand for its
 * unions, and the OpenAPI document puts the union in their place. To the server they are "some object": ingest checks
 * an event against its own type.
 */
const event = (title: string, description: string) =>
  Type.Unsafe<{ readonly [name: string]: unknown }>({ type: 'object', title, description })

export const WorkspaceSSEEvent = event('WorkspaceSSEEvent', 'An event of the workspace stream, as it is delivered.')
export const ObserverSSEEvent = event('ObserverSSEEvent', "An event of a call's observer, as it is delivered.")
export const WorkspaceEventInput = event('WorkspaceEventInput', 'An event of the workspace stream, as it is published.')
export const ObserverEventInput = event('ObserverEventInput', "An event of a call's observer, as it is published.")

/** The schemas that the catalogue fills. */
export const catalogueUnions = {
  WorkspaceSSEEvent,
  ObserverSSEEvent,
  WorkspaceEventInput,
  ObserverEventInput,
} as const

/** What a producer may say beside an event's own fields. It is no part of the event: subscribers never see it. */
export const publishingFields = {
  idempotency_key: Type.Optional(
    Type.String({
      pattern: `^[\\x21-\\x7e]{1,${limits.idempotencyKeyCharsMax}}$`,
      description:
        'Names this event, so that it may be sent again without being stored twice within 24 hours. Taken out before the event is stored.',
    }),
  ),
}

const batch = <T extends TSchema>(title: string, item: T) =>
  Type.Object(
    {
      events: Type.Array(item, {
        minItems: 1,
        maxItems: limits.batchEventsMax,
        description: 'Stored together, in this order, or not at all.',
      }),
    },
    { title, description: `Up to ${limits.batchEventsMax} events in one request.`, additionalProperties: false },
  )

export const WorkspaceEventBatch = batch('WorkspaceEventBatch', WorkspaceEventInput)
export const ObserverEventBatch = batch('ObserverEventBatch', ObserverEventInput)

export const PublishAnswer = Type.Object(
  {
    ids: Type.Array(positionText('A position.'), {
      description: 'The position of each event, in the order given. They are on disk.',
    }),
  },
  { title: 'PublishAnswer', description: 'What was stored.' },
)
export type PublishAnswer = Static<typeof PublishAnswer>

/** What history adds to an event. */
export const Positioned = Type.Object(
  { id: positionText("The event's position: the same as its id on the stream, and a place to resume after.") },
  { title: 'Positioned', description: 'Where an event stands in its channel.' },
)

const kept = (title: string, delivered: TSchema) =>
  Type.Unsafe<{ readonly id: string; readonly [name: string]: unknown }>({
    allOf: [Positioned, delivered],
    title,
    description: 'An event with its position.',
  })

export const WorkspaceHistoryItem = kept('WorkspaceHistoryItem', WorkspaceSSEEvent)
export const ObserverHistoryItem = kept('ObserverHistoryItem', ObserverSSEEvent)

/** Said of a page where events are missing, as the streams say it. */
const gap = { gap: Type.Optional(StreamGap) }

export const WorkspaceHistory = page('WorkspaceHistory', WorkspaceHistoryItem, 'Workspace events, oldest first.', gap)
export type WorkspaceHistory = Static<typeof WorkspaceHistory>

export const ObserverHistory = page(
  'ObserverHistory',
  ObserverHistoryItem,
  'Observer events of one call, oldest first.',
  gap,
)
export type ObserverHistory = Static<typeof ObserverHistory>

export const EventTypeInfo = Type.Object(
  {
    type: Type.String({ description: "The discriminator's value, for example `call.started`." }),
    channel: Type.Enum(['workspace', 'observer'], { description: 'The stream that carries it.' }),
    family: Type.String({ description: 'The part of the type before the dot, or `observer`.' }),
    title: Type.String(),
    meaning: Type.String({ description: 'What has happened when this is sent.' }),
    schema_name: Type.String({ description: 'Its schema in `/openapi.json` and the type in the SDK.' }),
    custom: Type.Boolean({ description: 'True when this deployment added it.' }),
    example: Type.Unsafe<{ readonly [name: string]: unknown }>({
      type: 'object',
      additionalProperties: true,
      description: 'A whole event, as it is delivered.',
    }),
    personal_data: Type.Array(Type.String(), { description: 'Fields that arrive masked without `pii:read`.' }),
    schema: Type.Unsafe<{ readonly [name: string]: unknown }>({
      type: 'object',
      additionalProperties: true,
      description: 'JSON Schema of the event as it is delivered.',
    }),
  },
  { title: 'EventTypeInfo', description: 'One event type of the catalogue.' },
)
export type EventTypeInfo = Static<typeof EventTypeInfo>

export const EventTypeList = page('EventTypeList', EventTypeInfo, 'The catalogue. It always fits one page.')
export type EventTypeList = Static<typeof EventTypeList>
