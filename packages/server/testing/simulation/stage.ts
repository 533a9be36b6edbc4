import type { Chance } from './chance.js'
import type { SimulatedDisk } from './disk.js'
import type { SimulatedClock } from './event-loop.js'
import type { Ledger } from './ledger.js'
import type { Truth } from './truth.js'

/** What all parts of one simulation share. */
export interface Stage {
  readonly chance: Chance
  readonly clock: SimulatedClock
  readonly disk: SimulatedDisk
  readonly truth: Truth
  readonly ledger: Ledger
  /** One line of what happened. */
  note(line: string): void
  /** Runs a check. It does not throw: what is found deep inside the code under test must not be caught there. */
  check(check: () => void): void
}
