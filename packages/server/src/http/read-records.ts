import { formatPosition, type JsonObject, type Position } from '@switchboard/contract'
import type { Log, ProjectedRecord } from '../log/log.js'
import { refusedContinuation } from '../refused-parameter.js'

/** Records read from the log at a time. */
const READ_RECORDS = 500

export interface RecordsRequest {
  readonly workspace: string
  readonly projection: string
  readonly afterKey?: string | undefined
  readonly limit: number
  readonly passes?: (record: JsonObject) => boolean
}

export interface RecordsPage {
  readonly items: readonly ProjectedRecord[]
  /** Key of the last record looked at, when there are more. */
  readonly continueAfter: string | undefined
  /** Where the workspace channel stood before the first record was read. */
  readonly position: Position
}

/**
 * Records that pass, in key order. Between two reads events may be appended; the position is that of the first read, so
 * that streaming after it misses nothing. What it then repeats is in the records already, and folding it again changes
 * nothing.
 */
export async function readRecords(log: Log, request: RecordsRequest): Promise<RecordsPage> {
  const { workspace, projection, limit, passes } = request
  const items: ProjectedRecord[] = []
  let afterKey = request.afterKey
  let position: Position | undefined
  for (;;) {
    // Without a condition no more is read than is shown: one read, and so one instant.
    const wanted = passes === undefined ? limit - items.length : READ_RECORDS
    const read = await log.records(workspace, projection, {
      ...(afterKey !== undefined && { afterKey }),
      limit: Math.min(wanted, READ_RECORDS),
    })
    position ??= read.position
    for (const [index, item] of read.items.entries()) {
      afterKey = item.key
      if (passes?.(item.record) ?? true) items.push(item)
      if (items.length < limit) continue
      const more = read.hasMore || index < read.items.length - 1
      return { items, continueAfter: more ? afterKey : undefined, position }
    }
    if (!read.hasMore || read.items.length === 0) return { items, continueAfter: undefined, position }
  }
}

/** A key as a continuation token, and back: keys are ids that callers chose, tokens are safe in a URL. */
export const keyTokens = {
  of: (key: string): string => Buffer.from(key, 'utf8').toString('base64url'),
  /** @throws SwitchboardError `invalid_parameter` for what no list gave. */
  keyOf(token: string): string {
    const key = Buffer.from(token, 'base64url').toString('utf8')
    if (keyTokens.of(key) === token) return key
    throw refusedContinuation()
  },
}

/** A list of records as it is answered. */
export function recordList(page: RecordsPage, show: (record: JsonObject) => object): object {
  return {
    items: page.items.map(({ record }) => show(record)),
    has_more: page.continueAfter !== undefined,
    continuation_token: page.continueAfter === undefined ? null : keyTokens.of(page.continueAfter),
    position: formatPosition(page.position),
  }
}
