import { expect, test, vi } from 'vitest'
import { simulate, simulateMany } from '../testing/simulation/simulate.js'

/** Small limits, so that a short schedule reaches them: rings that are trimmed, pages, writes that are cut. */
vi.mock('@switchboard/contract', async (original) => {
  const contract = await original<typeof import('@switchboard/contract')>()
  const KiB = 1024
  const small = { writeBytesMax: 2 * KiB, tailBytesMin: 4 * KiB, tailBytesMax: 16 * KiB, tailsBytesMax: 48 * KiB }
  return { ...contract, limits: { ...contract.limits, ...small } }
})

test('the same seed is the same schedule, to the last byte that anybody is told', async () => {
  for (const seed of [1, 2, 3]) {
    const [first, again] = [await simulate(seed), await simulate(seed)]
    expect(again.trace).toBe(first.trace)
  }
  expect((await simulate(1)).trace).not.toBe((await simulate(2)).trace)
})

test('the promises hold in every order in which things can happen', async () => {
  await simulateMany()
})
