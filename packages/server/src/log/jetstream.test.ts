import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { callsProjection } from '../../testing/calls-projection.js'
import { type JetStreamBench, openJetStreamBench } from '../../testing/jetstream-bench.js'
import { promiseSuite } from '../../testing/promises.suite.js'
import { C1, entriesOf, event, framesOf, key, numbersOf, sequencesOf, W1 } from '../../testing/stand.js'
import type { Channel, Engine, Log, NewEvent } from './log.js'

promiseSuite('JetStream', ({ clock: _, ...options }) => openJetStreamBench(options), {
  ownClock: false,
  dense: false,
  shared: true,
})

const benches: JetStreamBench[] = []
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.end()
})
async function start(options: Parameters<typeof openJetStreamBench>[0] = {}): Promise<JetStreamBench> {
  const bench = await openJetStreamBench({ projections: [callsProjection], ...options })
  benches.push(bench)
  return bench
}

/** Everything that can be read of some channels and of a workspace's records. */
async function allOf(log: Log, channels: readonly Channel[] = [W1, C1]) {
  await log.catchUp()
  const read = await Promise.all(
    channels.map(async (channel) => ({ frames: await framesOf(log, channel), bounds: await log.bounds(channel) })),
  )
  return { read, records: await log.records('w1', 'calls') }
}

async function streams(bench: JetStreamBench) {
  const connection = await connect({ servers: bench.options.servers.map((url) => new URL(url).host) })
  benches.push({ ...bench, end: () => connection.close() })
  return { connection, jsm: await jetstreamManager(connection) }
}

/** Appends until the stream's time is another one. */
async function untilLater(log: Log, channel: Channel, time: number): Promise<number> {
  for (;;) {
    const { positions } = await log.append(channel, [event('tick', {})])
    const later = positions[0]?.time ?? 0
    if (later > time) return later
  }
}

describe('several gateways', () => {
  test('give every entry the same position and the same bytes, whoever takes the append', async () => {
    const bench = await start()
    const other = await bench.another()
    const engines = [bench.engine, other]
    const told: number[][] = [[], []]
    for (const [index, { log }] of engines.entries()) {
      log.follow(({ call }, block) => call ?? told[index]?.push(...block.sequences))
    }
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        (engines[n % 2] as Engine).log.append(n % 3 ? W1 : C1, [
          event('a', { n, call_sid: `CA${n % 7}` }),
          event('b', { n }),
        ]),
      ),
    )
    const [here, there] = [await allOf(bench.engine.log), await allOf(other.log)]
    expect(here).toEqual(there)
    expect(here.read.flatMap(({ frames }) => frames)).toHaveLength(200)
    expect(told[0]).toEqual(told[1])
    const ofWorkspace = answers.filter((_, n) => n % 3).flatMap(sequencesOf)
    expect(told[0]).toEqual(ofWorkspace.sort((a, b) => a - b))
  })

  test('what one acknowledged the other reads, once it has caught up', async () => {
    const bench = await start()
    const other = await bench.another()
    for (let n = 0; n < 50; n++) {
      const { positions } = await bench.engine.log.append(W1, [event('a', { n })])
      await other.log.catchUp()
      expect((await other.log.bounds(W1)).newest).toEqual(positions[0])
    }
  })

  test('store a request once that comes to all of them at the same moment', async () => {
    const bench = await start()
    const other = await bench.another()
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        (n % 2 ? bench.engine : other).log.append(W1, [event('a', { n: 1 }), event('a', { n: 2 }, key('e'))], key('k')),
      ),
    )
    expect(new Set(answers.map((answer) => JSON.stringify(answer.positions))).size).toBe(1)
    expect(answers.filter(({ replayed }) => replayed === 0)).toHaveLength(1)
    await other.log.catchUp()
    expect(await numbersOf(other.log, W1)).toEqual([1, 2])
  })

  test('need one consumer each, however many follow', async () => {
    const bench = await start()
    const other = await bench.another()
    for (const { log } of [bench.engine, other]) for (let n = 0; n < 50; n++) log.follow(() => {})
    await bench.engine.log.append(W1, [event('a', {})])
    await other.log.catchUp()
    const { jsm } = await streams(bench)
    expect((await jsm.streams.info('SB_EVENTS_0')).state.consumer_count).toBe(2)
  })

  test('that follow some partitions serve the workspaces of those, and say so of others', async () => {
    const bench = await start({ partitions: 4 })
    const some = await bench.another({ partitions: 4, follow: [1, 3] })
    const workspaces = Array.from({ length: 12 }, (_, n) => `tenant-${n}`)
    for (const workspace of workspaces) await bench.engine.log.append({ workspace }, [event('a', { n: workspace })])
    await some.log.catchUp()
    const answers = await Promise.all(
      workspaces.map((workspace) => numbersOf(some.log, { workspace }).catch(({ code }: { code: string }) => code)),
    )
    const served = answers.filter((answer) => answer !== 'misdirected')
    expect(served.flat()).toEqual(workspaces.filter((_, index) => answers[index] !== 'misdirected'))
    expect(served.length).toBeGreaterThan(0)
    expect(served.length).toBeLessThan(12)
    const fewer = bench.another({ partitions: 2 }).then(() => {})
    await expect(fewer).rejects.toMatchObject({
      detail: expect.stringContaining('4 partitions'),
    })
  })
})

