import type { ChannelKind, JsonObject } from '../catalogue/define.js'
import type { Position } from '../position.js'

/** What a reducer is given: one entry of a workspace's events or of a call's observer events. */
export interface StateEntry {
  readonly kind: ChannelKind
  /** The call whose observer channel it stands in; undefined for a workspace event. */
  readonly call: string | undefined
  readonly position: Position
  readonly type: string
  readonly event: JsonObject
}

/**
 * A fold of entries into one record per id. Pure, total and tolerant: events may come in any order, more than once and
 * with fields that are newer than this code. Folding returns the same object when nothing changes.
 */
export interface Reducer<Record extends object> {
  /** The name under which the records are kept and served. */
  readonly name: string
  /** The id of the record an entry changes, or undefined when it changes none. */
  key(entry: Pick<StateEntry, 'kind' | 'call' | 'type' | 'event'>): string | undefined
  fold(previous: Record | undefined, entry: StateEntry): Record
  /** True when the record says nothing about the present any more and may be dropped; `before` in Unix ms. */
  expired(record: Record, before: number): boolean
}

/** The moment of an entry, as the API tells times. */
export function momentOf(entry: StateEntry): string {
  return new Date(entry.position.time).toISOString()
}

/** The record with some members replaced; the same object when they are equal already. Arrays and objects compare by identity. */
export function changed<Record extends object>(record: Record, changes: Partial<Record>): Record {
  for (const name of Object.keys(changes) as (keyof Record)[]) {
    if (record[name] !== changes[name]) return { ...record, ...changes }
  }
  return record
}

export function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

export function amount(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}
