import type { Verdict, Violation } from './checker.js'

/** How much of it: beside other tests, by default, or all. */
export type Scale = 'bounded' | 'usual' | 'full'

export interface Context {
  readonly rounds: number
  readonly scale: Scale
  /** The next number in [0, 1) of the seed. */
  roll(): number
  say(line: string): void
  /** Has something ended with the fault, before what was started earlier. */
  onEnd(end: () => Promise<unknown> | unknown): void
}

export interface Outcome extends Verdict {
  /** What was measured, in words for people. */
  readonly figures: Readonly<Record<string, number | string>>
}

/** One thing that goes wrong, and what must hold all the same. */
export interface Fault {
  readonly name: string
  /** One line. */
  readonly summary: string
  readonly rounds: Readonly<Record<Scale, number>>
  /** Why it cannot be tried here, or undefined when it can. */
  why?(): string | undefined
  run(context: Context): Promise<Outcome>
}

/** A promise that does not show in the history alone. */
export function broken(where: string, detail: string): Violation {
  return { kind: 'promise', where, detail, count: 1 }
}
