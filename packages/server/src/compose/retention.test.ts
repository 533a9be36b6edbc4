import { expect, test } from 'vitest'
import { DueClock } from '../../testing/clock.js'
import type { Log } from '../log/log.js'
import { createLogger } from '../ops/logging.js'
import { keepRetention } from './retention.js'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('old events are looked for again and again, after a failure too, and no more once it has ended', async () => {
  const clock = new DueClock(1_000_000)
  const asked: number[] = []
  const log: Pick<Log, 'retain'> = {
    async retain(before) {
      asked.push(before)
      if (asked.length === 2) throw new Error('the disk is slow today')
      return 0
    },
  }
  const lines: string[] = []
  const logger = createLogger({ level: 'warn', sink: { write: (line) => lines.push(line) } })
  const end = keepRetention(log as Log, clock, 10_000, logger)
  for (let index = 0; index < 3; index++) {
    expect(clock.due?.ms).toBe(1000)
    clock.time += 1000
    clock.due?.task()
    await turn()
  }
  expect(asked).toEqual([991_000, 992_000, 993_000])
  expect(lines).toHaveLength(1)
  await end()
  expect(clock.due).toBeUndefined()
})
