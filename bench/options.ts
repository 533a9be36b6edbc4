import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'

export interface Options {
  /** Names of cases; none means all. */
  readonly cases: readonly string[]
  readonly help: boolean
  readonly list: boolean
  readonly json: boolean
  readonly write: boolean
  readonly dir: string
  readonly rounds: number
}

export const USAGE = `npm run bench -- [options]

  --case NAME    one case; may be given several times (default: all)
  --list         the cases, a line each
  --rounds N     how often each measurement is repeated, 1 to 50 (default: 3)
  --dir PATH     where servers keep their data: the disk that is measured (default: ${tmpdir()})
  --json         what was measured as JSON lines
  --write        put the tables into docs/performance.md
  --help         this`

const ROUNDS = 3
const ROUNDS_MAX = 50

/**
 * @param names Of the cases that there are.
 * @throws Error, in one line, for what is not accepted.
 */
export function readOptions(args: readonly string[], names: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      case: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      dir: { type: 'string', default: tmpdir() },
      rounds: { type: 'string', default: String(ROUNDS) },
    },
  })
  const unknown = values.case.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Error(`--case is "${unknown}"; accepted: ${names.join(', ')}`)
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > ROUNDS_MAX) {
    throw new Error(`--rounds is "${values.rounds}"; accepted: a whole number from 1 to ${ROUNDS_MAX}`)
  }
  const { case: cases, help, list, json, write, dir } = values
  return { cases, help, list, json, write, dir, rounds }
}
