import { describe, expect, test } from 'vitest'
import { callsProjection } from '../../testing/calls-projection.js'
import { tinyDisk, whyNoMounts } from '../../testing/disks.js'
import { numbered } from '../../testing/writer-events.js'
import { expectAllAcknowledged } from '../../testing/writer-process.js'
import { systemClock } from '../clock.js'
import { COMMIT_MS_MAX, Disk } from './disk.js'
import type { Environment } from './environment.js'
import { Faults } from './faults.js'
import { openLmdbEngine } from './lmdb.js'
import type { Engine, Fault } from './log.js'

const MiB = 1024 * 1024
const W1 = { workspace: 'w1' }
const RECOVERY_MS = 5000

const reason = whyNoMounts()
if (reason) console.log(`full disks are not tested: ${reason}`)

describe.skipIf(reason)('on a disk that gets full', () => {
  test('appends are refused, reads go on, nothing acknowledged is lost, and it mends itself when space returns', async () => {
    const disk = tinyDisk(12 * MiB)
    const faults: Fault[] = []
    const dir = `${disk.folder}/data`
    const options = {
      dir,
      clock: systemClock,
      projections: [callsProjection],
      onFault: (fault: Fault) => faults.push(fault),
    }
    let engine: Engine | undefined
    try {
      disk.fill(4 * MiB)
      engine = await openLmdbEngine(options)
      const acked = new Map<number, number>()
      let n = 0
      const fillUp = async () => {
        for (;;) {
          // All of one channel: numbers that divide by three (writer-events.ts).
          const batch = Array.from({ length: 100 }, () => 3 * n++)
          const answer = await engine?.log.append(W1, batch.map(numbered))
          answer?.positions.forEach(({ sequence }, index) => void acked.set(batch[index] as number, sequence))
        }
      }
      await expect(fillUp()).rejects.toMatchObject({ code: 'storage_full', retryAfterSeconds: 5 })
      expect(acked.size).toBeGreaterThan(1000)
      expect(engine.log.health()).toMatchObject({ writable: false, faults: [{ code: 'storage_full' }] })
      await expect(engine.log.append(W1, [numbered(0)])).rejects.toMatchObject({ code: 'storage_full' })
      await expect(engine.store.put('kind', 'key', {})).rejects.toMatchObject({ code: 'storage_full' })
      expect((await engine.log.bounds(W1)).newest.sequence).toBe(acked.size)
      expect((await engine.log.read(W1, 0, MiB)).blocks.length).toBeGreaterThan(0)

      // A server that starts now serves what is there.
      await engine.close()
      engine = await openLmdbEngine(options)
      expect((await engine.log.bounds(W1)).newest.sequence).toBe(acked.size)
      await expect(fillUp()).rejects.toMatchObject({ code: 'storage_full' })

      disk.free()
      const freed = performance.now()
      const { log } = engine
      await expect.poll(() => log.health().writable, { timeout: RECOVERY_MS, interval: 20 }).toBe(true)
      console.log(`writable again ${Math.round(performance.now() - freed)} ms after space returned`)
      const next = 3 * n
      acked.set(next, (await log.append(W1, [numbered(next)])).positions[0]?.sequence as number)
      expect(log.health()).toEqual({ writable: true, faults: [] })
      expect(faults.map(({ code }) => code)).toEqual(['storage_full', 'storage_full'])

      await engine.close()
      engine = await openLmdbEngine(options)
      await expectAllAcknowledged(engine.log, acked)
    } finally {
      await engine?.close()
      disk.end()
    }
  }, 60_000)

  test('removal still works there, and makes the space it needs', async () => {
    const disk = tinyDisk(8 * MiB)
    const engine = await openLmdbEngine({ dir: `${disk.folder}/data`, clock: systemClock })
    try {
      let n = 0
      const fillUp = async () => {
        for (;;)
          await engine.log.append(
            W1,
            Array.from({ length: 100 }, () => numbered(3 * n++)),
          )
      }
      await expect(fillUp()).rejects.toMatchObject({ code: 'storage_full' })
      const { newest } = await engine.log.bounds(W1)
      await engine.log.erase(W1)
      expect(await engine.log.bounds(W1)).toEqual({ newest, oldest: undefined, removed: newest })
    } finally {
      await engine.close()
      disk.end()
    }
  }, 60_000)
})

test.skipIf(reason)('a disk without room for a new log stops the start with a failure that says so', async () => {
  const disk = tinyDisk(64 * 1024)
  try {
    const opening = openLmdbEngine({ dir: `${disk.folder}/data`, clock: systemClock })
    await expect(opening).rejects.toMatchObject({ code: 'storage_full' })
  } finally {
    disk.end()
  }
})

for (const freeBytes of [Number.MAX_SAFE_INTEGER, 0]) {
  const space = freeBytes === 0 ? 'no space' : 'space'
  test(`a disk with ${space} that does not answer is given up: who waits is refused, and so is everybody after`, async () => {
    const timers: { ms: number; task: () => void }[] = []
    const clock = {
      ...systemClock,
      after(ms: number, task: () => void) {
        timers.push({ ms, task })
        return () => {}
      },
    }
    const silent: Pick<Environment, 'commit' | 'freeBytes'> = {
      commit: () => new Promise(() => {}),
      freeBytes: async () => freeBytes,
    }
    const faults = new Faults(() => {})
    const disk = new Disk(silent as Environment, clock, faults, () => {})
    const waiting = disk.commit([])
    expect(timers.map(({ ms }) => ms)).toEqual([COMMIT_MS_MAX])
    timers[0]?.task()
    await expect(waiting).rejects.toMatchObject({ code: 'storage_fault' })
    expect(disk.writable).toBe(false)
    expect(disk.isBroken).toBe(true)
    expect(faults.list).toMatchObject([{ code: 'storage_fault' }])
  })
}
