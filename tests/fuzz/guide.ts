import { createRandom, type Random } from '@switchboard/simulator'
import { Coverage } from './coverage.js'
import { mutate } from './mutate.js'
import type { Finding, Target } from './target.js'

export interface GuideOptions {
  readonly seed: number | string
  /** Asked between two batches. */
  readonly isOver: (inputs: number) => boolean
  /** Told before each input is run, so that somebody knows it when it never ends. */
  readonly onInput?: (input: Buffer) => void
}

export interface Guided {
  readonly inputs: number
  /** Inputs that were kept, each for blocks that none before it had reached. */
  readonly corpus: readonly Buffer[]
  /** Characters of our code that ran. */
  readonly reached: number
  /** At most one a kind of error. */
  readonly findings: readonly Finding[]
}

/** The parsers, and what looks at them; not the loop itself. */
const OURS = /\/packages\/\w+\/(src|dist)\/|\/tests\/fuzz\/(targets\/|fuzz\.test)/
/** Inputs between two looks at the coverage. */
const BATCH = 500
/** This long an input of a few KiB may take of a processor: more is a parser that does not grow with its input. */
const INPUT_CPU_MS_MAX = 250

/**
 * Runs a target with inputs that are made of those that reached something new, until it is over. In a new process the same
 * seed gives the same inputs in the same order: what V8 tells of code depends on what has run before.
 */
export async function guide(target: Target, { seed, isOver, onInput }: GuideOptions): Promise<Guided> {
  const random = createRandom(`${seed}/${target.name}`)
  const coverage = new Coverage((url) => OURS.test(url))
  const corpus: Buffer[] = []
  const findings = new Map<string, Finding>()
  let inputs = 0

  const run = async (input: Buffer): Promise<void> => {
    inputs++
    onInput?.(input)
    const error = await errorOf(target, input)
    if (error !== undefined)
      findings.set(kindOf(error), findings.get(kindOf(error)) ?? { target: target.name, input, error })
  }
  /** Keeps those that reach something new by themselves: halves of the batch are run again, and halves of these. */
  const keep = async (batch: readonly Buffer[]): Promise<void> => {
    if (!coverage.isFresh()) return
    if (batch.length === 1) {
      coverage.know()
      corpus.push(...batch)
      return
    }
    const middle = batch.length >> 1
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      for (const input of half) await run(input)
      await keep(half)
    }
  }

  try {
    // What is asked for here has run already: it is the loop's own.
    coverage.isFresh()
    coverage.know()
    const seeds = target.seeds.map((each) => Buffer.from(each as string))
    for (const input of seeds) await run(input)
    await keep(seeds)
    // One that reaches nothing of its own is a good beginning all the same.
    corpus.push(...seeds.filter((input) => !corpus.includes(input)))
    while (!isOver(inputs)) {
      const batch = Array.from({ length: BATCH }, () => made(corpus, target.words, random))
      for (const input of batch) await run(input)
      await keep(batch)
    }
    return { inputs, corpus, reached: coverage.reached, findings: [...findings.values()] }
  } finally {
    coverage.end()
  }
}

/** What is found last is tried most: it is the way to more. */
function made(corpus: readonly Buffer[], words: readonly string[], random: Random): Buffer {
  const recent = random.chance(0.5) ? corpus.slice(-Math.ceil(corpus.length / 4)) : corpus
  return mutate(random.pick(recent), random.pick(corpus), words, random)
}

/** What is wrong with one input; undefined when nothing is. */
export async function errorOf(target: Target, input: Buffer): Promise<unknown> {
  // The target is given its own bytes: one that changes them changes no input of another run.
  const once = async (): Promise<number> => {
    const before = process.cpuUsage()
    await target.run(Buffer.from(input))
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  try {
    // Again before it is called slow: the first time holds what is compiled, and what the collector does.
    if ((await once()) < INPUT_CPU_MS_MAX || (await once()) < INPUT_CPU_MS_MAX) return undefined
    const ms = await once()
    return ms < INPUT_CPU_MS_MAX ? undefined : new Error(`slow: ${input.length} bytes took ${Math.round(ms)} ms`)
  } catch (error) {
    return error ?? new Error('it threw nothing')
  }
}

/** Errors are of one kind when they come from one place and say the same, but for numbers and what is quoted. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const [place = ''] = error.stack?.split('\n').filter((line) => line.includes(' at ')) ?? []
  return `${error.name} ${error.message.replaceAll(/\d+|"[^"]*"|'[^']*'/g, '…').slice(0, 60)} ${place}`
}
