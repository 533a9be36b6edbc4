import { createRandom } from '@switchboard/simulator'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { guide } from './guide.js'
import { mutate } from './mutate.js'
import type { Target } from './target.js'
import { targets } from './targets.js'

/** The same inputs at each run; fast-check prints the seed and the smallest input that it has found. */
const CHANCE = { seed: 20261126, numRuns: 250 }
const PIECES_MAX = 12
const SEED = 1

/** What the target knows, changed a little; and its own words in any order, with any text and bytes between them. */
function inputsOf({ seeds, words }: Target): fc.Arbitrary<Buffer> {
  const known = fc.constantFrom(...seeds.map((seed) => Buffer.from(seed as string)))
  const changed = fc.tuple(known, known, fc.nat()).map(([one, other, n]) => mutate(one, other, words, createRandom(n)))
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.json({ maxDepth: 2 }),
    fc.constantFrom(...words, ''),
  )
  const piece = fc.oneof(
    text.map((each) => Buffer.from(each)),
    fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
    fc.tuple(known, fc.nat(), fc.nat(64)).map(([seed, at, length]) => {
      const from = at % (seed.length + 1)
      return seed.subarray(from, from + length)
    }),
  )
  return fc.oneof(
    changed,
    fc.array(piece, { maxLength: PIECES_MAX }).map((pieces) => Buffer.concat(pieces)),
  )
}

/** `npm run fuzz` goes on for as long as it is let, led by what code it reaches. */
test.each(targets.map((target) => [target.name, target] as const))(
  'whatever the parser of %s is given, what must hold does',
  async (_, target) => {
    for (const seed of target.seeds) await target.run(Buffer.from(seed as string))
    await fc.assert(
      fc.asyncProperty(inputsOf(target), async (input) => {
        await target.run(input)
      }),
      CHANCE,
    )
  },
)

const INPUTS = 60_000

/** Found by whoever is told that he gets warmer, and in years by whoever is not: one of 2^32 beginnings. */
const maze: Target = {
  name: 'maze',
  seeds: ['.....'],
  words: [],
  run(bytes) {
    if (bytes[0] !== 0x7b) return
    if (bytes[1] !== 0x5b) return
    if (bytes[2] !== 0x22) return
    if (bytes[3] === 0x5c) throw new Error('the way out')
  },
}

test('an input that only coverage leads to is found', async () => {
  const { findings, corpus } = await guide(maze, { seed: SEED, isOver: (inputs) => inputs >= INPUTS })
  expect(findings.map(({ error }) => String(error))).toEqual(['Error: the way out'])
  expect(findings[0]?.input.subarray(0, 4)).toEqual(Buffer.from([0x7b, 0x5b, 0x22, 0x5c]))
  expect(corpus.length).toBeGreaterThan(3)
})

test('an input that takes too long is found too', async () => {
  const slow: Target = {
    name: 'slow',
    seeds: ['x'],
    words: [],
    run() {
      const before = process.cpuUsage()
      while (cpuMicroseconds(before) < 300_000);
    },
  }
  const { findings } = await guide(slow, { seed: SEED, isOver: () => true })
  expect(String(findings[0]?.error)).toMatch(/^Error: slow: 1 bytes took \d+ ms/)
})

function cpuMicroseconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return user + system
}