describe('an append', () => {
  test('longer than the servers take in one message is stored whole, in its place', async () => {
    const bench = await start()
    const other = await bench.another()
    const { log } = bench.engine
    const text = 'ü'.repeat(30_000)
    const batch = Array.from({ length: 60 }, (_, n) => event('a', { n, text }))
    const [large, ...small] = await Promise.all([
      log.append(W1, batch, key('large')),
      ...Array.from({ length: 20 }, (_, n) => log.append(W1, [event('b', { n: 100 + n })])),
    ])
    const sequences = sequencesOf(large)
    expect(sequences).toEqual(sequences.map((_, index) => (sequences[0] as number) + index))
    expect(await other.log.append(W1, batch, key('large'))).toMatchObject({ positions: large.positions, replayed: 60 })
    expect(await allOf(other.log)).toEqual(await allOf(log))
    expect((await numbersOf(log, W1)).filter((n) => Number(n) < 100)).toEqual(batch.map(({ event }) => event.n))
    expect(small).toHaveLength(20)
    const again = (await bench.reopen()).log
    expect(await allOf(again)).toEqual(await allOf(other.log))
  })

  test('waits while the servers are away, and is then stored once', async () => {
    const bench = await start()
    await bench.engine.log.append(W1, [event('a', { n: 0 })])
    await bench.server.kill()
    const waiting = Promise.all([1, 2, 3].map((n) => bench.engine.log.append(W1, [event('a', { n })], key(`k${n}`))))
    await bench.server.start()
    await waiting
    expect((await numbersOf(bench.engine.log, W1)).sort()).toEqual([0, 1, 2, 3])
    expect(await allOf((await bench.another()).log)).toEqual(await allOf(bench.engine.log))
  })

  test('of more events than have a place is refused', async () => {
    const bench = await start()
    const many = Array.from({ length: 1025 }, (_, n) => event('a', { n }))
    await expect(bench.engine.log.append(W1, many)).rejects.toMatchObject({ code: 'too_many_events' })
    await bench.engine.log.append(W1, many.slice(1))
    expect(await numbersOf(bench.engine.log, W1)).toHaveLength(1024)
  })
})

