import fc from 'fast-check'
import { expect, test } from 'vitest'
import { play, rounds } from './player.js'
import { callOf, type TimelineItem } from './timeline.js'

const ws = (at: number, call_sid?: string): TimelineItem => ({
  at,
  ws: { event_type: 'x', at, ...(call_sid === undefined ? {} : { call_sid }) },
})
const obs = (at: number, call_sid: string): TimelineItem => ({ at, obs: { type: 'y', at }, call_sid })

test('events that nobody could see in another order are sent together', () => {
  expect(rounds([ws(1), ws(2), obs(3, 'a'), obs(4, 'b'), obs(5, 'a')])).toHaveLength(1)
})

test('a call that ends on the workspace stream has its last words out before', () => {
  const items = [ws(1, 'a'), obs(2, 'a'), ws(3, 'a')]
  expect(rounds(items)).toEqual([[items[0]], [items[1]], [items[2]]])
})

test('whatever the timeline, the order within the stream, within a call and across the two for one call is kept', () => {
  const item = fc.oneof(
    fc.record({ ws: fc.constant(true), sid: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }) }),
    fc.record({ ws: fc.constant(false), sid: fc.constantFrom('a', 'b', 'c') }),
  )
  fc.assert(
    fc.property(fc.array(item, { maxLength: 60 }), (shapes) => {
      const items = shapes.map((shape, at) => (shape.ws ? ws(at, shape.sid) : obs(at, shape.sid ?? 'a')))
      const split = rounds(items)
      expect(split.flat()).toHaveLength(items.length)
      const stream = split.flatMap((round) => round.filter((each) => 'ws' in each).map((each) => each.at))
      expect(stream).toEqual([...stream].sort((x, y) => x - y))
      for (const sid of ['a', 'b', 'c']) {
        // Across rounds times rise; inside one round a call is on one channel only, where the request keeps the order.
        for (const round of split) {
          const kinds = new Set(round.filter((each) => callOf(each) === sid).map((each) => 'ws' in each))
          expect(kinds.size).toBeLessThan(2)
        }
        const times = split.flat().flatMap((each) => (callOf(each) === sid ? [each.at] : []))
        expect(times).toEqual([...times].sort((x, y) => x - y))
      }
    }),
  )
})

/** A clock that jumps to whatever is waited for. */
function jumpingClock() {
  const clock = {
    ms: 0,
    slept: [] as number[],
    now: () => clock.ms,
    async sleep(ms: number) {
      clock.slept.push(ms)
      clock.ms += ms
    },
  }
  return clock
}

test('at twice the speed, half the time passes between events', async () => {
  const clock = jumpingClock()
  const sent: { at: number; events: number }[] = []
  const stage = {
    async workspaceEvents(events: readonly unknown[]) {
      sent.push({ at: clock.ms, events: events.length })
    },
    async callEvents() {},
  }
  const signal = new AbortController().signal
  const played = await play([ws(0), ws(0), ws(4), ws(10)], stage, { ...clock, speed: 2, signal })
  expect(played).toBe(4)
  expect(sent).toEqual([
    { at: 0, events: 2 },
    { at: 2000, events: 1 },
    { at: 5000, events: 1 },
  ])
})

test('at the highest speed nothing waits', async () => {
  const clock = jumpingClock()
  const stage = { async workspaceEvents() {}, async callEvents() {} }
  const signal = new AbortController().signal
  const items = Array.from({ length: 1200 }, (_, at) => ws(at * 60))
  expect(await play(items, stage, { ...clock, speed: Number.POSITIVE_INFINITY, signal })).toBe(1200)
  expect(clock.slept).toEqual([])
})

test('when it is stopped, nothing more is sent', async () => {
  const clock = jumpingClock()
  const stop = new AbortController()
  let sent = 0
  const stage = {
    async workspaceEvents(events: readonly unknown[]) {
      sent += events.length
      stop.abort()
    },
    async callEvents() {},
  }
  expect(await play([ws(0), ws(1), ws(2)], stage, { ...clock, speed: 1, signal: stop.signal })).toBe(1)
  expect(sent).toBe(1)
})

test('when a request fails, what others have made durable is told first, and nothing more is sent', async () => {
  const sent: string[] = []
  const told: TimelineItem[] = []
  const stage = {
    async workspaceEvents() {
      throw new Error('refused')
    },
    async callEvents(sid: string) {
      await new Promise(setImmediate)
      sent.push(sid)
    },
  }
  const options = { ...jumpingClock(), speed: 1, signal: new AbortController().signal }
  const playing = play([ws(0), obs(0, 'a'), ws(9)], stage, { ...options, onPlayed: (items) => told.push(...items) })
  await expect(playing).rejects.toThrow('refused')
  expect(sent).toEqual(['a'])
  expect(told).toEqual([obs(0, 'a')])
})
