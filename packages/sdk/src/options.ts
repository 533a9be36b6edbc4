import type { ConnectionState, ReconnectPolicy } from './connection-state.js'
import { SwitchboardError } from './errors.js'
import type { Gap } from './gap.js'
import { isResumePoint } from './position.js'

/** One event with its place. */
export interface Item<Event> {
  /** The position: the `after` that goes on behind this event. */
  readonly id: string
  /** When the server took the event. */
  readonly time: Date
  readonly event: Event
}

/**
 * Where to start: after a position; from a unix time in milliseconds on (as text); or, with `since`, from an instant or
 * an age (`90s`, `15m`, `2h`, `1d`) on.
 */
export type After = string | { readonly since: string | Date }

/** A wait before a connection is tried again. */
export interface Reconnect {
  /** Which one since the connection last was healthy, from 1. */
  readonly attempt: number
  readonly delayMs: number
  /** Why the connection was lost. */
  readonly reason: SwitchboardError
}

/** What the two live channels have in common. */
export interface LiveOptions {
  /** Ends it without an error. */
  readonly signal?: AbortSignal
  /** Events are missing: what was asked for is no longer kept, or never was. */
  readonly onGap?: (gap: Gap) => void
  /** The connection was lost, and another is tried after a wait. */
  readonly onReconnect?: (reconnect: Reconnect) => void
  /** Every change of the connection's state. */
  readonly onState?: (state: ConnectionState) => void
  /** How to reconnect; what is left out is as for the whole client. */
  readonly reconnect?: Partial<ReconnectPolicy>
  /** Silence after which a connection counts as dead, in milliseconds. Default 45 s, three heartbeats. */
  readonly silenceMs?: number
}

/** The state callback that also tells of reconnects. */
export function stateCallback({ onState, onReconnect }: LiveOptions): (state: ConnectionState) => void {
  return (state) => {
    onState?.(state)
    if (state.kind === 'waiting') onReconnect?.({ attempt: state.spent, delayMs: state.delayMs, reason: state.error })
  }
}

/** `after` as the server takes it. @throws SwitchboardError `invalid_position` when it is neither of the three. */
export function startOf(after: After | undefined): {
  readonly after: string | undefined
  readonly since: string | undefined
} {
  if (after === undefined) return { after: undefined, since: undefined }
  if (typeof after === 'string') {
    if (isResumePoint(after)) return { after, since: undefined }
    const accepted = 'accepted is a position as 1763788800123-42, unix milliseconds, or {since}'
    throw new SwitchboardError('invalid_position', `after is ${JSON.stringify(after).slice(0, 80)}; ${accepted}`)
  }
  const { since } = after
  if (typeof since === 'string' && since !== '') return { after: undefined, since }
  if (since instanceof Date && !Number.isNaN(since.getTime())) return { after: undefined, since: since.toISOString() }
  throw new SwitchboardError('invalid_argument', 'since is no time; accepted is a Date, an ISO time or an age as 15m')
}

/** A comma-separated filter; undefined when there is none. @throws SwitchboardError when a type cannot be one. */
export function typesFilter(types: readonly string[] | undefined): string | undefined {
  if (types === undefined || types.length === 0) return undefined
  for (const type of types) {
    if (/^[A-Za-z0-9_.*-]+$/.test(type)) continue
    const accepted = 'accepted are types as call.started, families as call.*, and *'
    throw new SwitchboardError('invalid_argument', `types holds ${JSON.stringify(type)}; ${accepted}`)
  }
  return types.join(',')
}
