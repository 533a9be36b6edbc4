import { statfsSync } from 'node:fs'
import { tinyDisk, whyNoMounts } from '../../../packages/server/testing/disks.js'
import { until } from '../../kit.js'
import type { Fault } from '../fault.js'
import { Scene } from '../scene.js'
import { spread } from '../spread.js'

const DISK_BYTES = 192 * 1024 * 1024
/** What is left to the server. */
const LEFT_BYTES = 256 * 1024
const ALLOWED = new Set(['507 storage_full', '503 storage_full'])
const RESUME_MS_MAX = 5000

/** The disk is full, and then it is not. Publishers are told, readers go on, and nobody has to start anything again. */
export const full: Fault = {
  name: 'full',
  summary: 'a small disk fills up and is freed',
  rounds: { bounded: 1, usual: 3, full: 10 },
  why: whyNoMounts,
  async run(context) {
    const disk = tinyDisk(DISK_BYTES)
    context.onEnd(() => disk.end())
    const scene = await Scene.start(context, { dir: `${disk.folder}/data`, charsMax: 2000, batch: 5, everyMs: 5 })
    const { server } = scene
    const resumed: number[] = []
    for (let round = 1; round <= context.rounds; round++) {
      await scene.acknowledges(200)
      const { pid } = server
      const { bavail, bsize } = statfsSync(disk.folder)
      disk.fill(bavail * bsize - LEFT_BYTES)
      const refused = () => [...scene.refusals.values()].reduce((sum, count) => sum + count, 0)
      const before = refused()
      await until('publishers to be refused', () => refused() > before + 20 || undefined)
      const [channel] = scene.channels
      if (channel && (await scene.read(channel)).seen.length === 0) scene.violate('full', 'nothing can be read')
      const { status, text } = await scene.readiness()
      if (status !== 503 || !text.includes('disk is full')) scene.violate('full', `/readyz says ${status} ${text}`)
      disk.free()
      const ms = await scene.msToAck()
      resumed.push(ms)
      if (ms > RESUME_MS_MAX) scene.violate('full', `it took ${Math.round(ms)} ms to resume`)
      if (server.pid !== pid || server.exitCode !== null) scene.violate('full', 'the server ended')
    }
    for (const code of scene.refusals.keys()) if (!ALLOWED.has(code)) scene.violate('full', `refused with ${code}`)
    const verdict = await scene.verdict()
    return {
      ...verdict,
      figures: {
        fillings: context.rounds,
        'resumes after, ms': spread(resumed),
        refusals: [...scene.refusals].join(' '),
      },
    }
  },
}
