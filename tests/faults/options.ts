import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'

export interface Options {
  readonly only: readonly string[]
  readonly rounds: number | undefined
  readonly seed: number
  readonly isFull: boolean
  readonly report: string | undefined
  readonly help: boolean
}

export const USAGE = `npm run faults -- [options]

  --only NAMES   some faults, separated by commas (default: all)
  --rounds N     how often each is injected (default: as many as take about ten minutes together)
  --seed N       gives the same moments, places and sizes again (default: a new one, which is printed)
  --full         100 kills with a million events, 50 power cuts, 200 damages, 5,000 readers, 10,000 connections
  --report FILE  the table as JSON, too
  --help         this`

const SEED_MAX = 2 ** 31
const ROUNDS_MAX = 10_000

/**
 * @param names Of the faults that there are.
 * @throws Error, in one line, for what is not accepted.
 */
export function readOptions(args: readonly string[], names: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string' },
      seed: { type: 'string', default: String(randomInt(SEED_MAX)) },
      full: { type: 'boolean', default: false },
      report: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const only = values.only?.split(',') ?? []
  const unknown = only.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Error(`--only has "${unknown}"; accepted: ${names.join(', ')}`)
  return {
    only,
    rounds: values.rounds === undefined ? undefined : whole('--rounds', values.rounds, 1, ROUNDS_MAX),
    seed: whole('--seed', values.seed, 0, SEED_MAX),
    isFull: values.full,
    report: values.report,
    help: values.help,
  }
}

export function whole(name: string, text: string, least: number, most: number): number {
  const number = Number(text)
  if (Number.isInteger(number) && number >= least && number <= most) return number
  throw new Error(`${name} is "${text}"; accepted: a whole number from ${least} to ${most}`)
}
