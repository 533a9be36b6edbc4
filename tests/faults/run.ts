import { dice } from './dice.js'
import { End } from './end.js'
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
  /** Takes what ends the fault when the run is broken off. Default: one of its own. */
  readonly end?: End
}

const MS = 1000

/** Injects a fault and judges what everybody saw. What the run itself throws is a violation as well. */
export async function runFault(fault: Fault, options: RunOptions): Promise<Result> {
  const { seed, scale, say } = options
  const { name } = fault
  const why = fault.why?.()
  if (why !== undefined) return { name, kind: 'left out', why }
  const rounds = options.rounds ?? fault.rounds[scale]
  const end = options.end ?? new End()
  const startedAt = performance.now()
  let outcome: Outcome
  try {
    outcome = await fault.run({ rounds, scale, roll: dice(seed), say, onEnd: (each) => end.add(each) })
  } catch (error) {
    const violations = [{ kind: 'promise' as const, where: name, detail: String((error as Error).stack), count: 1 }]
    outcome = { acked: 0, unknown: 0, stored: 0, delivered: 0, violations, figures: {} }
  } finally {
    await end.all()
  }
  const full = scale === 'full' ? ' --full' : ''
  const command = `npm run faults -- --only ${name} --rounds ${rounds} --seed ${seed}${full}`
  return { name, kind: 'ran', seed, rounds, seconds: (performance.now() - startedAt) / MS, outcome, command }
}
