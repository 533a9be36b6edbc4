import { type JsonObject, SwitchboardError } from '@switchboard/contract'
import type { Channel } from '../channel.js'
import { Draft } from '../draft.js'
import type { Group } from '../group.js'
import type { IdempotencyKeys, Remembered } from '../idempotency.js'
import { channelKey } from '../keys.js'
import { RecordDraft } from '../records.js'

/** One thing that a workspace brings along from another log. */
export type CarriedRow = CarriedRecord | CarriedKey

/** A projected record. Its entries may be gone for long, so that it cannot be folded anew. */
export interface CarriedRecord {
  readonly kind: 'record'
  readonly projection: string
  readonly key: string
  /** Undefined takes one away that was brought before. */
  readonly record: JsonObject | undefined
}

/** An idempotency key that is still remembered, with the positions here of what it stood for. */
export interface CarriedKey extends Remembered {
  readonly kind: 'key'
  /** Undefined for the workspace's own channel. */
  readonly call: string | undefined
  readonly scope: 'request' | 'event'
  readonly key: string
}

/** What a workspace brings along from another log beside its entries: what they came to is known, and not made anew. */
export interface Carry {
  readonly workspace: string
  /** The newest sequence of the workspace's own channel: when there is a newer one by now, it does not count. */
  readonly after: number
  readonly rows: readonly CarriedRow[]
}

/**
 * Plans what is carried. Every copy comes to the same: it depends on the message and on what came before it alone.
 * @throws SwitchboardError `conflict` when the workspace has moved on.
 */
export function applyCarry(group: Group, keys: IdempotencyKeys, { workspace, after, rows }: Carry): void {
  if (group.channel({ workspace }).newest.sequence > after) {
    throw new SwitchboardError('conflict', 'the workspace has other entries by now')
  }
  const draft = new Draft(group.draft)
  const records = new RecordDraft(group.records)
  for (const row of rows) {
    if (row.kind === 'record') records.put(workspace, row.projection, row.key, row.record)
    else if (row.expires > group.now) keys.adopt(draft, channelKey(channelOf(workspace, row)), row.scope, row.key, row)
  }
  // Whatever threw above has left no trace.
  draft.keep()
  records.keep()
}

/** A row as one line of JSON. */
export function encodeRow(row: CarriedRow): string {
  return row.kind === 'record'
    ? JSON.stringify(['r', row.projection, row.key, row.record ?? null])
    : JSON.stringify(['k', row.call ?? null, row.scope, row.key, row.fingerprint, row.expires, row.runs])
}

/** @throws Error for a line that is no row. */
export function decodeRows(lines: readonly string[]): CarriedRow[] {
  return lines.map((line) => {
    const [kind, ...values] = JSON.parse(line) as unknown[]
    if (kind === 'r') {
      const [projection, key, record = null] = values
      if (typeof projection !== 'string' || typeof key !== 'string' || !isRecord(record)) throw noRow()
      return { kind: 'record', projection, key, record: record ?? undefined }
    }
    const [call, scope, key, fingerprint, expires, runs] = values
    if (kind !== 'k' || (scope !== 'request' && scope !== 'event')) throw noRow()
    if (typeof key !== 'string' || typeof fingerprint !== 'string' || !Number.isFinite(expires)) throw noRow()
    if ((call !== null && typeof call !== 'string') || !areRuns(runs)) throw noRow()
    return { kind: 'key', call: call ?? undefined, scope, key, fingerprint, expires: expires as number, runs }
  })
}

function noRow(): TypeError {
  return new TypeError('A row is of an unknown kind')
}

function isRecord(value: unknown): value is JsonObject | null {
  return typeof value === 'object' && !Array.isArray(value)
}

function areRuns(value: unknown): value is Remembered['runs'] {
  return (
    Array.isArray(value) &&
    value.every((run) => Array.isArray(run) && run.length === 3 && run.every((part) => Number.isFinite(part)))
  )
}

function channelOf(workspace: string, { call }: CarriedKey): Channel {
  return call === undefined ? { workspace } : { workspace, call }
}
