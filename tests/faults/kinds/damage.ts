import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { damages } from '../../../packages/server/testing/damage/damages.js'
import { writeFolder } from '../../../packages/server/testing/damage/known.js'
import { Looker } from '../../../packages/server/testing/damage/looker.js'
import type { Violation } from '../checker.js'
import { broken, type Fault } from '../fault.js'

interface Tally {
  harmless: number
  named: number
  silent: number
  /** Of those that are named: only once everything is verified. */
  late: number
}

/**
 * The folder of a server that is stopped is changed. Whoever starts on it reads what was stored, or is told what is not: at the
 * start, at the first use, or by a verification of everything.
 */
export const damage: Fault = {
  name: 'damage',
  summary: 'files cut short, bits flipped, pages lost and mixed up while nobody has them open',
  rounds: { bounded: 15, usual: 60, full: 200 },
  async run(context) {
    const { rounds, roll, say } = context
    const base = mkdtempSync(join(tmpdir(), 'switchboard-damage-'))
    context.onEnd(() => rmSync(base, { recursive: true, force: true }))
    const [sound, copy] = [join(base, 'sound'), join(base, 'copy')]
    const known = await writeFolder(sound)
    const looker = new Looker(known, join(base, 'known.json'))
    context.onEnd(() => looker.end())
    const kinds = Object.entries(damages)
    const tallies = new Map<string, Tally>()
    const violations: Violation[] = []
    for (let round = 0; round < rounds; round++) {
      const [kind, inflict] = kinds[round % kinds.length] as (typeof kinds)[number]
      rmSync(copy, { recursive: true, force: true })
      cpSync(sound, copy, { recursive: true })
      const done = inflict(copy, roll)
      const finding = await looker.look(copy)
      const tally = tallies.get(kind) ?? { harmless: 0, named: 0, silent: 0, late: 0 }
      tallies.set(kind, tally)
      tally[finding.kind]++
      if (finding.when === 'verification') tally.late++
      if (finding.kind === 'silent') violations.push(broken(`${kind}: ${done}`, finding.detail))
    }
    for (const [kind, { harmless, named, silent, late }] of tallies) {
      const all = harmless + named + silent
      say(`${kind.padEnd(20)} ${all} times: ${harmless} harmless, ${named} named (${late} by verify), ${silent} silent`)
    }
    const sum = (of: (tally: Tally) => number) => [...tallies.values()].reduce((total, tally) => total + of(tally), 0)
    return {
      acked: known.keys.length,
      unknown: 0,
      stored: known.keys.length,
      delivered: 0,
      violations,
      figures: {
        damages: rounds,
        harmless: sum(({ harmless }) => harmless),
        named: sum(({ named }) => named),
        'of them by verify alone': sum(({ late }) => late),
      },
    }
  },
}
