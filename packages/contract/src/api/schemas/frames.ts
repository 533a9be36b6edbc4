import type { Static, TProperties } from 'typebox'
import { Type } from '../../type.js'
import { type FailureCode, failures } from '../failures.js'
import { limits } from '../limits.js'
import { positionText } from './text.js'

/**
 * What the two streams say of themselves: frames that are no events of the catalogue.
 *
 *     workspace   event: stream.opened | stream.gap | error
 *     observer    {"type":"session_live"} | {"type":"stream.gap"} | {"heartbeat":…}
 */

/** Codes that an `error` frame may carry. */
export const frameCodes = (Object.keys(failures) as FailureCode[]).filter((code) => 'frame' in failures[code])

export const StreamOpened = Type.Object(
  {
    code: Type.Literal('ok'),
    connection_id: Type.String({ description: "Names this connection in the server's log." }),
    max_streams_per_workspace: Type.Integer({ minimum: 1, description: 'Streams the workspace may have open.' }),
    resumed: Type.Boolean({ description: 'True when the stream goes on after the position that was asked for.' }),
  },
  {
    title: 'StreamOpened',
    description:
      'The first frame of a workspace stream (`event: stream.opened`). Its id is the position it starts after, so a client that is cut off before its first event still resumes without a gap.',
  },
)
export type StreamOpened = Static<typeof StreamOpened>

const gap = {
  code: Type.Enum(['history_truncated', 'unknown_position', 'history_damaged'], {
    description:
      '`history_truncated`: what came after the position is no longer kept. `unknown_position`: this log never gave it. `history_damaged`: entries failed their checksum; everything around them is delivered.',
  }),
  requested: Type.Union([Type.String({ maxLength: limits.idCharsMax }), Type.Null()], {
    description: 'What was asked for.',
  }),
  oldest: Type.Union([positionText('A position.'), Type.Null()], {
    description: 'The oldest entry kept: the stream goes on with it. Null when none is kept.',
  }),
  newest: positionText('The newest entry.'),
  state_url: Type.String({ format: 'uri-reference', description: 'Where the current state can be read.' }),
  damaged: Type.Optional(
    Type.Object(
      { from: Type.Integer({ description: 'First sequence.' }), to: Type.Integer({ description: 'Last sequence.' }) },
      { description: 'With `history_damaged`: the entries that are lost.' },
    ),
  ),
} as const satisfies TProperties

export const StreamGap = Type.Object(gap, {
  title: 'StreamGap',
  description:
    'Events are missing here (`event: stream.gap`). Read the state again; the stream goes on with what is kept.',
})
export type StreamGap = Static<typeof StreamGap>

export const StreamError = Type.Object(
  {
    code: Type.Enum(frameCodes, { description: 'The failure, from the failure table.' }),
    message: Type.String({ description: 'What happened, for people.' }),
    max_streams: Type.Optional(Type.Integer({ description: 'With `too_many_streams`: how many may be open.' })),
  },
  {
    title: 'StreamError',
    description: 'Why the stream ends (`event: error`). It has no id: the last position stands.',
    additionalProperties: true,
  },
)
export type StreamError = Static<typeof StreamError>

export const SessionLive = Type.Object(
  { type: Type.Literal('session_live'), id: positionText('Everything up to it has been sent.') },
  { title: 'SessionLive', description: 'The backlog is over: what follows happens now.' },
)
export type SessionLive = Static<typeof SessionLive>

export const ObserverGap = Type.Object(
  {
    type: Type.Literal('stream.gap'),
    id: Type.Optional(positionText('Resume after it to be told of what follows the gap.')),
    ...gap,
  },
  {
    title: 'ObserverGap',
    description: 'Events of the call are missing here; the stream goes on with what is kept.',
  },
)
export type ObserverGap = Static<typeof ObserverGap>

export const ObserverHeartbeat = Type.Object(
  { heartbeat: Type.Integer({ minimum: 0, description: 'Unix time in milliseconds.', 'x-unit': 'ms' }) },
  {
    title: 'ObserverHeartbeat',
    description: 'Nothing has happened for a while, and the connection stands. It has no `type`.',
  },
)
export type ObserverHeartbeat = Static<typeof ObserverHeartbeat>
