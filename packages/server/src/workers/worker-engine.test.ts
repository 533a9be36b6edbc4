import { rmSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { newFolder } from '../../testing/lmdb-bench.js'
import { privacySuite, sealed } from '../../testing/privacy.suite.js'
import { promiseSuite } from '../../testing/promises.suite.js'
import { event, key, numbersOf, W1 } from '../../testing/stand.js'
import { openWorkerBench, Parent } from '../../testing/worker-bench.js'
import { systemClock } from '../clock.js'
import type { Log, StoreChange } from '../log/log.js'

promiseSuite('a worker over LMDB', sealed(openWorkerBench), { ownClock: true, dense: true, shared: true })
privacySuite('a worker over LMDB', sealed(openWorkerBench))

async function parent(): Promise<Parent> {
  const dir = newFolder()
  const opened = await Parent.open(dir, {
    clock: systemClock,
    onListenerError(error) {
      throw error
    },
  })
  onTestFinished(async () => {
    await opened.close()
    rmSync(dir, { recursive: true, force: true })
  })
  return opened
}

async function twoWorkers() {
  const opened = await parent()
  return [await opened.worker(), await opened.worker()] as const
}

/** Somebody always reads, so that a snapshot is always at hand: an old one must not be used. */
function readAllTheTime(log: Log): () => void {
  let isOver = false
  onTestFinished(() => {
    isOver = true
  })
  void (async () => {
    while (!isOver) {
      await log.bounds(W1)
      await new Promise(setImmediate)
    }
  })()
  return () => {
    isOver = true
  }
}

describe('two workers of one parent', () => {
  test('are told of the same entries in the same order, and can read them when they are told', async () => {
    const [one, two] = await twoWorkers()
    const seen: number[][] = [[], []]
    const stops = [readAllTheTime(one.log), readAllTheTime(two.log)]
    for (const [index, { log }] of [one, two].entries()) {
      log.follow(async (channel, block) => {
        seen[index]?.push(...block.sequences)
        // Asked in the turn in which it is told.
        const bounds = log.bounds(channel)
        expect((await bounds).newest.sequence).toBeGreaterThanOrEqual(block.last)
      })
    }
    await Promise.all(
      [one, two].flatMap(({ log }, index) =>
        Array.from({ length: 4 }, async (_, lane) => {
          for (let n = 0; n < 50; n++) {
            const { positions } = await log.append(W1, [event('a', { n: `${index}/${lane}/${n}` })])
            expect((await log.bounds(W1)).newest.sequence).toBeGreaterThanOrEqual(positions[0]?.sequence ?? 0)
          }
        }),
      ),
    )
    for (const stop of stops) stop()
    await Promise.all([one.log.catchUp(), two.log.catchUp()])
    const all = Array.from({ length: 400 }, (_, index) => index + 1)
    expect(seen).toEqual([all, all])
  })

  test('read what was acknowledged even if they have not been told of it yet', async () => {
    const opened = await parent()
    const { log } = await opened.worker()
    const stop = readAllTheTime(log)
    for (let n = 1; n <= 100; n++) {
      // At the parent itself: the worker hears of it in a later turn.
      await opened.engine.log.append(W1, [event('a', { n })])
      expect((await log.bounds(W1)).newest.sequence).toBe(n)
    }
    stop()
  })

  test('read what the other was answered, and are told of it before they have caught up', async () => {
    const [one, two] = await twoWorkers()
    const heard: number[] = []
    two.log.follow((_, block) => heard.push(...block.sequences))
    for (let n = 1; n <= 20; n++) {
      await one.log.append(W1, [event('a', { n })])
      expect((await two.log.bounds(W1)).newest.sequence).toBe(n)
      await two.log.catchUp()
      expect(heard).toHaveLength(n)
    }
    expect(await numbersOf(two.log, W1)).toEqual(heard)
  })

  test('store a request once, whichever of them it comes to', async () => {
    const [one, two] = await twoWorkers()
    const answers = await Promise.all(
      [one, two, one, two].map(({ log }) => log.append(W1, [event('a', { n: 1 })], key('k'))),
    )
    expect(answers.map(({ replayed }) => replayed).sort()).toEqual([0, 1, 1, 1])
    expect(await numbersOf(one.log, W1)).toEqual([1])
  })

  test('give a tool that completes at one the id with which it started at the other', async () => {
    const [one, two] = await twoWorkers()
    const call = { workspace: 'w1', call: 'CA1' }
    const tool = (type: string) => ({ type, event: { type, tool_name: 'find' } })
    await Promise.all([
      one.log.append(call, [tool('tool_call_started')]),
      two.log.append(call, [tool('tool_call_completed')]),
    ])
    const { blocks } = await one.log.read(call, 0, 1e6)
    const ids = blocks.flatMap((block) => [...block.entries()].map(({ event }) => event.call_id))
    expect(ids).toEqual([expect.any(String), ids[0]])
  })

  test('know the records that the other has put, in order', async () => {
    const [one, two] = await twoWorkers()
    const seen: StoreChange[] = []
    two.store.watch((change) => seen.push(change))
    expect(await one.store.put('kind', 'a', { n: 1 }, { ifAbsent: true })).toBe(true)
    expect(await two.store.put('kind', 'a', { n: 2 }, { ifAbsent: true })).toBe(false)
    expect(await two.store.all('kind')).toEqual([{ key: 'a', value: { n: 1 } }])
    await one.store.put('kind', 'a', { n: 3 })
    await one.store.delete('kind', 'a')
    await two.store.refresh()
    expect(seen.map(({ value }) => value)).toEqual([{ n: 1 }, { n: 3 }, undefined])
  })

  test('share what is known to be damaged, and that the disk refuses', async () => {
    const opened = await parent()
    const [one, two] = [await opened.worker(), await opened.worker()]
    expect(two.log.health()).toEqual({ writable: true, faults: [] })
    opened.engine.log.faults.lost(W1, 3, 5)
    opened.engine.log.giveUp('the disk is another’s')
    opened.hub.tellHealth()
    await expect.poll(() => one.log.health().writable).toBe(false)
    await two.log.catchUp()
    for (const { log } of [one, two]) {
      expect(log.health().faults).toMatchObject([{ code: 'storage_fault' }, { code: 'damaged', from: 3, to: 5 }])
    }
    await expect(one.log.append(W1, [event('a', {})])).rejects.toMatchObject({ code: 'storage_fault' })
  })

  test('lose what they wait for when the parent goes away, and are told so', async () => {
    const opened = await parent()
    const { log } = await opened.worker()
    opened.hub.close()
    await expect(log.append(W1, [event('a', {})])).rejects.toMatchObject({ code: 'unavailable' })
    await expect(log.catchUp()).rejects.toMatchObject({ code: 'unavailable' })
  })
})
