import { expect, test } from 'vitest'
import { DueClock } from '../../testing/clock.js'
import type { Log } from '../log/log.js'
import { createLogger } from '../ops/logging.js'
import { keepVerified } from './verification.js'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const DAY_MS = 24 * 60 * 60 * 1000

test('everything is read with nine parts of rest to one of work, once a day, after a failure too, and no more once it has ended', async () => {
  const clock = new DueClock()
  let times = 0
  const log: Pick<Log, 'verify'> = {
    async verify(rest) {
      times++
      // Takes 20 ms, and then next to none.
      clock.time += 20
      await rest?.()
      await rest?.()
      if (times === 1) throw new Error('the disk is slow today')
      return []
    },
  }
  const waits: number[] = []
  const step = async () => {
    const { task, ms } = clock.due ?? { task: () => {}, ms: Number.NaN }
    waits.push(ms)
    clock.due = undefined
    task()
    await turn()
  }
  const lines: string[] = []
  const logger = createLogger({ level: 'warn', sink: { write: (line) => lines.push(line) } })
  const end = keepVerified(log, clock, logger)
  await turn()
  for (let index = 0; index < 3; index++) await step()
  expect(waits).toEqual([180, DAY_MS, 180])
  expect(times).toBe(2)
  expect(lines).toHaveLength(1)
  expect(clock.due?.ms).toBe(DAY_MS)
  await end()
  expect(clock.due).toBeUndefined()
})

test('an end while something is read waits for no more of it', async () => {
  let read = 0
  const clock = new DueClock()
  const log: Pick<Log, 'verify'> = {
    async verify(rest) {
      for (;;) {
        read++
        clock.time += 20
        await rest?.()
      }
    },
  }
  const lines: string[] = []
  const end = keepVerified(log, clock, createLogger({ level: 'warn', sink: { write: (line) => lines.push(line) } }))
  await turn()
  await end()
  expect(read).toBe(1)
  expect(lines).toEqual([])
})
