import { Type } from '../../type.js'
import { limits } from '../limits.js'
import {
  EventTypeList,
  PublishAnswer,
  WorkspaceEventBatch,
  WorkspaceEventInput,
  WorkspaceHistory,
  WorkspaceSSEEvent,
} from '../schemas/events.js'
import {
  accessToken,
  filters,
  historyPaging,
  idempotencyHeader,
  inWorkspace,
  resumePoint,
  since,
} from './parameters.js'
import { guarded, type Route } from './route.js'

/** What publishing may answer, to either channel. */
export const publishFailures = [
  ...guarded,
  'bad_request',
  'invalid_json',
  'invalid_parameter',
  'invalid_idempotency_key',
  'not_found',
  'idempotency_key_reused',
  'request_timeout',
  'body_too_large',
  'event_too_large',
  'unsupported_media_type',
  'invalid_event',
  'unknown_event_type',
  'too_many_events',
  'invalid_request',
  'overloaded',
  'storage_full',
  'storage_fault',
] as const

export const publishAnswer = {
  201: {
    description: 'Stored: every event would survive a power cut.',
    content: { 'application/json': PublishAnswer },
    headers: {
      'idempotent-replayed': Type.Literal('true', {
        description: 'Present when the request was a repeat: nothing was stored again.',
      }),
    },
  },
} as const

export const publishing = `The body is one event, \`{"events": [...]}\` with up to ${limits.batchEventsMax} of them, or newline-delimited JSON (\`application/x-ndjson\`) of any number, appended as lines arrive. A JSON batch is stored whole or not at all: one invalid event refuses it, and the answer names each fault by its JSON pointer.

An event may carry an \`idempotency_key\` of its own; it is taken out before the event is stored. An event is at most ${limits.eventBytesMax / 1024} KiB, a body ${limits.bodyBytesMax / 1024 / 1024} MiB.`

const streamQuery = Type.Object({
  ...filters,
  last_event_id: Type.Optional(
    resumePoint(
      'Resume after this position, for clients that cannot set the header. A bare number of Unix milliseconds means from that instant on, inclusive.',
    ),
  ),
  since: Type.Optional(since),
  access_token: Type.Optional(accessToken),
})

const streamHeaders = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({
      description: 'The last position seen: the stream goes on after it. Wins over `last_event_id` and `since`.',
    }),
  ),
})

const streamFailures = [
  ...guarded,
  'invalid_position',
  'invalid_parameter',
  'not_found',
  'stream_unavailable',
  'overloaded',
] as const

const streaming = `Server-sent events, for as long as you listen. Each event comes as

\`\`\`
id: 1763788800123-42
event: call.started
data: {"event_type":"call.started",…}
\`\`\`

and \`data\` is one \`WorkspaceSSEEvent\`. Three more frames speak of the stream itself: \`stream.opened\` (\`StreamOpened\`) comes first; \`stream.gap\` (\`StreamGap\`) says that events are missing; \`error\` (\`StreamError\`) says why the stream ends. Silence is broken by comment lines.

To resume, send the last \`id\` back as \`Last-Event-ID\`: everything after it follows, then what happens live, with no seam. Filters are OR within a name and AND across names. Too many streams is no 429: the stream opens, says so in an \`error\` frame, and ends.

Without \`pii:read\`, personal data arrives masked.`

export const eventRoutes = {
  publishEvents: {
    method: 'POST',
    path: '/v1/{workspace_id}/events',
    summary: 'Publish workspace events',
    description: publishing,
    tag: 'Events',
    permission: 'events:write',
    params: inWorkspace,
    headers: idempotencyHeader,
    body: {
      'application/json': Type.Union([WorkspaceEventInput, WorkspaceEventBatch]),
      'application/x-ndjson': Type.String({ description: 'One event a line.' }),
    },
    answers: publishAnswer,
    failures: publishFailures,
  },
  streamEvents: {
    method: 'GET',
    path: '/v1/{workspace_id}/events/stream',
    summary: 'Follow workspace events',
    description: streaming,
    tag: 'Events',
    permission: 'events:read',
    params: inWorkspace,
    query: streamQuery,
    headers: streamHeaders,
    answers: {
      200: {
        description:
          'The stream. Its schema is the `data` of one event frame; control frames are `StreamOpened`, `StreamGap` and `StreamError`.',
        content: { 'text/event-stream': WorkspaceSSEEvent },
      },
    },
    failures: streamFailures,
    streaming: 'sse',
  },
  probeEventStream: {
    method: 'HEAD',
    path: '/v1/{workspace_id}/events/stream',
    summary: 'See whether the stream would open',
    description: 'The headers of the stream alone, with the same checks. A failure has no body: read its status.',
    tag: 'Events',
    permission: 'events:read',
    params: inWorkspace,
    query: streamQuery,
    headers: streamHeaders,
    answers: { 200: { description: 'It would open.' } },
    failures: streamFailures,
  },
  readEvents: {
    method: 'GET',
    path: '/v1/{workspace_id}/events',
    summary: 'Read workspace events back',
    description:
      'Kept events, oldest first, with the filters of the stream. Start with `after` or `since`, or at the oldest kept; go on with `continuation_token` until `has_more` is false. Then stream after `position`: nothing is missed and nothing comes twice.',
    tag: 'Events',
    permission: 'events:read',
    params: inWorkspace,
    query: Type.Object({ ...historyPaging, ...filters }),
    answers: { 200: { description: 'A page of events.', content: { 'application/json': WorkspaceHistory } } },
    failures: [...guarded, 'invalid_position', 'invalid_parameter', 'not_found', 'storage_fault'],
  },
  listEventTypes: {
    method: 'GET',
    path: '/v1/{workspace_id}/event-types',
    summary: 'List event types',
    description: 'The catalogue: every type of both streams, those this deployment added included, with an example.',
    tag: 'Events',
    permission: 'events:read',
    params: inWorkspace,
    query: Type.Object({
      channel: Type.Optional(Type.Enum(['workspace', 'observer'], { description: 'Only types of this stream.' })),
    }),
    answers: { 200: { description: 'The catalogue.', content: { 'application/json': EventTypeList } } },
    failures: [...guarded, 'invalid_parameter', 'not_found'],
  },
} as const satisfies Record<string, Route>
