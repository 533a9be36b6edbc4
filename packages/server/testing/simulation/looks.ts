import assert from 'node:assert/strict'
import { limits } from '@switchboard/contract'
import type { SimulatedProcess } from './process.js'
import type { Stage } from './stage.js'
import type { TrueChannel } from './truth.js'

const ALL = Number.MAX_SAFE_INTEGER

/** Asks the log what it keeps, and compares (P3, P6). */
export function look(stage: Stage, process: SimulatedProcess, truth: TrueChannel): void {
  const { chance, check } = stage
  const { log } = process
  const { channel } = truth
  const after = chance.below(truth.newestSequence + 2)
  const times = truth.given.map(({ position }) => position.time)
  const time = times.length === 0 ? stage.clock.now() : chance.pick(times) + chance.between(-1, 1)
  const failed = (error: unknown) => check(() => assert(process.isClosing, `a look at the log failed: ${error}`))

  log.read(channel, after, chance.pick([1, 1000, limits.bodyBytesMax])).then(({ blocks, reachedHead }) => {
    check(() => {
      const found = blocks.flatMap((block) => [...block.entries()])
      const left = truth.between(after, ALL).filter(({ isKept }) => isKept)
      const kept = left.filter(({ isDamaged }) => !isDamaged)
      const lost = blocks.flatMap(({ damaged }) => (damaged ? [damaged] : []))
      const isLost = (sequence: number) => lost.some(({ from, to }) => from <= sequence && sequence <= to)
      const reached = reachedHead ? ALL : (blocks[blocks.length - 1]?.last ?? after)
      for (const { name, position, isDamaged } of left) {
        if (position.sequence > reached) break
        assert(
          isLost(position.sequence) === isDamaged,
          `P7: ${name} is ${isDamaged ? '' : 'not '}damaged, and a read says else`,
        )
      }
      const expected = reachedHead ? kept : kept.slice(0, Math.max(1, found.length))
      assert.equal(
        found.length,
        expected.length,
        `P3: a read after ${after} gave ${found.length} of ${expected.length}`,
      )
      for (const [index, { position, frame }] of found.entries()) {
        const entry = expected[index]
        assert.deepEqual(position, entry?.position, `P3: a read after ${after} gave ${position.sequence} out of turn`)
        assert(entry?.frame.equals(frame), `P3: a read gave ${position.sequence} in other words`)
      }
    })
  }, failed)

  log.bounds(channel).then(({ newest, oldest, removed }) => {
    check(() => {
      if (!truth.isDamaged) assert.deepEqual(oldest, truth.oldestKept, 'P6: bounds tell of another oldest entry')
      if (!truth.isDamaged) assert.deepEqual(removed, truth.removed, 'P6: bounds tell of another removal')
      assert.equal(newest.sequence, truth.newestSequence, 'P6: bounds tell of another newest entry')
    })
  }, failed)

  log.positionOf(channel, after).then((position) => {
    const entry = truth.at(after)
    const expected = entry?.isKept && !entry.isDamaged ? entry.position : undefined
    check(() => assert.deepEqual(position, expected, `the position of ${after}`))
  }, failed)

  log.sequenceBefore(channel, time).then((before) => {
    check(() => {
      const last = truth.given.findLast(({ position }) => position.time < time)?.position.sequence ?? 0
      assert(before <= last, `reading after ${before} would leave out entries from ${time} on`)
      // An entry that cannot be read counts as one to be read again.
      const extra = truth.isDamaged ? undefined : truth.between(before, last).find((entry) => entry.isKept)
      assert(extra === undefined, `reading after ${before} would give ${extra?.name}, from before ${time}`)
    })
  }, failed)
}
