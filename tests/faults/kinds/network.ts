import { setTimeout as pause } from 'node:timers/promises'
import { Cable, type Weather } from '../../cable.js'
import { between } from '../dice.js'
import type { Fault } from '../fault.js'
import { Scene } from '../scene.js'
import { spread } from '../spread.js'

const WEATHERS: readonly Weather[] = [
  { kind: 'late', ms: 150 },
  { kind: 'drip' },
  { kind: 'hole', way: 'asked' },
  { kind: 'hole', way: 'answered' },
]
const BAD_MS_MAX = { bounded: 300, usual: 5000, full: 8000 }

/** The way between clients and the server is cut, slow, or takes what is sent and does not bring it. */
export const network: Fault = {
  name: 'network',
  summary: 'connections are cut, delayed, dripping, and deaf in one direction',
  rounds: { bounded: 1, usual: 3, full: 15 },
  async run(context) {
    const { rounds, scale, roll } = context
    let cable: Cable | undefined
    const scene = await Scene.start(context, {
      answerMsMax: 3000,
      everyMs: 2,
      way: async (server) => {
        cable = await Cable.to(server, context.onEnd)
        return cable.far.url
      },
    })
    if (cable === undefined) throw new Error('there is no cable')
    const back: number[] = []
    for (let round = 1; round <= rounds; round++) {
      for (const weather of WEATHERS) {
        cable.weather = weather
        await pause(between(roll, 100, BAD_MS_MAX[scale]))
        cable.weather = { kind: 'fair' }
        back.push(await scene.msToAck())
        await scene.acknowledges(100)
        cable.cut()
        await pause(between(roll, 0, 200))
        cable.mend()
        back.push(await scene.msToAck())
        await scene.acknowledges(100)
      }
    }
    const verdict = await scene.verdict()
    const { reconnects } = scene
    if (reconnects === 0) scene.violate('network', 'no connection was lost')
    return { ...verdict, figures: { troubles: back.length, 'goes on after, ms': spread(back), reconnects } }
  },
}
