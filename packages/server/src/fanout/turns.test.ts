import { expect, test } from 'vitest'
import { TestClock } from './clock.test-kit.js'
import { createTurns } from './turns.js'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('any number of requests within a turn are one run, on the next turn', async () => {
  let runs = 0
  const turns = createTurns(new TestClock(), () => {
    runs += 1
  })
  turns.request()
  turns.request()
  expect(runs).toBe(0)
  await turn()
  expect(runs).toBe(1)
  await turn()
  expect(runs).toBe(1)
})

test('a run that took long is followed by a pause twice as long, up to the limit', async () => {
  const clock = new TestClock()
  for (const [tookMs, pauseMs] of [
    [1, 0],
    [10, 20],
    [30, 50],
    [500, 50],
  ] as const) {
    let runs = 0
    const turns = createTurns(clock, () => {
      runs += 1
      if (runs === 1) clock.advance(tookMs)
    })
    turns.request()
    await turn()
    turns.request()
    await turn()
    if (pauseMs > 0) {
      expect(runs).toBe(1)
      clock.advance(pauseMs - 1)
      expect(runs).toBe(1)
      clock.advance(1)
    }
    expect(runs).toBe(2)
  }
})

test('a request during a run is another run', async () => {
  let runs = 0
  const turns = createTurns(new TestClock(), () => {
    runs += 1
    if (runs === 1) turns.request()
  })
  turns.request()
  await turn()
  await turn()
  expect(runs).toBe(2)
})

test('nothing runs after the stop', async () => {
  let runs = 0
  const turns = createTurns(new TestClock(), () => {
    runs += 1
  })
  turns.request()
  turns.stop()
  await turn()
  expect(runs).toBe(0)
})
