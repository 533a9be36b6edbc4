/** One parser, and what must hold of whatever bytes it is given. */
export interface Target {
  readonly name: string
  /** Inputs to begin with: together they reach what is usual. */
  readonly seeds: readonly (string | Uint8Array)[]
  /** Pieces that the format is made of, beside those that every format is. */
  readonly words: readonly string[]
  /** Throws, or rejects, when something does not hold. Any refusal that the parser documents is no such thing. */
  run(bytes: Buffer): unknown
}

/** What is wrong, with the input that shows it. */
export interface Finding {
  readonly target: string
  readonly input: Buffer
  readonly error: unknown
}

export function hold(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what)
}
