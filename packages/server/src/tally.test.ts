import { expect, test } from 'vitest'
import { TestClock } from './fanout/clock.test-kit.js'
import { noMeter } from './meter.js'
import { sumCounts, Tally, tallied } from './tally.js'

test('each workspace is counted for itself, and what belongs to none is not', () => {
  const tally = new Tally(new TestClock())
  const meter = tallied(noMeter, tally)
  meter.refused('forbidden', 'a')
  meter.refused('forbidden', 'a')
  meter.refused('unauthenticated')
  meter.appended('observer', 3, 0.001, 'b')
  expect(tally.of('a')).toMatchObject({ published: 0, refusals: [{ code: 'forbidden', count: 2 }] })
  expect(tally.of('b')).toMatchObject({ published: 3, refusals: [] })
})

test('workspaces beyond the limit take no memory, and those before it go on', () => {
  const tally = new Tally(new TestClock())
  for (let n = 0; n < 10_001; n++) tally.published(`${n}`, 1)
  tally.published('0', 1)
  expect([tally.of('0').published, tally.of('9999').published, tally.of('10000').published]).toEqual([2, 1, 0])
})

test('counts of several processes are sums, since the first began', () => {
  const refusal = (count: number, lastAt: number) => ({ code: 'forbidden' as const, count, lastAt })
  const sum = sumCounts([
    { since: 5, published: 2, refusals: [refusal(1, 9)] },
    { since: 3, published: 4, refusals: [refusal(2, 8)] },
  ])
  expect(sum).toEqual({ since: 3, published: 6, refusals: [refusal(3, 9)] })
})
