import { setTimeout as pause } from 'node:timers/promises'
import { between } from '../dice.js'
import type { Fault } from '../fault.js'
import { Scene } from '../scene.js'
import { spread } from '../spread.js'

const STOPPED_MS = { bounded: 400, usual: 6000, full: 15_000 }

/** The process stands still, as in a machine that hangs, while its connections stay open. */
export const paused: Fault = {
  name: 'pause',
  summary: 'SIGSTOP for seconds, then SIGCONT',
  rounds: { bounded: 1, usual: 4, full: 10 },
  async run(context) {
    const { rounds, scale, roll } = context
    const scene = await Scene.start(context, { answerMsMax: 2000 })
    const back: number[] = []
    for (let round = 1; round <= rounds; round++) {
      await scene.acknowledges(200)
      process.kill(scene.server.pid, 'SIGSTOP')
      await pause(between(roll, 200, STOPPED_MS[scale]))
      process.kill(scene.server.pid, 'SIGCONT')
      back.push(await scene.msToAck())
    }
    const verdict = await scene.verdict()
    return { ...verdict, figures: { pauses: rounds, 'goes on after, ms': spread(back), reconnects: scene.reconnects } }
  },
}
