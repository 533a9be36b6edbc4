import { rmSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { callsProjection } from '../../testing/calls-projection.js'
import { ext4Disk, whyNoPowerCuts } from '../../testing/disks.js'
import { newFolder } from '../../testing/lmdb-bench.js'
import { CHANNELS, numbered } from '../../testing/writer-events.js'
import { expectAllAcknowledged, WriterProcess } from '../../testing/writer-process.js'
import { systemClock } from '../clock.js'
import { openLmdbEngine } from './lmdb.js'
import type { Channel } from './log.js'

const KILLS = 10
const CUTS = 5

const open = (dir: string) => openLmdbEngine({ dir, clock: systemClock, projections: [callsProjection] })
const channelOf = (n: number) => CHANNELS[n % CHANNELS.length] as Channel

test(`what was acknowledged survives ${KILLS} kills in the middle of appends, and a retry stores nothing twice`, async () => {
  const dir = newFolder()
  const acked = new Map<number, number>()
  let next = 0
  let total = 0
  try {
    for (let round = 1; round <= KILLS; round++) {
      const writer = new WriterProcess(dir, next)
      // Anywhere from the first acknowledgements on, and a different place each round.
      await writer.until(({ acked }) => acked.size >= round * 97)
      await writer.kill()
      for (const [n, sequence] of writer.acked) acked.set(n, sequence)
      next = Math.max(...writer.acked.keys()) + 100
    }
    const engine = await open(dir)
    await expectAllAcknowledged(engine.log, acked)
    // The producer heard nothing of some: it sends all of the last again, with the same keys.
    for (let n = next - 300; n < next; n++) {
      const { positions, replayed } = await engine.log.append(channelOf(n), [numbered(n)])
      if (acked.has(n)) expect([replayed, positions[0]?.sequence]).toEqual([1, acked.get(n)])
      acked.set(n, positions[0]?.sequence as number)
    }
    total = await expectAllAcknowledged(engine.log, acked)
    await engine.close()
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  console.log(`${KILLS} kills: ${acked.size} acknowledged, ${total} stored, 0 lost, 0 twice`)
}, 120_000)

const reason = whyNoPowerCuts()
if (reason) console.log(`power cuts are not tested: ${reason}`)

describe.skipIf(reason)('with a disk that loses its power', () => {
  const disk = reason ? undefined : ext4Disk()
  afterAll(() => disk?.end())

  test(`what was acknowledged survives ${CUTS} power cuts, and nothing is acknowledged by a dead disk`, async () => {
    if (disk === undefined) return
    const dir = `${disk.folder}/data`
    const acked = new Map<number, number>()
    let next = 0
    for (let round = 1; round <= CUTS; round++) {
      const writer = new WriterProcess(dir, next)
      const cut = await disk.cutter()
      await writer.until(({ acked }) => acked.size >= round * 211)
      await cut()
      // Every flush fails now. The process must live on and say so, to each of those who wait.
      await writer.until(({ refused }) => refused.length === 16)
      expect(new Set(writer.refused)).toEqual(new Set(['storage_fault false']))
      expect([writer.exitCode, writer.signal]).toEqual([null, null])
      await writer.kill()
      disk.reboot()
      for (const [n, sequence] of writer.acked) acked.set(n, sequence)
      next = Math.max(...writer.acked.keys()) + 100
      const engine = await open(dir)
      await expectAllAcknowledged(engine.log, acked)
      await engine.close()
    }
    console.log(`${CUTS} power cuts: ${acked.size} acknowledged, 0 lost`)
  }, 120_000)
})
