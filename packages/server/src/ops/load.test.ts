import { expect, test } from 'vitest'
import { LATE_MS, LOOK_EVERY_MS, type MemoryUse, watchLoad } from './load.js'

/** A load whose timer fires when the test says so, as late as it says. */
function watched() {
  let monotonic = 0
  let task = (): void => {}
  const memory = { usedBytes: 0, limitBytes: 1000 }
  const clock = {
    now: () => 0,
    monotonic: () => monotonic,
    after(_: number, next: () => void) {
      task = next
      return () => {}
    },
  }
  const load = watchLoad(clock, (): MemoryUse => memory)
  return {
    load,
    memory,
    look(lateMs: number, times = 1) {
      for (let time = 0; time < times; time++) {
        monotonic += LOOK_EVERY_MS + lateMs
        task()
      }
    },
  }
}

test('one long pause makes nobody late, a second of pauses does, and it is in time again once it has caught up', () => {
  const { load, look } = watched()
  look(0, 10)
  look(2000)
  expect(load.trouble).toBeUndefined()
  look(2000, 2)
  expect(load.trouble).toMatch(/more to do than it can \(\d+ ms late\): no new streams/)
  // Not at the same limit: that would be to and fro.
  look(LATE_MS - 50, 3)
  expect(load.trouble).toBeDefined()
  look(0, 20)
  expect(load.trouble).toBeUndefined()
  expect(load.isShort).toBe(false)
})

test('short memory refuses what is new, and is told with its share', () => {
  const { load, look, memory } = watched()
  memory.usedBytes = 890
  look(0)
  expect([load.trouble, load.isShort, load.memoryShare]).toEqual([undefined, false, 0.89])
  memory.usedBytes = 910
  look(0)
  expect([load.trouble, load.isShort]).toEqual(['Memory is nearly used up (91 %): nothing new is taken.', true])
  memory.usedBytes = 850
  look(0)
  expect(load.isShort).toBe(true)
  memory.usedBytes = 700
  look(0)
  expect(load.isShort).toBe(false)
})

test('a process in peace is not overloaded', async () => {
  const looks: (() => void)[] = []
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (_: number, task: () => void) => {
      looks.push(task)
      return () => {}
    },
  }
  const load = watchLoad(clock)
  looks.shift()?.()
  expect(load.trouble).toBeUndefined()
  expect(load.memoryShare).toBeGreaterThan(0)
  expect(load.memoryShare).toBeLessThan(0.9)
})
