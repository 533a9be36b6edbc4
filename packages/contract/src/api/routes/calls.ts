import { Type } from '../../type.js'
import { limits } from '../limits.js'
import { ObserverEventBatch, ObserverEventInput, ObserverHistory } from '../schemas/events.js'
import { publishAnswer, publishFailures, publishing } from './events.js'
import { historyPaging, idempotencyHeader, onCall, resumePoint, typesFilter } from './parameters.js'
import { guarded, type Route } from './route.js'

const observing = `A WebSocket with everything that happens on one call, as JSON text. Give the credential as subprotocols \`auth, <token>\` (the server selects \`auth\`) or in the \`Authorization\` header.

The first frame is \`session_info\`, the call so far. Then come events, each an \`ObserverSSEEvent\` with its position as \`id\`. \`{"type":"stream.gap"}\` (\`ObserverGap\`) says that events are missing; \`{"type":"session_live"}\` (\`SessionLive\`) says that a backlog is over; \`{"heartbeat":…}\` (\`ObserverHeartbeat\`) breaks a silence. When the call is over, \`session_end\` comes, and close code 1000.

Refusals are close codes, since browsers hide the status of a refused handshake: 4001 malformed request, 4004 unknown call, 4029 too many streams, 4100 credential expired or revoked, 4403 bad credential, other workspace, missing permission or origin; 1012 the server is going away. The reason begins with the failure's code.

Send nothing: a data frame ends the observer with 4001. Messages above ${limits.clientFrameBytesMax / 1024} KiB end it with 1009.`

export const callRoutes = {
  observeCall: {
    method: 'GET',
    path: '/v1/{workspace_id}/observers/{call_sid}/ws',
    summary: 'Observe a call',
    description: observing,
    tag: 'Calls',
    permission: 'calls:observe',
    params: onCall,
    query: Type.Object({
      after: Type.Optional(resumePoint('Resume after this position.')),
      history: Type.Optional(
        Type.Enum(['all', 'none'], {
          default: 'none',
          description: 'Whether what has happened so far comes first. `after` wins over it.',
        }),
      ),
      ...typesFilter,
    }),
    answers: {
      101: { description: 'The observer opens. Whether it was refused is told by a close code.' },
    },
    // An HTTP refusal is left for requests that are no WebSocket handshake, and for a process that is going away.
    failures: [...guarded, 'bad_request', 'not_found'],
    streaming: 'websocket',
  },
  publishCallEvents: {
    method: 'POST',
    path: '/v1/{workspace_id}/calls/{call_sid}/events',
    summary: "Publish to a call's observer",
    description: `${publishing}\n\nThe call need not be known: the first event makes it so.`,
    tag: 'Calls',
    permission: 'calls:publish',
    params: onCall,
    headers: idempotencyHeader,
    body: {
      'application/json': Type.Union([ObserverEventInput, ObserverEventBatch]),
      'application/x-ndjson': Type.String({ description: 'One event a line.' }),
    },
    answers: publishAnswer,
    failures: publishFailures,
  },
  readCallEvents: {
    method: 'GET',
    path: '/v1/{workspace_id}/calls/{call_sid}/events',
    summary: 'Read back what happened on a call',
    description:
      'Kept observer events of the call, oldest first. Observe with `after` and the `position` of the last page.',
    tag: 'Calls',
    permission: 'calls:observe',
    params: onCall,
    query: Type.Object({ ...historyPaging, ...typesFilter }),
    answers: { 200: { description: 'A page of events.', content: { 'application/json': ObserverHistory } } },
    failures: [...guarded, 'invalid_position', 'invalid_parameter', 'not_found', 'call_unknown', 'storage_fault'],
  },
} as const satisfies Record<string, Route>
