import { afterEach, expect, test } from 'vitest'
import { SetClock } from '../../testing/clock.js'
import { openLmdbBench } from '../../testing/lmdb-bench.js'
import { type Bench, event, W1 } from '../../testing/stand.js'
import type { Log } from '../log/log.js'
import { compareChannel, type Pair } from './compare-channel.js'

const benches: Bench[] = []
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.end()
})

/** A log with an entry for each number, a second apart, behind as many others as were erased. */
async function logOf(numbers: readonly number[], erased = 0): Promise<Log> {
  const clock = new SetClock()
  const bench = await openLmdbBench({ clock, projections: [] })
  benches.push(bench)
  const { log } = bench.engine
  clock.time = Date.UTC(2025, 0, 1)
  for (let n = 0; n < erased; n++) await log.append(W1, [event('old', { n })])
  if (erased > 0) await log.erase(W1)
  for (const [index, n] of numbers.entries()) {
    clock.time = Date.UTC(2026, 0, 1) + index * 1000
    await log.append(W1, [event('a', { n })])
  }
  return log
}

async function compare(source: Log, target: Log) {
  const pairs: Pair[] = []
  const comparison = await compareChannel(source, target, W1, async (some) => void pairs.push(...some))
  return { ...comparison, pairs: pairs.map(([there, here]) => [there.sequence, here.sequence]) }
}

test('the same entries at other positions are the same', async () => {
  const found = await compare(await logOf([1, 2, 3]), await logOf([1, 2, 3], 5))
  expect(found).toMatchObject({ isSame: true, aged: 0, entries: [3, 3] })
  expect(found.pairs).toEqual([
    [1, 6],
    [2, 7],
    [3, 8],
  ])
  expect(found.digests[0]).toBe(found.digests[1])
})

test.each([
  ['another event', [1, 9, 3]],
  ['another order', [1, 3, 2]],
  ['one less', [1, 2]],
  ['one more', [1, 2, 3, 4]],
  ['none', []],
])('%s is not the same', async (_, numbers) => {
  const { isSame, entries } = await compare(await logOf([1, 2, 3]), await logOf(numbers))
  expect({ isSame, entries }).toEqual({ isSame: false, entries: [3, numbers.length] })
})

test('what has gone from the target by age is no difference, and is told', async () => {
  const target = await logOf([1, 2, 3])
  expect(await target.retain(Date.UTC(2026, 0, 1) + 1500)).toBe(2)
  const found = await compare(await logOf([1, 2, 3]), target)
  expect(found).toMatchObject({ isSame: true, aged: 2, entries: [3, 1], pairs: [[3, 3]] })
})

test('what is missing at the target, and younger than what has gone by age, is a difference', async () => {
  const target = await logOf([1, 2, 3])
  await target.retain(Date.UTC(2026, 0, 1) + 500)
  const { isSame } = await compare(await logOf([1, 2, 3, 4]), target)
  expect(isSame).toBe(false)
})
