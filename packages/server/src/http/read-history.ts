import { type Catalogue, comparePositions, formatPosition, mask, type Position } from '@switchboard/contract'
import { type Gap, gapOf } from '../fanout/gap.js'
import { findStart, type StartPoint } from '../fanout/resume.js'
import type { View } from '../fanout/view.js'
import type { Block, Entry } from '../log/block.js'
import type { Channel, Log } from '../log/log.js'

/** Frames read from the log at a time. Between two reads others have their turn. */
const READ_BYTES = 256 * 1024

/** Frames one page may look through: a filter that nothing passes must not read a week in one request. */
const SCAN_BYTES_MAX = 16 * 1024 * 1024

export interface HistoryRequest {
  readonly channel: Channel
  readonly view: View
  /** Where to begin; `all` = with the oldest kept. */
  readonly from: StartPoint
  /** Events on the page, at most. */
  readonly limit: number
}

/** A page of history, as it is answered. */
export interface HistoryPage {
  /** Events with their position as `id`, oldest first. */
  readonly items: readonly object[]
  /** True when there is more to look through. */
  readonly has_more: boolean
  /** The position of the last entry looked at, whether it was shown or not. */
  readonly continuation_token: string | null
  /** Streaming after the last page's position misses nothing and repeats nothing. */
  readonly position: string
  /** Set when entries are missing on this page, or between what was asked for and the page. */
  readonly gap?: Gap
}

/**
 * Reads a page of a channel's past, up to what was acknowledged before the call.
 * @throws SwitchboardError `storage_fault`; `unavailable` while it cannot be known what that is.
 */
export async function readHistory(log: Log, catalogue: Catalogue, request: HistoryRequest): Promise<HistoryPage> {
  const { channel, view, limit } = request
  await log.catchUp()
  const start = await findStart(log, channel, request.from)
  // Before the first read: what the reads then see reaches at least this far.
  const bounds = await log.bounds(channel)
  // From the oldest kept is what was asked for: that older ones are gone is no news.
  let gap = request.from.kind === 'all' ? undefined : start.gap
  let at: Position = start.after
  let scanned = 0
  let reachedHead = false
  const items: object[] = []

  const show = (entry: Entry): void => {
    const event = view.masked ? mask(catalogue.get(view.kind, entry.type), entry.event) : entry.event
    items.push({ id: formatPosition(entry.position), ...event })
  }
  /** False when the page is full in the middle of the block. */
  const take = (block: Block): boolean => {
    for (const entry of block.entries(at.sequence)) {
      if (items.length === limit) return false
      if (view.passes === undefined || view.passes(entry)) show(entry)
      at = entry.position
    }
    return true
  }

  while (!reachedHead && items.length < limit && scanned < SCAN_BYTES_MAX) {
    const page = await log.read(channel, at.sequence, READ_BYTES)
    let whole = true
    for (const block of page.blocks) {
      if (block.damaged !== undefined) {
        const damaged = { from: Math.max(block.first, at.sequence + 1), to: block.last }
        gap ??= { ...gapOf('history_damaged', formatPosition(at), bounds, channel.workspace), damaged }
        at = { time: at.time, sequence: block.last }
        continue
      }
      scanned += block.bytes.length
      whole = take(block)
      if (!whole) break
    }
    reachedHead = whole && (page.reachedHead || page.blocks.length === 0)
  }
  const more = !reachedHead && comparePositions(at, bounds.newest) < 0
  const head = comparePositions(at, bounds.newest) > 0 ? at : bounds.newest
  return {
    items,
    has_more: more,
    continuation_token: more ? formatPosition(at) : null,
    position: formatPosition(head),
    ...(gap && { gap }),
  }
}
