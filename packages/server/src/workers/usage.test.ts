import { limits } from '@switchboard/contract'
import { expect, test } from 'vitest'
import { createThrottle } from '../access/throttle.js'
import { TestClock } from '../fanout/clock.test-kit.js'
import { createPublishRate } from '../ingest/rate.js'
import { SharedUsage, type Usage } from './usage.js'

/** Processes that tell each other what they have counted, as their parent would pass it on. */
function processes(count: number, clock = new TestClock()) {
  const told: Usage[] = []
  const all = Array.from({ length: count }, (_, index) => {
    const usage: SharedUsage = new SharedUsage((counted) => {
      told.push(counted)
      for (const other of all) if (other.usage !== usage) other.usage.hear(counted)
    })
    return {
      usage,
      throttle: usage.throttle(createThrottle(clock)),
      rate: usage.rate(createPublishRate(10, clock)),
      index,
    }
  })
  return { all, told, clock }
}

const turn = () => new Promise(setImmediate)

test('failures at one process count at all others, once', async () => {
  const { all, told } = processes(3)
  const [one, two, three] = all
  for (let failed = 0; failed < limits.failedCredentialsPerMinute; failed++) one?.throttle.failed('a')
  await turn()
  expect(told).toEqual([{ failed: [['a', limits.failedCredentialsPerMinute]], published: [] }])
  for (const other of [two, three]) {
    expect(() => other?.throttle.failed('a')).toThrow('Too many failed')
    other?.throttle.failed('b')
  }
})

test('what a key publishes at one process is taken from it at all', async () => {
  const { all, clock } = processes(2)
  const [one, two] = all
  one?.rate.take('k', 10)
  two?.rate.take('k', 5)
  await turn()
  // 15 of 10 are used: both wait until the debt is worked off.
  for (const process of all) expect(() => process.rate.take('k', 1)).toThrow('10 events a second')
  clock.advance(600)
  for (const process of all) process.rate.take('k', 0)
})

test('a request that was refused uses nothing up elsewhere', async () => {
  const { all, told } = processes(2)
  const [one] = all
  one?.rate.take('k', 20)
  await turn()
  expect(() => one?.rate.take('k', 20)).toThrow('10 events a second')
  await turn()
  expect(told).toHaveLength(1)
})
