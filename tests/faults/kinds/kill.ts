import { setTimeout as pause } from 'node:timers/promises'
import { between } from '../dice.js'
import type { Fault } from '../fault.js'
import { Scene } from '../scene.js'
import { spread } from '../spread.js'

const ACKED = { bounded: 200, usual: 1000, full: 10_500 }
const DELAY_MS_MAX = 40

/** The server dies in the middle of publishing, without a goodbye, and is started again. */
export const kill: Fault = {
  name: 'kill',
  summary: 'SIGKILL at random moments, then a start on the same folder',
  rounds: { bounded: 3, usual: 20, full: 100 },
  async run(context) {
    const { rounds, scale, roll, say } = context
    const scene = await Scene.start(context, { batch: scale === 'full' ? 50 : 5 })
    const back: number[] = []
    for (let round = 1; round <= rounds; round++) {
      await scene.acknowledges(ACKED[scale])
      // Anywhere in a commit: a moment that nothing in the server decides.
      await pause(between(roll, 0, DELAY_MS_MAX))
      await scene.server.kill('SIGKILL')
      const since = performance.now()
      const [ms] = await Promise.all([scene.msToAck(), scene.server.run()])
      back.push(ms)
      if (round % 10 === 0)
        say(
          `${round} kills, ${scene.acked} acknowledged, the last back after ${Math.round(performance.now() - since)} ms`,
        )
    }
    const verdict = await scene.verdict()
    return { ...verdict, figures: { kills: rounds, 'start to first ack, ms': spread(back) } }
  },
}