describe('removal', () => {
  test('by age takes the same from every gateway, and its place in time is found', async () => {
    const bench = await start()
    const other = await bench.another()
    const { log } = bench.engine
    await log.append(C1, [event('a', { n: 1 })])
    await log.append(W1, [event('call.ended', { call_sid: 'old', n: 2 })])
    const time = await untilLater(log, W1, (await log.bounds(W1)).newest.time)
    const { positions } = await log.append(W1, [event('call.started', { call_sid: 'on', n: 3 })])
    const before = (await entriesOf(log, W1)).filter((entry) => entry.position.time < time)
    expect(await log.sequenceBefore(W1, time)).toBe(before.at(-1)?.position.sequence)
    expect(await log.retain(time)).toBe(before.length + 1)
    const left = await allOf(log)
    expect(await allOf(other.log)).toEqual(left)
    // One that reads it all at once has other blocks.
    expect(await allOf((await bench.another()).log)).toEqual(left)
    expect(left.records.items.map((item) => item.key)).toEqual(['CA1', 'on'])
    expect((await log.bounds(C1)).oldest).toBeUndefined()
    expect((await log.bounds(W1)).newest).toEqual(positions[0])
    expect(await log.sequenceBefore(W1, time)).toBe((await log.bounds(W1)).removed?.sequence)
    expect(await log.retain(time - 1)).toBe(0)
  })

  test('of a channel takes its messages out of the stream, and leaves the others', async () => {
    const bench = await start({ purgeAfterMs: 100 })
    const other = await bench.another()
    const { log } = bench.engine
    await log.append(C1, [event('a', { n: 1, secret: 'CA1-only' })], key('k'))
    await log.append(W1, [event('a', { n: 2 })])
    await log.erase(C1)
    await log.append(C1, [event('a', { n: 3 })], key('k'))
    expect(await allOf(other.log)).toEqual(await allOf(log))
    expect(await numbersOf(other.log, C1)).toEqual([3])
    const { jsm } = await streams(bench)
    await expect
      .poll(() =>
        jsm.direct.getMessage('SB_EVENTS_0', { next_by_subj: 'sb.0.call.>', seq: 1 }).then((found) => found?.string()),
      )
      .not.toContain('CA1-only')
  })
})

describe('a copy', () => {
  const story = async (log: Log) => {
    await log.append(C1, [event('a', { n: 1 })])
    await log.append(W1, [event('call.started', { call_sid: 'X', n: 2 })], key('k'))
    await log.append(W1, [event('b', { n: 3 }, key('e')), event('b', { n: 4 })])
    await log.append(W1, [event('b', { n: 5 }), event('b', { n: 3 }, key('e'))])
    await log.append(W1, [event('c', { n: 6 })], key('other'))
    await log.append(W1, [event('c', { n: 7 })], key('other', 'reused')).catch(() => {})
    await log.append({ workspace: 'w2' }, [event('c', { n: 8 })])
  }
  const CHANNELS: Channel[] = [W1, C1, { workspace: 'w2' }]

  test('of a newcomer is made from the stream alone', async () => {
    const bench = await start()
    await story(bench.engine.log)
    const fresh = await bench.another({ dir: join(bench.folder, 'fresh') })
    expect(await allOf(fresh.log, CHANNELS)).toEqual(await allOf(bench.engine.log, CHANNELS))
  })

  test('of a newcomer is made from a checkpoint when the stream begins late, with all it must know', async () => {
    const bench = await start({ retentionMs: 8000 })
    const { log } = bench.engine
    await story(log)
    // The first messages go, as they do by age: what they said is in the checkpoint alone.
    const { jsm } = await streams(bench)
    await expect
      .poll(() => jsm.streams.info('SB_CHECKPOINTS').then(({ state }) => state.messages), { timeout: 20_000 })
      .toBeGreaterThan(1)
    await log.append(W1, [event('call.started', { call_sid: 'X', n: 9 })])
    await jsm.streams.purge('SB_EVENTS_0', { seq: 3 })
    const fresh = await bench.another({ dir: join(bench.folder, 'fresh') })
    await fresh.log.catchUp()
    expect(await numbersOf(fresh.log, W1)).toEqual([3, 4, 5, 6, 9])
    expect(await numbersOf(fresh.log, C1)).toEqual([])
    expect(await framesOf(fresh.log, W1)).toEqual((await framesOf(log, W1)).slice(1))
    expect(await fresh.log.records('w1', 'calls')).toEqual(await log.records('w1', 'calls'))
    expect((await fresh.log.bounds(C1)).removed).toEqual((await log.bounds(C1)).newest)
    expect(await fresh.log.append(W1, [event('call.started', { call_sid: 'X', n: 2 })], key('k'))).toMatchObject({
      replayed: 1,
    })
    expect(await fresh.log.verify()).toEqual([])
    const { positions } = await fresh.log.append(C1, [event('a', { n: 10 })])
    await log.catchUp()
    expect((await log.bounds(C1)).newest).toEqual(positions[0])
  })

  test('is not made from a checkpoint of messages that the stream does not have', async () => {
    const bench = await start({ retentionMs: 8000 })
    await story(bench.engine.log)
    const { jsm } = await streams(bench)
    const checkpoint = async () => {
      const found = await jsm.streams.getMessage('SB_CHECKPOINTS', { last_by_subj: 'sb.checkpoint.0.done' })
      return found?.json<{ applied: { stream: string } }>().applied.stream
    }
    const created = async () => (await jsm.streams.info('SB_EVENTS_0')).created
    await expect.poll(checkpoint, { timeout: 20_000 }).toBe(await created())
    await bench.engine.close()
    await jsm.streams.delete('SB_EVENTS_0')
    const { log } = await bench.reopen()
    await log.append(W1, [event('call.started', { call_sid: 'Y', n: 1 })])
    expect(await numbersOf(log, W1)).toEqual([1])
    expect(await log.records('w1', 'calls')).toMatchObject({ items: [{ key: 'Y' }] })
    // The next one is of the stream that there is, although it knows of fewer messages.
    await expect.poll(checkpoint, { timeout: 20_000 }).toBe(await created())
  })

  test('of another stream is thrown away', async () => {
    const bench = await start()
    await story(bench.engine.log)
    const { jsm } = await streams(bench)
    await bench.engine.close()
    await jsm.streams.delete('SB_EVENTS_0')
    const { log } = await bench.reopen()
    expect(await numbersOf(log, W1)).toEqual([])
    await log.append(W1, [event('a', { n: 1 })])
    expect(await numbersOf(log, W1)).toEqual([1])
  })

  test('that is damaged is made anew', async () => {
    const bench = await start()
    await story(bench.engine.log)
    const before = await allOf(bench.engine.log, CHANNELS)
    await bench.engine.close()
    rmSync(join(bench.options.dir, 'replica-1', 'partition-0', 'log.mdb-lock'), { force: true })
    bench.damage()
    const { log } = await bench.reopen()
    expect(await allOf(log, CHANNELS)).toEqual(before)
    expect(log.health()).toEqual({ writable: true, faults: [] })
  })

  test('passes over what others put into the stream', async () => {
    const bench = await start()
    const { connection } = await streams(bench)
    for (const text of ['', 'hello', '{"v":1}', '{"v":1,"w":"w1","t":["a"]}\nnot json', '{"v":1,"x":"part","p":[1]}']) {
      await connection.request('sb.0.ws.w1.a', text)
    }
    await bench.engine.log.append(W1, [event('a', { n: 1 })])
    expect(await numbersOf(bench.engine.log, W1)).toEqual([1])
    expect(bench.warnings.filter((line) => line.includes("none of Switchboard's"))).toHaveLength(4)
  })
})

