import { formatPosition, type Position } from '@switchboard/contract'
import type { Bounds } from '../log/log.js'

/**
 * Why events are missing at a place of a stream.
 * - `history_truncated`: retention or erasure removed them.
 * - `unknown_position`: the log never gave the position that was asked for, so what was missed cannot be told.
 * - `history_damaged`: they failed their checksum. Everything around them is delivered.
 */
export type GapCode = 'history_truncated' | 'unknown_position' | 'history_damaged'

/** What a subscriber is told of a gap, as the data of a `stream.gap` frame. */
export interface Gap {
  readonly code: GapCode
  /** What was asked for, or where the reader stood; null when it asked for no position. */
  readonly requested: string | null
  readonly oldest: string | null
  readonly newest: string
  /** Where the present can be read, since the past cannot. */
  readonly state_url: string
  /** First and last sequence lost, for damage. */
  readonly damaged?: { readonly from: number; readonly to: number }
}

export function gapOf(code: GapCode, requested: string | null, bounds: Bounds, workspace: string): Gap {
  return {
    code,
    requested,
    oldest: bounds.oldest ? formatPosition(bounds.oldest) : null,
    newest: formatPosition(bounds.newest),
    state_url: `/v1/${workspace}/state`,
  }
}

/**
 * The position just before the oldest entry kept: resuming after it gives all that is kept, and tells of no gap.
 */
export function beforeOldest(bounds: Bounds): Position {
  return bounds.removed ?? { time: bounds.oldest?.time ?? bounds.newest.time, sequence: 0 }
}
