import { Calls } from './calls.js'
import { type Clock, systemClock } from './clock.js'
import { type ReconnectPolicy, reconnectPolicy } from './connection-state.js'
import type { Context } from './context.js'
import type { Credential } from './credential.js'
import { SwitchboardError } from './errors.js'
import { Events } from './events.js'
import { type Client, createClient, createConfig } from './generated/client/index.js'
import { getCredential } from './generated/sdk.gen.js'
import type { CredentialInfo } from './generated/types.gen.js'
import { cleanBaseUrl, type Fetch } from './http.js'
import { type PersonalData, personalData } from './personal-data.js'
import { type RequestPolicy, requestPolicy, sender } from './requests.js'
import {
  type ApiKeys,
  type Audit,
  apiKeys,
  audit,
  type State,
  type Streams,
  state,
  streams,
  type Tokens,
  tokens,
  type Workspaces,
  workspaces,
} from './resources.js'
import type { SocketConstructor } from './socket.js'

export interface SwitchboardOptions {
  /** Where the server is, as `https://events.example.com`. A path prefix is kept. */
  readonly baseUrl: string
  /** The workspace everything is about. Only `workspaces.create` and `workspaces.list` do without. */
  readonly workspaceId?: string
  /** An API key or access token; or a function that gives one and is told when a fresh one is needed. */
  readonly credential: Credential
  /** Default: the global one. */
  readonly fetch?: Fetch
  /** Default: the global one, or that of the package `ws` where there is none (Node 20). */
  readonly WebSocket?: SocketConstructor
  /** How live channels reconnect. Default: 30 tries in a row, 1 s doubling to 30 s, full jitter. */
  readonly reconnect?: Partial<ReconnectPolicy>
  /** How requests are repeated. Default: 6 attempts within 30 s. */
  readonly requests?: Partial<RequestPolicy>
  /** Silence after which a connection counts as dead, in milliseconds. Default 45 s, three heartbeats. */
  readonly silenceMs?: number
  /** Time and timers, for tests. */
  readonly clock?: Clock
  /** Numbers in [0, 1) for jitter, for tests. Default `Math.random`. */
  readonly random?: () => number
}

/** Three heartbeats of a server with default settings. */
const SILENCE_MS = 45_000

/** A program's way to one Switchboard server. It holds no connection: streams and observations each open their own. */
export class Switchboard {
  readonly events: Events
  readonly calls: Calls
  readonly workspaces: Workspaces
  readonly personalData: PersonalData
  readonly apiKeys: ApiKeys
  readonly tokens: Tokens
  readonly state: State
  readonly streams: Streams
  readonly audit: Audit
  /** For the generated functions: `listEventTypes({ client: switchboard.rest, path: { workspace_id } })`. */
  readonly rest: Client

  /** @throws SwitchboardError `invalid_argument` when an option is not accepted. */
  constructor(options: SwitchboardOptions) {
    const context = contextOf(options)
    this.rest = context.rest
    this.events = new Events(context)
    this.calls = new Calls(context)
    this.workspaces = workspaces(context)
    this.personalData = personalData(context)
    this.apiKeys = apiKeys(context)
    this.tokens = tokens(context)
    this.state = state(context)
    this.streams = streams(context)
    this.audit = audit(context)
  }

  /** Who the client's credential speaks for, what it may do, and in which workspace. */
  async credential(): Promise<CredentialInfo> {
    return (await getCredential({ client: this.rest, throwOnError: true })).data
  }
}

/** As `new Switchboard(options)`. */
export function createSwitchboard(options: SwitchboardOptions): Switchboard {
  return new Switchboard(options)
}

function contextOf(options: SwitchboardOptions): Context {
  const { credential, random = Math.random, clock = systemClock } = options
  if (typeof credential !== 'function' && (typeof credential !== 'string' || credential === '')) {
    const accepted = 'accepted is an API key, an access token, or a function that gives one'
    throw new SwitchboardError('invalid_argument', `the credential is missing; ${accepted}`)
  }
  if (options.workspaceId === '') throw new SwitchboardError('invalid_argument', 'workspaceId is empty')
  const baseUrl = cleanBaseUrl(options.baseUrl)
  // Called through a function of ours: browsers refuse a `fetch` whose `this` is another object.
  const given = options.fetch
  const fetch: Fetch =
    given === undefined ? (input, init) => globalThis.fetch(input, init) : (input, init) => given(input, init)
  const policy = { ...requestPolicy, ...options.requests }
  const send = sender({ fetch, credential, clock, random, policy })
  const rest = createClient(createConfig({ baseUrl, fetch: (input) => send(new Request(input)) }))
  return {
    baseUrl,
    workspaceId: options.workspaceId,
    credential,
    fetch,
    WebSocket: options.WebSocket,
    clock,
    random,
    reconnect: { ...reconnectPolicy, ...options.reconnect },
    silenceMs: options.silenceMs ?? SILENCE_MS,
    rest,
  }
}
