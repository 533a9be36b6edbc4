import { formatPosition, type Position, type ResumePoint, SwitchboardError } from '@switchboard/contract'
import type { Bounds, Channel, Log } from '../log/log.js'
import { beforeOldest, type Gap, gapOf } from './gap.js'

/** Where a subscriber wants to begin. */
export type StartPoint =
  /** After the newest entry. */
  | { readonly kind: 'live' }
  /** With the oldest entry kept. */
  | { readonly kind: 'all' }
  /** A `Last-Event-ID` header that is no position: told as a gap, since a 400 would send automatic clients round in circles. */
  | { readonly kind: 'malformed'; readonly text: string }
  | ResumePoint

/** Where a subscriber begins. */
export interface Start {
  readonly after: Position
  /** True when it goes on from the point it asked for. */
  readonly resumed: boolean
  readonly gap?: Gap
  /**
   * The id of the stream's first frame: what a client that is cut off right after it should come back with. Before a
   * gap it is the point that was asked for, so that the gap is told again; undefined when that point was malformed.
   */
  readonly id: string | undefined
}

/** What a decision needs to know of the log, beside the bounds. */
export interface StartFacts {
  readonly bounds: Bounds
  /** The entry kept under the sequence of an `after`. */
  readonly kept?: Position | undefined
  /** True when the sequence of an `after` lies in a range that cannot be read any more. */
  readonly damaged?: boolean
  /** The last entry before the time of a `from`, or undefined when none is kept. */
  readonly before?: Position | undefined
}

/** Longest piece of a malformed position that is repeated to whoever sent it. */
const REQUESTED_CHARS_MAX = 64

/**
 * Turns what was asked for into "start after this position", with a gap when that is not the whole truth.
 *
 *     × × × removed [oldest] · · · [newest]
 *     └ truncated ┘└ exact: nothing missed ┘└ beyond: unknown
 */
export function startFrom(point: StartPoint, facts: StartFacts, workspace: string): Start {
  const { bounds } = facts
  const { removed, newest } = bounds

  const at = (after: Position, resumed: boolean): Start => ({ after, resumed, id: formatPosition(after) })
  const gap = (code: Gap['code'], requested: string | null): Start => ({
    after: beforeOldest(bounds),
    resumed: false,
    gap: gapOf(code, requested, bounds, workspace),
    id: point.kind === 'malformed' ? undefined : (requested ?? `${newest.time}-0`),
  })

  switch (point.kind) {
    case 'live':
      return at(newest, false)
    case 'all':
      return removed ? gap('history_truncated', null) : at(beforeOldest(bounds), false)
    case 'malformed':
      return gap('unknown_position', point.text.slice(0, REQUESTED_CHARS_MAX))
    case 'from':
      // Something of that instant or after it is gone, or nothing is.
      if (removed && removed.time >= point.time) return gap('history_truncated', String(point.time))
      return at(facts.before ?? beforeOldest(bounds), true)
    case 'after': {
      const { position } = point
      const requested = formatPosition(position)
      if (position.sequence === 0) {
        return removed ? gap('history_truncated', requested) : at(beforeOldest(bounds), true)
      }
      if (position.sequence > newest.sequence) return gap('unknown_position', requested)
      const known = facts.kept ?? (removed?.sequence === position.sequence ? removed : undefined)
      if (known) return known.time === position.time ? at(known, true) : gap('unknown_position', requested)
      // The reader goes on from where it stood, and the cursor tells of what is lost after that.
      if (facts.damaged) return at(position, true)
      const gone = removed !== undefined && position.sequence < removed.sequence
      return gap(gone ? 'history_truncated' : 'unknown_position', requested)
    }
  }
}

/**
 * Asks the log what the decision needs, and decides. While it cannot be found out what other processes have acknowledged,
 * a reader begins with what is known here: the rest follows.
 * @throws SwitchboardError `stream_unavailable` for a position that only another process can know by now.
 */
export async function findStart(log: Log, channel: Channel, point: StartPoint): Promise<Start> {
  const isCurrent = await log.catchUp().then(
    () => true,
    () => false,
  )
  // Bounds last: what is removed or appended while we ask is then in them, and no gap goes unnoticed.
  if (point.kind === 'after') {
    const { sequence } = point.position
    const kept = sequence === 0 ? undefined : await log.positionOf(channel, sequence)
    const bounds = await log.bounds(channel)
    if (!isCurrent && sequence > bounds.newest.sequence) {
      throw new SwitchboardError('stream_unavailable', 'What comes after this position is not known here yet.')
    }
    const damaged = kept === undefined && isDamaged(log, channel, sequence)
    return startFrom(point, { kept, damaged, bounds }, channel.workspace)
  }
  if (point.kind === 'from') {
    const sequence = await log.sequenceBefore(channel, point.time)
    const before = sequence === 0 ? undefined : await log.positionOf(channel, sequence)
    return startFrom(point, { before, bounds: await log.bounds(channel) }, channel.workspace)
  }
  return startFrom(point, { bounds: await log.bounds(channel) }, channel.workspace)
}

function isDamaged(log: Log, { workspace, call }: Channel, sequence: number): boolean {
  return log
    .health()
    .faults.some(
      ({ code, channel, from = 0, to = 0 }) =>
        code === 'damaged' &&
        channel?.workspace === workspace &&
        channel.call === call &&
        from <= sequence &&
        sequence <= to,
    )
}
