import { expect, onTestFinished, test } from 'vitest'
import { TestClock } from '../../fanout/clock.test-kit.js'
import { Audit } from './audit.js'

/** A copy whose newest message is the seventh, of time 700, and a leader that says when its own was stored. */
function start() {
  const clock = new TestClock()
  const asked: number[] = []
  let says: number | undefined = 700
  let splits = 0
  const audit = new Audit({
    replica: { newest: { sequence: 7, time: 700 } },
    clock,
    timeOf: async (sequence) => {
      asked.push(sequence)
      return says
    },
    onSplit: () => {
      splits += 1
    },
  })
  onTestFinished(() => audit.close())
  return {
    audit,
    asked,
    splits: () => splits,
    /** Lets seconds pass, during all of which the leader says the same. */
    async pass(seconds: number, time: number | undefined) {
      says = time
      for (let second = 0; second < seconds; second++) {
        clock.advance(1_000)
        await new Promise(setImmediate)
      }
    },
  }
}

test('a leader that holds the same message is asked again and again, and nothing comes of it', async () => {
  const { pass, splits, asked } = start()
  await pass(60, 700)
  expect(splits()).toBe(0)
  expect(asked).toEqual(Array.from({ length: 30 }, () => 7))
})

test('a leader that goes on to hold another message in its place is told of once', async () => {
  const { pass, splits } = start()
  await pass(10, 701)
  expect(splits()).toBe(0)
  await pass(30, 701)
  expect(splits()).toBe(1)
})

test('one that says otherwise for a while, as a leader that was cut off, is not believed', async () => {
  const { pass, splits } = start()
  for (let round = 0; round < 5; round++) {
    await pass(10, 701)
    await pass(4, 700)
  }
  expect(splits()).toBe(0)
})

test('a message that is not there any more, and a leader that does not answer, say nothing', async () => {
  const { pass, splits } = start()
  await pass(60, undefined)
  expect(splits()).toBe(0)
})

test('after its end nobody is asked', async () => {
  const { pass, audit, asked } = start()
  audit.close()
  await pass(10, 701)
  expect(asked).toEqual([])
})
