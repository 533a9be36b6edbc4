import assert from 'node:assert'
import type { FailureCode, Position } from '@switchboard/contract'

/** Where a cursor stands. */
export interface Place {
  /** The last entry it was given or that its view passed over: what its subscriber may resume from. */
  readonly position: Position
  /** Everything up to this sequence is behind it. Ahead of `position` only after damage, which has no positions. */
  readonly through: number
}

/**
 * What a cursor is doing.
 *
 *     reading-log ──reached-tail──▶ on-tail ──fell-behind──▶ reading-log
 *          │                           │
 *          └──filled-socket──▶ socket-full ──drained-socket──▶ reading-log
 *
 * After a drain it asks anew where to read from: while it waited, the tail may have moved past it.
 */
export type CursorState =
  | { readonly kind: 'reading-log' | 'on-tail' | 'socket-full'; readonly place: Place }
  | { readonly kind: 'closed'; readonly place: Place; readonly why: FailureCode | 'client' }

export type CursorEvent =
  /** Entries up to this position were handed to the sink, or did not pass the view. */
  | { readonly kind: 'advanced'; readonly position: Position }
  /** Nothing up to this sequence can be read any more, and the subscriber was told. */
  | { readonly kind: 'skipped'; readonly through: number }
  | { readonly kind: 'reached-tail' }
  | { readonly kind: 'fell-behind' }
  | { readonly kind: 'filled-socket' }
  | { readonly kind: 'drained-socket' }
  | { readonly kind: 'ended'; readonly why: FailureCode | 'client' }

/** The state after an event; the same object when nothing changes. */
export function next(state: CursorState, event: CursorEvent): CursorState {
  const { kind, place } = state
  if (kind === 'closed') return state
  switch (event.kind) {
    case 'advanced':
      assert(kind !== 'socket-full', 'Nothing is read for a socket that is full')
      assert(event.position.sequence >= place.through, `P2: ${place.through}, then ${event.position.sequence}`)
      if (event.position.sequence === place.through) return state
      return { kind, place: { position: event.position, through: event.position.sequence } }
    case 'skipped':
      assert(kind !== 'socket-full', 'Nothing is read for a socket that is full')
      return event.through <= place.through ? state : { kind, place: { ...place, through: event.through } }
    case 'reached-tail':
      return kind === 'reading-log' ? { kind: 'on-tail', place } : state
    case 'fell-behind':
      return kind === 'on-tail' ? { kind: 'reading-log', place } : state
    case 'filled-socket':
      return kind === 'socket-full' ? state : { kind: 'socket-full', place }
    case 'drained-socket':
      return kind === 'socket-full' ? { kind: 'reading-log', place } : state
    case 'ended':
      return { kind: 'closed', place, why: event.why }
  }
}
