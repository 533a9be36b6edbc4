import type { JsonObject } from '@switchboard/contract'
import { callOf, type TimelineItem } from './timeline.js'

/** Where a timeline is played to. A promise resolves once the events are durable. */
export interface Stage {
  workspaceEvents(events: readonly JsonObject[]): Promise<void>
  callEvents(callSid: string, events: readonly JsonObject[]): Promise<void>
}

export interface PlayOptions {
  /** How many times faster than life; Infinity for no waiting. */
  readonly speed: number
  /** Unix ms. */
  readonly now: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Aborted: what has begun to be sent is sent, and no more. */
  readonly signal: AbortSignal
  /** Told of every item once it is durable, in the timeline's order within each channel and call; also when others fail. */
  readonly onPlayed?: (items: readonly TimelineItem[]) => void
}

/** Items taken together at most: about a second of a busy workspace, and far below what one request may hold. */
const WINDOW_ITEMS_MAX = 500
/** Requests under way at once. */
const REQUESTS_MAX = 16

/**
 * Plays a timeline in time. Whatever is due is sent together, in as few requests as its order allows.
 * @returns Number of events that were sent.
 */
export async function play(items: Iterable<TimelineItem>, stage: Stage, options: PlayOptions): Promise<number> {
  const { speed, now, sleep, signal } = options
  const start = now()
  const dueAt = (item: TimelineItem): number => start + (item.at * 1000) / speed
  const iterator = items[Symbol.iterator]()
  let next = iterator.next()
  let played = 0
  while (!next.done && !signal.aborted) {
    const window: TimelineItem[] = []
    const deadline = now()
    while (!next.done && window.length < WINDOW_ITEMS_MAX && dueAt(next.value) <= deadline) {
      window.push(next.value)
      next = iterator.next()
    }
    if (window.length === 0) {
      if (!next.done) await sleep(dueAt(next.value) - deadline, signal)
      continue
    }
    for (const round of rounds(window)) {
      if (signal.aborted) break
      await playRound(round, stage, (items) => {
        played += items.length
        options.onPlayed?.(items)
      })
    }
  }
  return played
}

/**
 * Splits items into rounds that are sent one after the other; within a round everything may be sent at once, each
 * channel in one request. The order is kept where somebody could see it:
 *
 * 1. within the workspace stream, and within each call's channel;
 * 2. between the two for one call: `session_end` must be there before the `call.ended` that would otherwise make one.
 */
export function rounds(items: readonly TimelineItem[]): readonly (readonly TimelineItem[])[] {
  const all: TimelineItem[][] = []
  const calls = new Map<string, { readonly round: number; readonly observed: boolean }>()
  let workspaceRound = 0
  for (const item of items) {
    const observed = 'obs' in item
    const sid = callOf(item)
    const before = sid === undefined ? undefined : calls.get(sid)
    const afterCall = before === undefined ? 0 : before.round + (before.observed === observed ? 0 : 1)
    const round = observed ? afterCall : Math.max(workspaceRound, afterCall)
    if (!observed) workspaceRound = round
    if (sid !== undefined) calls.set(sid, { round, observed })
    while (all.length <= round) all.push([])
    all[round]?.push(item)
  }
  return all.filter((round) => round.length > 0)
}

/** Resolves once all of it is durable; rejects when no request is under way any more, so that `onPlayed` has told all. */
async function playRound(
  round: readonly TimelineItem[],
  stage: Stage,
  onPlayed: (items: readonly TimelineItem[]) => void,
): Promise<void> {
  const channels = new Map<string | undefined, TimelineItem[]>()
  for (const item of round) {
    const sid = 'obs' in item ? item.call_sid : undefined
    const items = channels.get(sid)
    if (items) items.push(item)
    else channels.set(sid, [item])
  }
  const failures: unknown[] = []
  const queue = channels.entries()
  const lane = async (): Promise<void> => {
    for (const [sid, items] of queue) {
      if (failures.length > 0) return
      await send(sid, items, stage).then(
        () => onPlayed(items),
        (error: unknown) => failures.push(error),
      )
    }
  }
  await Promise.all(Array.from({ length: Math.min(REQUESTS_MAX, channels.size) }, lane))
  if (failures.length > 0) throw failures[0]
}

/** Sends what belongs to one channel; without a call it is the workspace stream. */
function send(sid: string | undefined, items: readonly TimelineItem[], stage: Stage): Promise<void> {
  if (sid === undefined) return stage.workspaceEvents(items.flatMap((item) => ('ws' in item ? [item.ws] : [])))
  return stage.callEvents(
    sid,
    items.flatMap((item) => ('obs' in item ? [item.obs] : [])),
  )
}
