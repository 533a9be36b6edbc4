import { ext4Disk, whyNoPowerCuts } from '../../../packages/server/testing/disks.js'
import type { Fault } from '../fault.js'
import { Scene } from '../scene.js'
import { spread } from '../spread.js'

const ACKED = { bounded: 100, usual: 500, full: 1000 }
const DISK_BYTES = 1024 * 1024 * 1024

/** The disk loses all that was not flushed. Nothing is acknowledged by a dead disk, and nothing acknowledged is lost. */
export const power: Fault = {
  name: 'power',
  summary: 'power cuts of an ext4 on a loop device',
  rounds: { bounded: 1, usual: 5, full: 50 },
  why: whyNoPowerCuts,
  async run(context) {
    const { rounds, scale, say } = context
    const disk = ext4Disk(DISK_BYTES)
    context.onEnd(() => disk.end())
    const scene = await Scene.start(context, { dir: `${disk.folder}/data`, batch: scale === 'full' ? 10 : 2 })
    const back: number[] = []
    for (let round = 1; round <= rounds; round++) {
      const cut = await disk.cutter()
      await scene.acknowledges(ACKED[scale])
      await cut()
      const { server } = scene
      if (server.exitCode !== null) scene.violate('power', `the server ended with ${server.exitCode}`)
      await server.kill('SIGKILL')
      disk.reboot()
      const [ms] = await Promise.all([scene.msToAck(), server.run()])
      back.push(ms)
      if (round % 10 === 0) say(`${round} cuts, ${scene.acked} acknowledged`)
    }
    const verdict = await scene.verdict()
    return { ...verdict, figures: { cuts: rounds, 'start to first ack, ms': spread(back) } }
  },
}
