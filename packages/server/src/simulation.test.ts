import { rmSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { newFolder } from '../testing/lmdb-bench.js'
import { Chance } from '../testing/simulation/chance.js'
import { SimulatedDisk } from '../testing/simulation/disk.js'
import { SimulatedClock } from '../testing/simulation/event-loop.js'
import { simulate, simulateMany } from '../testing/simulation/simulate.js'
import { openEnvironment, type Write } from './log/environment.js'

/** Small limits, so that a short schedule reaches them: rings that are trimmed, pages, writes that are cut. */
vi.mock('@switchboard/contract', async (original) => {
  const contract = await original<typeof import('@switchboard/contract')>()
  const KiB = 1024
  const small = { writeBytesMax: 2 * KiB, tailBytesMin: 4 * KiB, tailBytesMax: 16 * KiB, tailsBytesMax: 48 * KiB }
  return { ...contract, limits: { ...contract.limits, ...small } }
})

test('the same seed is the same schedule: what happens, and what everybody is told and when', async () => {
  for (const seed of [1, 2, 3]) {
    const [first, again] = [await simulate(seed), await simulate(seed)]
    expect(again.trace).toBe(first.trace)
  }
  expect((await simulate(1)).trace).not.toBe((await simulate(2)).trace)
})

test('the promises hold in whatever order things happen', { timeout: 0 }, async () => {
  expect(await simulateMany()).toEqual([])
})

test('the simulated disk gives back what LMDB gives back', async () => {
  const dir = newFolder()
  const real = await openEnvironment(dir, () => {})
  const disk = new SimulatedDisk(new Chance(1), new SimulatedClock(), () => {})
  const simulated = disk.open()
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 3 }).map((array) => Buffer.from(array))
  const table = fc.constantFrom('blocks' as const, 'store' as const)
  const value = fc.option(
    fc.uint8Array({ minLength: 1, maxLength: 3 }).map((array) => Buffer.from(array)),
    { nil: undefined },
  )
  const write: fc.Arbitrary<Write> = fc.record({ table, key: bytes, value })
  const range = fc.record(
    { start: bytes, end: bytes, reverse: fc.boolean(), limit: fc.integer({ min: 1, max: 4 }) },
    { requiredKeys: ['start', 'end'] },
  )
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(write, { minLength: 1 }), table, bytes, range, async (writes, table, key, range) => {
        await real.commit(writes)
        const committed = simulated.commit(writes)
        disk.land()
        disk.answer()
        await committed
        expect(simulated.get(table, key)).toEqual(real.get(table, key))
        expect([...simulated.range(table, range)]).toEqual([...real.range(table, range)])
        expect([...simulated.keys(table, range)]).toEqual([...real.keys(table, range)])
      }),
      { numRuns: 200 },
    )
  } finally {
    await real.close()
    rmSync(dir, { recursive: true })
  }
})
