import { dice } from './dice.js'
import type { Fault, Outcome, Scale } from './fault.js'

/** What came of one fault. */
export type Result =
  | { readonly name: string; readonly kind: 'left out'; readonly why: string }
  | {
      readonly name: string
      readonly kind: 'ran'
      readonly seed: number
      readonly rounds: number
      readonly seconds: number
      readonly outcome: Outcome
      /** The command that does the same again. */
      readonly command: string
    }

export interface RunOptions {
  readonly seed: number
  readonly scale: Scale
  readonly rounds?: number | undefined
  say(line: string): void
}

const MS = 1000

/** Injects a fault and judges what everybody saw. What the run itself throws is a violation as well. */
export async function runFault(fault: Fault, options: RunOptions): Promise<Result> {
  const { seed, scale, say } = options
  const { name } = fault
  const why = fault.why?.()
  if (why !== undefined) return { name, kind: 'left out', why }
  const rounds = options.rounds ?? fault.rounds[scale]
  const ends: (() => Promise<unknown> | unknown)[] = []
  const startedAt = performance.now()
  let outcome: Outcome
  try {
    outcome = await fault.run({ rounds, scale, roll: dice(seed), say, onEnd: (end) => ends.push(end) })
  } catch (error) {
    const violations = [{ kind: 'promise' as const, where: name, detail: String((error as Error).stack), count: 1 }]
    outcome = { acked: 0, unknown: 0, stored: 0, delivered: 0, violations, figures: {} }
  } finally {
    for (const end of ends.reverse()) await end()
  }
  const full = scale === 'full' ? ' --full' : ''
  const command = `npm run faults -- --only ${name} --rounds ${rounds} --seed ${seed}${full}`
  return { name, kind: 'ran', seed, rounds, seconds: (performance.now() - startedAt) / MS, outcome, command }
}
