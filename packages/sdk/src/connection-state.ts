import { SwitchboardError } from './errors.js'

/**
 * Where a connection that mends itself stands.
 *
 *     ┌───────────────── waited ◄──────────────┐
 *     ▼                                        │
 *  connecting ──opened──▶ open ──lost──▶ waiting (budget left)
 *     │  ▲ └──lost─────────┼──────────────▲
 *     │  └─ refresh/resume ┤
 *     └──lost──▶ closed ◄──┘                     closed: over, given up, or ended by the caller
 */
export type ConnectionState =
  | {
      readonly kind: 'connecting'
      /** Reconnects taken from the budget since the last healthy time. */
      readonly spent: number
      /** The last credential was refused, so this connection uses a fresh one, and another refusal is the end. */
      readonly refused: boolean
    }
  | {
      readonly kind: 'open'
      readonly spent: number
      /** When it opened, on the monotonic clock, in milliseconds. */
      readonly since: number
    }
  | {
      readonly kind: 'waiting'
      readonly spent: number
      readonly refused: boolean
      /** Time from the loss to the next connect, in milliseconds. */
      readonly delayMs: number
      /** Why the last connection was lost. */
      readonly error: SwitchboardError
    }
  | {
      readonly kind: 'closed'
      /** Why for good; undefined when the caller ended it or the channel is over. */
      readonly error: SwitchboardError | undefined
    }

/** How a connection ended, and so what to do next. */
export type Ending =
  /** The channel is over, or the caller wants no more. */
  | { readonly advice: 'over' }
  /** Nothing failed: the reader was behind and has caught up. Connect again at once. */
  | { readonly advice: 'resume' }
  /** It may work again later. */
  | { readonly advice: 'retry'; readonly error: SwitchboardError; readonly retryAfterMs?: number | undefined }
  /** It may work with a fresh credential. */
  | { readonly advice: 'refresh'; readonly error: SwitchboardError }
  /** It will not work, however often it is tried. */
  | { readonly advice: 'give-up'; readonly error: SwitchboardError }

export type ConnectionEvent =
  | { readonly kind: 'opened'; readonly at: number }
  | {
      readonly kind: 'lost'
      readonly at: number
      readonly ending: Ending
      /** The server's `retry:`, in milliseconds. */
      readonly reconnectionTime: number | undefined
      /** A random number in [0, 1), drawn by the caller so that this stays a function. */
      readonly random: number
    }
  | { readonly kind: 'waited' }
  | { readonly kind: 'ended' }

export interface ReconnectPolicy {
  /** Reconnects in a row, without a healthy time between them, before giving up. Default 30; `Infinity` for never. */
  readonly budget: number
  /** Open for this long, the connection counts as healthy and the whole budget is back. Default 10 s. */
  readonly healthyMs: number
  /** The first delay is drawn from [0, this); the server's `retry:` takes its place. Doubles each time. Default 1 s. */
  readonly delayMs: number
  /** The delay is never drawn from more than [0, this). Default 30 s. */
  readonly delayMsMax: number
}

export const reconnectPolicy: ReconnectPolicy = { budget: 30, healthyMs: 10_000, delayMs: 1000, delayMsMax: 30_000 }

/** A `Retry-After` or `retry:` beyond this is shortened to it, so that a broken proxy cannot silence a client for a day. */
export const RETRY_AFTER_MS_MAX = 10 * 60_000

export const startState: ConnectionState = { kind: 'connecting', spent: 0, refused: false }

/**
 * The state after an event; the same object when the event changes nothing.
 *
 * @param canRefresh whether a fresh credential can be asked for at all.
 */
export function next(
  state: ConnectionState,
  event: ConnectionEvent,
  policy: ReconnectPolicy,
  canRefresh: boolean,
): ConnectionState {
  if (state.kind === 'closed') return state
  switch (event.kind) {
    case 'opened':
      return state.kind === 'connecting' ? { kind: 'open', spent: state.spent, since: event.at } : state
    case 'waited':
      return state.kind === 'waiting' ? { kind: 'connecting', spent: state.spent, refused: state.refused } : state
    case 'ended':
      return { kind: 'closed', error: undefined }
    case 'lost':
      return state.kind === 'waiting' ? state : afterLoss(state, event, policy, canRefresh)
  }
}

function afterLoss(
  state: Extract<ConnectionState, { kind: 'connecting' | 'open' }>,
  event: Extract<ConnectionEvent, { kind: 'lost' }>,
  policy: ReconnectPolicy,
  canRefresh: boolean,
): ConnectionState {
  const { ending } = event
  const healthy = state.kind === 'open' && event.at - state.since >= policy.healthyMs
  const spent = healthy ? 0 : state.spent
  const refused = state.kind === 'connecting' && state.refused
  switch (ending.advice) {
    case 'over':
      return { kind: 'closed', error: undefined }
    case 'give-up':
      return { kind: 'closed', error: ending.error }
    case 'resume':
      return { kind: 'connecting', spent, refused: false }
    case 'refresh':
      if (!canRefresh || refused) return { kind: 'closed', error: ending.error }
      // A credential that was good until now, or the first one, is replaced at once. One that is taken back as soon as
      // it has opened the stream costs budget and waits, or it would be asked for in a tight circle.
      if (healthy || state.kind === 'connecting') return { kind: 'connecting', spent, refused: true }
      return wait(spent, true, event, policy, ending.error, undefined)
    case 'retry':
      return wait(spent, refused, event, policy, ending.error, ending.retryAfterMs)
  }
}

function wait(
  spent: number,
  refused: boolean,
  event: Extract<ConnectionEvent, { kind: 'lost' }>,
  policy: ReconnectPolicy,
  error: SwitchboardError,
  retryAfterMs: number | undefined,
): ConnectionState {
  if (spent >= policy.budget) {
    const detail = `${spent} reconnects in a row failed, the last with: ${error.message}`
    return { kind: 'closed', error: new SwitchboardError('connection_lost', detail, { cause: error }) }
  }
  const asked = event.reconnectionTime === undefined ? undefined : Math.min(event.reconnectionTime, RETRY_AFTER_MS_MAX)
  // A server that asks for more than our cap, to spread its clients, is given it.
  const jitter = event.random * backoffMs(spent, asked ?? policy.delayMs, Math.max(policy.delayMsMax, asked ?? 0))
  const delayMs = Math.round(Math.min(retryAfterMs ?? 0, RETRY_AFTER_MS_MAX) + jitter)
  return { kind: 'waiting', spent: spent + 1, refused, delayMs, error }
}

/** The upper end of the delay before reconnect number `spent` (from 0): full jitter draws from [0, this). */
export function backoffMs(spent: number, firstMs: number, maxMs: number): number {
  // 2^30 times any delay is beyond every cap; more would overflow into Infinity times zero.
  return Math.min(firstMs * 2 ** Math.min(spent, 30), maxMs)
}