test('any mixture of appends at two gateways leaves the same at both, at a newcomer, and after a restart', async () => {
  const step = fc.record({
    at: fc.constantFrom(0, 1),
    channel: fc.constantFrom(W1, C1),
    events: fc.integer({ min: 0, max: 4 }),
    request: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
    own: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
    what: fc.constantFrom('append', 'append', 'append', 'append', 'erase'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 6 }), async (rounds) => {
      const bench = await openJetStreamBench({ projections: [callsProjection] })
      try {
        const engines = [bench.engine, await bench.another()] as const
        let n = 0
        for (const round of rounds) {
          // The steps of a round run at the same time.
          await Promise.allSettled(
            round.map(({ at, channel, events, request, own, what }) => {
              const { log } = engines[at] as Engine
              if (what === 'erase') return log.erase(channel)
              const batch: NewEvent[] = Array.from({ length: events }, (_, index) =>
                event(
                  'a',
                  { n: n++, call_sid: 'CA1' },
                  own === undefined || index > 0 ? undefined : key(`e${own}`, 'same'),
                ),
              )
              return log.append(channel, batch, request === undefined ? undefined : key(`r${request}`, String(events)))
            }),
          )
        }
        const here = await allOf(engines[0].log)
        expect(await allOf(engines[1].log)).toEqual(here)
        const fresh = await bench.another({ dir: join(bench.folder, 'fresh') })
        const { records, read } = await allOf(fresh.log)
        expect(read.map(({ frames }) => frames)).toEqual(here.read.map(({ frames }) => frames))
        expect(records.items.length).toBeLessThanOrEqual(here.records.items.length)
        expect(await allOf((await bench.reopen()).log)).toEqual(here)
      } finally {
        await bench.end()
      }
    }),
    { numRuns: 12, endOnFailure: true },
  )
}, 120_000)
