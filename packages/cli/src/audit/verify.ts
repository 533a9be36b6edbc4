import { hash } from 'node:crypto'
import type { JsonObject } from '@switchboard/contract'
import { type AuditBreak, auditBreak, type ChainPlace } from '@switchboard/contract/core'

/** What is known beside the records themselves. */
export interface Known {
  /** The hash of the record before the first to check, as it was noted earlier. */
  readonly from?: string | undefined
  /** The hash of a record that was the newest one day: it has to be there still. */
  readonly head?: string | undefined
}

export type Verdict =
  | { readonly kind: 'ok'; readonly count: number; readonly first: ChainPlace; readonly last: ChainPlace }
  | { readonly kind: 'empty' }
  /** @param at Number of the first record that is wrong; undefined when it has none that can be read. */
  | { readonly kind: 'broken'; readonly at: number | undefined; readonly line: number; readonly why: string }

const WHY: Readonly<Record<AuditBreak, string>> = {
  not_a_record: 'it is no record of an audit trail',
  missing: 'records before it are missing',
  out_of_order: 'it does not stand where it belongs, or stands there twice',
  altered: 'it was altered: its hash is not that of what it says',
  not_linked: 'it is not linked to the record before it',
}

/** Checks a chain of records, each a line of JSON as it was exported. */
export async function verify(lines: AsyncIterable<string> | Iterable<string>, known: Known = {}): Promise<Verdict> {
  let first: ChainPlace | undefined
  let last: ChainPlace | undefined
  let workspace: unknown
  let count = 0
  let line = 0
  let hasHead = known.head === undefined
  let isSkipping = known.from !== undefined
  for await (const text of lines) {
    line += 1
    const record = recordOf(text)
    if (record === undefined) return { kind: 'broken', at: undefined, line, why: WHY.not_a_record }
    if (isSkipping && record.previous !== known.from) continue
    isSkipping = false
    const at = typeof record.sequence === 'number' ? record.sequence : undefined
    const broken = auditBreak(record, last, sha256)
    if (broken !== undefined) return { kind: 'broken', at, line, why: WHY[broken] }
    workspace ??= record.workspace_id
    if (record.workspace_id !== workspace) return { kind: 'broken', at, line, why: 'it is of another workspace' }
    // It has been looked at by now.
    last = { sequence: record.sequence as number, hash: record.hash as string }
    first ??= last
    hasHead ||= last.hash === known.head
    count += 1
  }
  const missing = (why: string): Verdict => ({ kind: 'broken', at: (last?.sequence ?? 0) + 1, line: line + 1, why })
  if (isSkipping) return missing('no record is linked to the hash that --from gives')
  if (!hasHead) return missing('the record that --head names is not there: records were taken off the end, or replaced')
  return first && last ? { kind: 'ok', count, first, last } : { kind: 'empty' }
}

/** A line is taken as it was written: a member that stands there twice would be read by others in another way. */
function recordOf(text: string): JsonObject | undefined {
  try {
    const record: unknown = JSON.parse(text)
    const isObject = typeof record === 'object' && record !== null && !Array.isArray(record)
    return isObject && JSON.stringify(record) === text ? (record as JsonObject) : undefined
  } catch {
    return undefined
  }
}

export function sha256(text: string): string {
  return hash('sha256', text)
}
