import { expect, test } from 'vitest'
import type { Clock } from '../clock.js'
import { HOLD_MS, Ordering } from './ordering.js'

/** A clock whose timers fire when the test says so. */
function handClock(): Clock & { fire(): void } {
  let timers: (() => void)[] = []
  return {
    now: () => 0,
    monotonic: () => 0,
    after(_, task) {
      timers.push(task)
      return () => {
        timers = timers.filter((each) => each !== task)
      }
    },
    fire() {
      const due = timers
      timers = []
      for (const task of due) task()
    },
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

test('numbers that come out of order run in order, with no wait once the missing one is there', async () => {
  const ordering = new Ordering(handClock())
  const ran: number[] = []
  const run = (sequence: number) => ordering.inTurn('call', 'words', sequence, async () => void ran.push(sequence))
  const all = [run(3), run(1), run(4), run(2)]
  await Promise.all(all)
  expect(ran).toEqual([1, 2, 3, 4])
})

test('a number that never comes is waited for no longer than the hold', async () => {
  const clock = handClock()
  const ordering = new Ordering(clock, HOLD_MS)
  const ran: number[] = []
  const run = (sequence: number) => ordering.inTurn('call', 'words', sequence, async () => void ran.push(sequence))
  const all = [run(1), run(4), run(3)]
  await settle()
  expect(ran).toEqual([1])
  clock.fire()
  await Promise.all(all)
  expect(ran).toEqual([1, 3, 4])
  await run(2)
  expect(ran).toEqual([1, 3, 4, 2])
})

test('the end of a call comes after all its words, also those that wait', async () => {
  const ordering = new Ordering(handClock())
  const ran: string[] = []
  const word = (sequence: number) =>
    ordering.inTurn('call', 'words', sequence, async () => void ran.push(`word ${sequence}`))
  const two = word(2)
  const end = ordering.afterAll('call', async () => void ran.push('end'))
  await Promise.all([word(1), two, end])
  expect(ran).toEqual(['word 1', 'word 2', 'end'])
})

test('a task that fails fails its own callback and no other', async () => {
  const ordering = new Ordering(handClock())
  const first = ordering.inTurn('call', 'words', 1, () => Promise.reject(new Error('no')))
  const second = ordering.inTurn('call', 'words', 2, async () => 'done')
  await expect(first).rejects.toThrow('no')
  await expect(second).resolves.toBe('done')
})
