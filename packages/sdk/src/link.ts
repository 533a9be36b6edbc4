import { type Clock, sleep } from './clock.js'
import {
  type ConnectionEvent,
  type ConnectionState,
  type Ending,
  next,
  type ReconnectPolicy,
  startState,
} from './connection-state.js'
import { type Credential, canRefresh, takeCredential } from './credential.js'
import { SwitchboardError } from './errors.js'

/** What one connection is given. */
export interface Attempt {
  readonly token: string
  /** Aborted when the caller wants no more. */
  readonly signal: AbortSignal
  /** To be called once the server has accepted: the first frame that is not a refusal. */
  opened(): void
}

/** One way to carry a channel: SSE or WebSocket. */
export interface Transport<Item> {
  /** Connects once and yields what arrives, until the connection ends; returns how it ended. Never throws. */
  connect(attempt: Attempt): AsyncGenerator<Item, Ending, void>
  /** The server's `retry:`, in milliseconds. */
  readonly reconnectionTime: number | undefined
}

export interface LinkOptions {
  readonly credential: Credential
  readonly clock: Clock
  readonly random: () => number
  readonly policy: ReconnectPolicy
  readonly onState?: ((state: ConnectionState) => void) | undefined
}

/**
 * Keeps a channel connected: connects, yields, waits and connects again as `next` decides. Ends without an error when
 * the channel is over or the signal aborts, and throws the SwitchboardError of the closed state otherwise.
 *
 * Pulled, not pushed: it reads no further than it is asked to, so a slow consumer slows the server down.
 */
export async function* keepConnected<Item>(
  transport: Transport<Item>,
  options: LinkOptions,
  signal: AbortSignal,
): AsyncGenerator<Item, void, void> {
  const { clock } = options
  const refreshable = canRefresh(options.credential)
  let state = startState
  const move = (event: ConnectionEvent): void => {
    const before = state
    state = next(state, event, options.policy, refreshable)
    if (state !== before) options.onState?.(state)
  }
  options.onState?.(state)
  try {
    for (;;) {
      if (signal.aborted) move({ kind: 'ended' })
      switch (state.kind) {
        case 'connecting': {
          const opened = (): void => move({ kind: 'opened', at: clock.monotonic() })
          const ending = yield* connect(transport, options.credential, state.refused, signal, opened)
          const { reconnectionTime } = transport
          move({ kind: 'lost', at: clock.monotonic(), ending, reconnectionTime, random: options.random() })
          break
        }
        case 'waiting':
          await sleep(clock, state.delayMs, signal)
          move({ kind: 'waited' })
          break
        case 'open':
          throw new Error('a connection that has ended is no longer open')
        case 'closed':
          if (state.error !== undefined) throw state.error
          return
      }
    }
  } finally {
    // A consumer that leaves its loop, or a callback that throws, ends it from outside.
    move({ kind: 'ended' })
  }
}

async function* connect<Item>(
  transport: Transport<Item>,
  credential: Credential,
  refused: boolean,
  signal: AbortSignal,
  opened: () => void,
): AsyncGenerator<Item, Ending, void> {
  let token: string
  try {
    token = await orAborted(takeCredential(credential, refused), signal)
  } catch (error) {
    if (signal.aborted) return { advice: 'over' }
    const failure = asSwitchboardError(error)
    // A function's source may be down for a while; a string stays what it is.
    return canRefresh(credential) ? { advice: 'retry', error: failure } : { advice: 'give-up', error: failure }
  }
  return yield* transport.connect({ token, signal, opened })
}

function asSwitchboardError(error: unknown): SwitchboardError {
  if (error instanceof SwitchboardError) return error
  return new SwitchboardError('credential_failed', 'the credential could not be had', { cause: error })
}

/** The promise's result, or a rejection as soon as the signal aborts. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new SwitchboardError('aborted', 'the caller ended it'))
    if (signal.aborted) {
      promise.catch(() => {})
      return abort()
    }
    signal.addEventListener('abort', abort)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
