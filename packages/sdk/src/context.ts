import type { Clock } from './clock.js'
import type { ReconnectPolicy } from './connection-state.js'
import type { Credential } from './credential.js'
import { SwitchboardError } from './errors.js'
import type { Client } from './generated/client/index.js'
import type { Fetch } from './http.js'
import type { SocketConstructor } from './socket.js'

/** What every part of one client shares. */
export interface Context {
  readonly baseUrl: string
  readonly workspaceId: string | undefined
  readonly credential: Credential
  readonly fetch: Fetch
  readonly WebSocket: SocketConstructor | undefined
  readonly clock: Clock
  readonly random: () => number
  readonly reconnect: ReconnectPolicy
  readonly silenceMs: number
  /** The generated client, with the credential and the retries built in. */
  readonly rest: Client
}

/** @throws SwitchboardError `invalid_argument` when the client was made without a workspace. */
export function workspaceOf(context: Context): string {
  if (context.workspaceId !== undefined) return context.workspaceId
  throw new SwitchboardError('invalid_argument', 'this needs a workspace; give createSwitchboard a workspaceId')
}
