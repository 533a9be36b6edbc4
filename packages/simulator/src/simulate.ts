import { callStory } from './call.js'
import { Desks } from './desks.js'
import { Heap } from './heap.js'
import { uuid } from './ids.js'
import { DataSource } from './pipeline.js'
import { createRandom } from './random.js'
import { surfaceStory } from './surface.js'
import { roundSeconds, type TimelineItem } from './timeline.js'
import type { World } from './world.js'

export interface SimulatorOptions {
  /** Mean number of calls that start in a minute of the story. */
  readonly callsPerMinute: number
  /** No call, surface or poll begins later than this; calls under way are told to their end. Infinity is allowed. */
  readonly durationSeconds: number
  /** Unix ms of the story's second 0, for the few fields that hold a wall-clock time. */
  readonly startMs: number
  /** How many times faster than life it is played, so that those fields agree with the clock that readers see. */
  readonly speed: number
}

const FIRST_CALL_SECONDS = 1.2
const SERVICES = 3
const DATA_SOURCES = 3
/** Surfaces that come from elsewhere than a call, for each call. */
const SURFACES_PER_CALL = 0.3
/** Enough people that most escalations meet somebody: 18 % of calls, a minute and a half each, and little slack. */
const DESKS_PER_CALL_A_MINUTE = 0.3
const DESKS_MIN = 3
const DESKS_MAX = 60

/**
 * The life of a made-up workspace as a timeline, ordered by time: calls with talk, tools, barge-ins, escalations and
 * takeovers; surfaces through review; operators' shifts; data sources that fail and recover.
 *
 * The same seed and options always give the same timeline, ids included. It is lazy, so it may go on for ever.
 */
export function* simulate(seed: number | string, options: SimulatorOptions): Generator<TimelineItem> {
  const random = createRandom(seed)
  const { callsPerMinute, durationSeconds } = options
  const isoAt = (at: number): string =>
    new Date(Math.round(options.startMs + (at * 1000) / options.speed)).toISOString()
  const deskCount = Math.min(DESKS_MAX, Math.max(DESKS_MIN, Math.ceil(callsPerMinute * DESKS_PER_CALL_A_MINUTE)))
  const desks = new Desks(random.fork('desks'), deskCount, isoAt)
  const services = random.fork('services')
  const world: World = { random, desks, isoAt, serviceIds: Array.from({ length: SERVICES }, () => uuid(services)) }

  const callTimes = arrivals(random.fork('call times'), 60 / callsPerMinute)
  const surfaceTimes = arrivals(random.fork('surface times'), 60 / (callsPerMinute * SURFACES_PER_CALL))
  const sources = Array.from({ length: DATA_SOURCES }, (_, i) => new DataSource(random.fork(`data source ${i + 1}`)))

  const pending = new Heap()
  pending.push(...desks.registrations())
  // The first call comes soon, so that whoever watches is not left in front of an empty screen.
  let nextCall = Math.min(callTimes(), FIRST_CALL_SECONDS)
  let nextSurface = surfaceTimes()
  let calls = 0
  let surfaces = 0
  for (;;) {
    const source = sources.reduce((first, each) => (each.next < first.next ? each : first))
    const next = Math.min(nextCall, nextSurface, source.next)
    // Whatever begins from here on happens at `next` or later, so all that is pending before it is final.
    pending.push(...desks.shiftsBefore(Math.min(next, durationSeconds)))
    yield* pending.popBefore(Math.min(next, durationSeconds))
    if (next >= durationSeconds) break
    if (next === nextCall) {
      const story = callStory(world, next, `call ${++calls}`)
      pending.push(...story.items)
      if (story.formSentAt !== undefined)
        pending.push(...surfaceStory(world, story.formSentAt, `form of call ${calls}`))
      nextCall = callTimes()
    } else if (next === nextSurface) {
      pending.push(...surfaceStory(world, next, `surface ${++surfaces}`))
      nextSurface = surfaceTimes()
    } else {
      pending.push(source.poll())
    }
  }
  // A call that is still under way may wait for somebody whose shift begins only now.
  pending.push(...desks.shiftsBefore(pending.lastCallAt()))
  yield* windDown([...pending.popBefore(Infinity)])
}

/** Independent arrivals with this mean distance in seconds: a function that gives the next one's time. */
function arrivals(random: ReturnType<typeof createRandom>, meanSeconds: number): () => number {
  let at = 0
  return () => {
    // Never two at the same millisecond, so that times order the arrivals.
    at = roundSeconds(at + Math.max(0.001, random.waiting(meanSeconds)))
    return at
  }
}

/**
 * After the last beginning: calls are told to their end, surfaces stay as they stand, and then everybody goes home.
 * @param rest What is still pending, in order.
 */
function* windDown(rest: readonly TimelineItem[]): Generator<TimelineItem> {
  // Who has another shift before the last call is over leaves in between, and only then for good.
  const last = new Map(rest.filter(isGoingHome).map((item) => ['ws' in item && item.ws.operator_id, item]))
  const goingHome = new Set(last.values())
  const told = rest.filter((item) => !isSurface(item) && !goingHome.has(item))
  yield* told
  let leaving = told.at(-1)?.at ?? rest[0]?.at ?? 0
  for (const item of goingHome) {
    leaving = roundSeconds(leaving + 0.5)
    yield { ...item, at: leaving }
  }
}

function isSurface(item: TimelineItem): boolean {
  return 'ws' in item && String(item.ws.event_type).startsWith('surface.')
}

function isGoingHome(item: TimelineItem): boolean {
  return 'ws' in item && item.ws.status === 'offline'
}
