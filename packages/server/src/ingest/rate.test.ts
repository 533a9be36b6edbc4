import { SwitchboardError } from '@switchboard/contract'
import { expect, test } from 'vitest'
import { type Clock, systemClock } from '../clock.js'
import { createPublishRate } from './rate.js'

function heldClock(): { clock: Clock; pass: (ms: number) => void } {
  let time = 0
  return {
    clock: { ...systemClock, monotonic: () => time },
    pass: (ms) => {
      time += ms
    },
  }
}

function retryAfter(take: () => void): number | undefined {
  try {
    take()
    return undefined
  } catch (error) {
    if (error instanceof SwitchboardError && error.code === 'rate_limited') return error.retryAfterSeconds
    throw error
  }
}

test('a key may publish a second’s worth at once, and then as much as time refills', () => {
  const { clock, pass } = heldClock()
  const rate = createPublishRate(10, clock)
  for (let index = 0; index < 10; index++) rate.take('k', 1)
  expect(retryAfter(() => rate.take('k', 1))).toBe(1)
  pass(100)
  expect(retryAfter(() => rate.take('k', 1))).toBeUndefined()
  expect(retryAfter(() => rate.take('k', 1))).toBe(1)
})

test('a batch larger than the bucket is let in, and paid for before the next', () => {
  const { clock, pass } = heldClock()
  const rate = createPublishRate(10, clock)
  rate.take('k', 45)
  expect(retryAfter(() => rate.take('k', 1))).toBe(4)
  pass(3500)
  expect(retryAfter(() => rate.take('k', 1))).toBe(1)
  pass(1)
  expect(retryAfter(() => rate.take('k', 1))).toBeUndefined()
})

test('keys do not share a bucket', () => {
  const { clock } = heldClock()
  const rate = createPublishRate(1, clock)
  rate.take('a', 5)
  expect(retryAfter(() => rate.take('b', 1))).toBeUndefined()
})

test('what is counted without asking is paid for all the same', () => {
  const { clock } = heldClock()
  const rate = createPublishRate(1, clock)
  rate.count('k', 3)
  expect(retryAfter(() => rate.take('k', 1))).toBe(3)
})

test('idling saves no more than a second’s worth', () => {
  const { clock, pass } = heldClock()
  const rate = createPublishRate(2, clock)
  pass(3_600_000)
  rate.take('k', 2)
  expect(retryAfter(() => rate.take('k', 1))).toBe(1)
})
