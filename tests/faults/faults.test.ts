import { describe, expect, test } from 'vitest'
import { clock } from './kinds/clock.js'
import { damage } from './kinds/damage.js'
import { fsync } from './kinds/fsync.js'
import { runFault } from './run.js'

const SEED = 7

// The cheap ones that no other test injects into a real server; `npm run faults` has them all.
describe.each([fsync, clock])('$name: $summary', (fault) => {
  const why = fault.why?.()
  if (why !== undefined) console.log(`${fault.name} is not tested: it ${why}`)

  test.skipIf(why)(`nothing acknowledged is lost, doubled, crossed or out of order (seed ${SEED})`, async () => {
    const result = await runFault(fault, { seed: SEED, scale: 'bounded', say: console.log })
    if (result.kind !== 'ran') throw new Error(result.why)
    const { violations, acked, delivered } = result.outcome
    expect(violations, result.command).toEqual([])
    expect(acked).toBeGreaterThan(0)
    expect(delivered).toBeGreaterThan(acked)
  })
})

test(`${damage.summary}: nothing goes unnoticed (seed ${SEED})`, async () => {
  const result = await runFault(damage, { seed: SEED, scale: 'bounded', say: console.log })
  if (result.kind !== 'ran') throw new Error(result.why)
  expect(result.outcome.violations, result.command).toEqual([])
  expect(result.outcome.figures.named).toBeGreaterThan(0)
}, 60_000)
