import { expect, test } from 'vitest'
import { kill } from './kinds/kill.js'
import { runFault } from './run.js'

const SEED = 7

test(`kill -9 in the middle of publishing (seed ${SEED}): nothing acknowledged is lost, doubled, crossed or out of order`, async () => {
  const result = await runFault(kill, { seed: SEED, scale: 'bounded', say: console.log })
  if (result.kind !== 'ran') throw new Error(result.why)
  const { violations, acked, delivered } = result.outcome
  expect(violations, result.command).toEqual([])
  expect(acked).toBeGreaterThan(0)
  expect(delivered).toBeGreaterThan(acked)
})
