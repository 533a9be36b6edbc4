import type { Static } from 'typebox'
import { Type } from '../../type.js'
import { CredentialKind } from './credentials.js'
import { page } from './page.js'
import { chosenId, instant, KEY_ID_PATTERN, nullable, positionText } from './text.js'

const whole = (description: string) => Type.Integer({ minimum: 0, description })
const masked = Type.Boolean({ description: 'True without `pii:read`: personal data arrives masked.' })
const connectionId = Type.String({ description: 'Names the connection, also in the log of the server.' })

export const OpenStream = Type.Object(
  {
    connection_id: connectionId,
    kind: Type.Enum(['workspace', 'observer'], {
      description: 'The stream of the workspace, or the observer of a call.',
    }),
    call_sid: nullable(chosenId('A call.'), 'The call that is observed; null for the stream of the workspace.'),
    key_id: nullable(
      Type.String({ pattern: KEY_ID_PATTERN }),
      'The API key that it was opened with, or that asked for the access token; null for the admin key.',
    ),
    key_name: nullable(Type.String(), 'What people call that key; null for the admin key.'),
    credential: CredentialKind,
    opened_at: instant('When it was opened.'),
    position: nullable(
      positionText('A position of the channel.'),
      'Up to here all was handed to the socket, or passed over by the filter; null while it begins.',
    ),
    lag: whole('Entries that the channel has after that position; 0 is up to date.'),
    types: nullable(Type.Array(Type.String()), 'The types that were asked for, as they were; null means all.'),
    masked,
  },
  { title: 'OpenStream', description: 'A stream that is open now. It holds no secret and no personal data.' },
)
export type OpenStream = Static<typeof OpenStream>

export const OpenStreamList = page('OpenStreamList', OpenStream, 'Open streams of the workspace, the oldest first.')
export type OpenStreamList = Static<typeof OpenStreamList>

export const Watcher = Type.Object(
  {
    connection_id: connectionId,
    name: Type.String({ description: 'What people call the key behind it; `admin key` for the admin key.' }),
    credential: CredentialKind,
    since: instant('When it began to observe.'),
    masked,
  },
  { title: 'Watcher', description: 'Somebody who observes a call now.' },
)
export type Watcher = Static<typeof Watcher>

export const WatcherList = page('WatcherList', Watcher, 'Who observes the call now, the longest first.')
export type WatcherList = Static<typeof WatcherList>

const Refusal = Type.Object({
  code: Type.String({ description: 'The code of the failure.' }),
  count: whole('How often.'),
  last_at: instant('The last time.'),
})

export const Activity = Type.Object(
  {
    since: instant('When counting began: with the server.'),
    streams_open: whole('Streams of the workspace that are open now, of both kinds.'),
    refusals: Type.Array(Refusal, {
      description: 'Requests that were refused and streams that ended with a failure, by its code, most often first.',
    }),
    published: whole('Events that were published to the workspace and its calls.'),
  },
  { title: 'Activity', description: 'What went on in a workspace. Two readings make a rate.' },
)
export type Activity = Static<typeof Activity>
