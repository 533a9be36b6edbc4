import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { MASKED_TEXT } from '@switchboard/contract'
import { afterEach, describe, expect, test } from 'vitest'
import { callsProjection } from '../../../testing/calls-projection.js'
import { SetClock } from '../../../testing/clock.js'
import { type JetStreamBench, openJetStreamBench } from '../../../testing/jetstream-bench.js'
import { privacy, privacySuite, sealed } from '../../../testing/privacy.suite.js'
import { C1, entriesOf, event, framesOf, HOUR, numbersOf, W1 } from '../../../testing/stand.js'
import type { Channel, Log } from '../log.js'
import type { Subject } from '../subject.js'
import { KEY_MS_MAX } from '../vault.js'
import { BUCKET_STREAM, subjectOf } from './bucket.js'
import type { KvStore } from './store.js'
import { SubjectKeys } from './subject-keys.js'

privacySuite(
  'JetStream',
  sealed(({ clock: _, ...options }) => openJetStreamBench(options)),
  { ownClock: false },
)

const CALL: Subject = { kind: 'call', id: 'CA1' }

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function start(options: Parameters<typeof openJetStreamBench>[0] = {}): Promise<JetStreamBench> {
  const bench = await openJetStreamBench({ projections: [callsProjection], privacy, ...options })
  ends.push(() => bench.end())
  return bench
}

async function managerOf(bench: JetStreamBench): Promise<JetStreamManager> {
  const connection = await connect({ servers: [...bench.options.servers] })
  ends.push(() => connection.close())
  return jetstreamManager(connection)
}

const named = (name: string, call = 'CA1') => event('call.started', { call_sid: call, name })
const namesOf = async (log: Log, channel: Channel = W1) =>
  (await entriesOf(log, channel)).map(({ event: { name, text } }) => name ?? text)

async function allOf(log: Log) {
  await log.catchUp()
  return { w: await framesOf(log, W1), c: await framesOf(log, C1), records: await log.records('w1', 'calls') }
}

/** Everything that is in the files of a folder. */
function bytesOf(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile())
  return files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1')).join('\n')
}

/** Has the copies of gateways that are closed made anew. */
function forgetCopies({ options }: JetStreamBench): void {
  rmSync(options.dir, { recursive: true, force: true })
}

/** Waits for a checkpoint that knows of all that is in the stream. */
async function checkpointed(jsm: JetStreamManager): Promise<void> {
  const { state } = await jsm.streams.info('SB_EVENTS_0')
  const reached = async () => {
    const marked = await jsm.streams.getMessage('SB_CHECKPOINTS', { last_by_subj: 'sb.checkpoint.0.done' })
    return marked?.json<{ applied: { sequence: number } }>().applied.sequence ?? 0
  }
  await expect.poll(reached, { timeout: 20_000 }).toBeGreaterThanOrEqual(state.last_seq)
}

describe('personal data over JetStream', () => {
  test('that is erased at one gateway is erased at the other, in what it reads, keeps and has in memory', async () => {
    const bench = await start()
    const { log } = bench.engine
    const other = (await bench.another()).log
    const told: unknown[] = []
    other.onErased((workspace, subject) => told.push([workspace, subject]))
    await other.append(C1, [event('user_transcript', { text: 'secret' })])
    await log.append(W1, [named('ada'), named('bob', 'CA2')])
    const before = await allOf(other)
    expect(before).toEqual(await allOf(log))
    expect((await log.eraseData('w1', CALL)).isNew).toBe(true)
    const after = await allOf(other)
    expect(told).toEqual([['w1', CALL]])
    expect(after).toEqual(await allOf(log))
    expect(await namesOf(other)).toEqual([MASKED_TEXT, 'bob'])
    expect(await namesOf(other, C1)).toEqual([MASKED_TEXT])
    expect((await other.record('w1', 'calls', 'CA1'))?.record.name).toBe(MASKED_TEXT)
    expect((await other.eraseData('w1', CALL)).isNew).toBe(false)
    // What comes later has keys of its own, whoever takes it.
    await other.append(W1, [named('eve')])
    await log.catchUp()
    expect(await namesOf(log)).toEqual([MASKED_TEXT, 'bob', 'eve'])
    expect(bytesOf(bench.folder)).not.toContain('secret')
  })

  test('that was erased while a gateway was down is erased there when it is back, also what it had never read', async () => {
    const bench = await start()
    const { log } = bench.engine
    const other = await bench.another()
    await log.append(W1, [named('ada')])
    await other.log.catchUp()
    await other.close()
    await log.append(W1, [named('ada again')])
    await log.append(C1, [event('user_transcript', { text: 'secret' })])
    await log.eraseData('w1', CALL)
    await log.append(W1, [named('eve')])
    const back = (await bench.another()).log
    const told: string[] = []
    back.follow((_, block) => told.push(block.bytes.toString()))
    expect(await allOf(back)).toEqual(await allOf(log))
    expect(await namesOf(back)).toEqual([MASKED_TEXT, MASKED_TEXT, 'eve'])
    expect(told.join()).not.toContain('ada')
  })

  test('is known to a gateway that makes its copy anew, and is not once it was erased', async () => {
    const bench = await start()
    await bench.engine.log.append(W1, [named('ada'), named('bob', 'CA2')])
    const before = await allOf(bench.engine.log)
    await bench.engine.close()
    forgetCopies(bench)
    const { log } = await bench.reopen()
    expect(await allOf(log)).toEqual(before)
    await log.eraseData('w1', CALL)
    const after = await allOf(log)
    await bench.engine.close()
    forgetCopies(bench)
    expect(await allOf((await bench.reopen()).log)).toEqual(after)
  })

  test('is sealed in a checkpoint; a newcomer that begins with one has it, and not once it was erased', async () => {
    // Checkpoints are made eight times in the time that events are kept.
    const bench = await start({ retentionMs: 8_000 })
    const jsm = await managerOf(bench)
    const { log } = bench.engine
    await log.append(W1, [named('CANARY-ada'), named('CANARY-bob', 'CA2')])
    await checkpointed(jsm)
    const before = await allOf(log)
    expect(JSON.stringify(before.records)).toContain('CANARY-ada')
    await bench.engine.close()
    forgetCopies(bench)
    expect(bytesOf(join(bench.folder, 'store'))).not.toContain('CANARY')
    const again = (await bench.reopen()).log
    expect(bench.warnings.join()).toContain('made from a checkpoint')
    expect(await allOf(again)).toEqual(before)
    await again.eraseData('w1', CALL)
    const after = await allOf(again)
    expect(after.records.items.map(({ record }) => record.name)).toEqual([MASKED_TEXT, 'CANARY-bob'])
    await bench.engine.close()
    forgetCopies(bench)
    expect(await allOf((await bench.reopen()).log)).toEqual(after)
  })

  test('is carried sealed, and in appends that go in parts', async () => {
    const bench = await start()
    const { log } = bench.engine
    await log.carry('w1', [{ kind: 'record', projection: 'calls', key: 'CA1', record: { name: 'CANARY-ada' } }], 0)
    await log.append(
      W1,
      Array.from({ length: 60 }, () => named('CANARY'.padEnd(30_000, '-'))),
    )
    expect((await log.record('w1', 'calls', 'CA1'))?.record.name).toContain('CANARY')
    expect(await namesOf(log)).toHaveLength(60)
    expect(bytesOf(bench.folder)).not.toContain('CANARY')
    await log.eraseData('w1', CALL)
    expect((await log.record('w1', 'calls', 'CA1'))?.record.name).toBe(MASKED_TEXT)
  })

  test('that older gateways have left in clear text is read, and a copy that holds it is made anew', async () => {
    const bench = await start({ privacy: undefined })
    await bench.engine.log.append(W1, [named('ada')])
    const before = await allOf(bench.engine.log)
    await bench.engine.close()
    const copyKey = async () => Buffer.alloc(32, 7)
    const { log } = await bench.another({ privacy: async () => ({ ...privacy, copyKey }) })
    expect(bench.warnings.join()).toContain('in clear text')
    expect(await allOf(log)).toEqual(before)
    expect(bytesOf(bench.options.dir)).not.toContain('"ada"')
    // In the stream it stays until retention; nobody reads it there any more.
    expect((await log.eraseData('w1', CALL)).isNew).toBe(true)
    expect(await namesOf(log)).toEqual([MASKED_TEXT])
    expect((await log.eraseData('w1', CALL)).isNew).toBe(false)
  })

  test('that somebody has moved to another place in the stream opens there for nobody', async () => {
    const bench = await start()
    const { log } = bench.engine
    await log.append(W1, [named('ada')])
    const jsm = await managerOf(bench)
    const { data } = (await jsm.streams.getMessage('SB_EVENTS_0', { last_by_subj: 'sb.0.ws.>' })) ?? {}
    const text = Buffer.from(data ?? []).toString()
    const connection = await connect({ servers: [...bench.options.servers] })
    ends.push(() => connection.close())
    for (const moved of [
      text.replace('"w":"w1"', '"w":"w1","c":"CA1"'),
      text.replace('"name":"[masked]"', '"n":1'),
      text.replace(/"z":"[^"]*"/, '"z":"AAAA"'),
    ]) {
      await connection.request('sb.0.ws.w1.call_started', moved)
    }
    const other = (await bench.another()).log
    await other.catchUp()
    expect(await namesOf(other, C1)).toEqual([MASKED_TEXT])
    await log.append(W1, [named('eve')])
    expect((await namesOf(log))[0]).toBe('ada')
    expect((await namesOf(log)).at(-1)).toBe('eve')
    expect(log.health()).toEqual({ writable: true, faults: [] })
  })
})

describe('the keys of a subject', () => {
  const stored = async (jsm: JetStreamManager) => {
    const found = await jsm.streams.getMessage(BUCKET_STREAM, {
      last_by_subj: subjectOf({ kind: 'subject-key', key: '' }).replace(/\.$/, '.>'),
    })
    return { sequence: found?.seq ?? 0, key: found?.json<{ key: string }>().key ?? '' }
  }

  test('are overwritten where the servers keep them', async () => {
    const bench = await start()
    await bench.engine.log.append(W1, [named('ada')])
    const { key } = await stored(await managerOf(bench))
    expect(bytesOf(bench.folder)).toContain(key)
    await bench.engine.log.eraseData('w1', CALL)
    expect(bytesOf(bench.folder)).not.toContain(key)
  })

  test('whose erasure was broken off are void, and it is finished when it is asked for again', async () => {
    const bench = await start()
    const jsm = await managerOf(bench)
    const breakOff = [
      // After the keys were destroyed, before the stream says so.
      async (keys: SubjectKeys) => void (await keys.destroy('w1', CALL, undefined, false)),
      // Between the record of the erasure and the end of the keys, or with a key that is gone and whose marker is not there.
      async (_: SubjectKeys, store: KvStore, isGone = false) => {
        const { sequence } = await stored(jsm)
        const [record] = await store.all('subject-key')
        const through = record?.value.generation as number
        await store.put('subject-erasure', 'w1/call/CA1', { through, at: 1, pending: true })
        if (isGone) await jsm.streams.deleteMessage(BUCKET_STREAM, sequence, true)
      },
    ] as const
    for (const step of [breakOff[0], breakOff[1], (k: SubjectKeys, s: KvStore) => breakOff[1](k, s, true)]) {
      const { log, store } = bench.engine
      await log.append(W1, [named('ada')])
      const keys = await SubjectKeys.open(store as KvStore, bench.options.clock, privacy)
      await step(keys, store as KvStore)
      keys.close()
      const again = (await bench.reopen()).log
      // Sealed with what is void, or with a new key: it counts as before the erasure that is finished now.
      await again.append(W1, [named('eve')])
      expect(await again.eraseData('w1', CALL)).toMatchObject({ isNew: true })
      expect((await namesOf(again)).every((name) => name === MASKED_TEXT)).toBe(true)
      expect(await (bench.engine.store as KvStore).all('subject-key')).toEqual([])
      expect((await again.eraseData('w1', CALL)).isNew).toBe(false)
    }
  })

  test('whose erasure was broken off are not forgotten because the gateway that is asked has nothing left', async () => {
    const bench = await start({ projections: [] })
    const other = (await bench.another()).log
    await bench.engine.log.append(W1, [named('ada')])
    await other.catchUp()
    const keys = await SubjectKeys.open(bench.engine.store as KvStore, bench.options.clock, privacy)
    await keys.destroy('w1', CALL, undefined, false)
    keys.close()
    await bench.engine.close()
    rmSync(join(bench.options.dir, 'replica-1'), { recursive: true })
    const { log } = await bench.reopen()
    await log.catchUp()
    expect(await namesOf(log)).toEqual([MASKED_TEXT])
    expect(await namesOf(other)).toEqual(['ada'])
    expect((await log.eraseData('w1', CALL)).isNew).toBe(true)
    await other.catchUp()
    expect(await namesOf(other)).toEqual([MASKED_TEXT])
  })

  test('do not change the order of appends, of which some wait for them and some do not', async () => {
    const { log } = (await start()).engine
    await log.append(W1, [named('ada', 'CA0')])
    const calls = Array.from({ length: 200 }, (_, n) => `CA${n % 3 === 0 ? 0 : n}`)
    await Promise.all(
      calls.map((call, n) => log.append(W1, [event('call.started', { call_sid: call, name: 'ada', n })])),
    )
    expect((await numbersOf(log, W1)).slice(1)).toEqual([...calls.keys()])
  })

  test('are asked for by a gateway that hears of the append before it hears of them', async () => {
    const bench = await start()
    const other = await bench.another()
    const store = other.store as KvStore
    const { get, refresh } = store
    let isLate = true
    store.get = (kind, key) => (isLate ? undefined : get.call(store, kind, key))
    store.refresh = async () => {
      await refresh.call(store)
      isLate = false
    }
    await bench.engine.log.append(W1, [named('ada')])
    await other.log.catchUp()
    expect(await namesOf(other.log)).toEqual(['ada'])
  })

  test('are one a day, made once by whoever needs one first, and dropped when they seal nothing any more', async () => {
    const bench = await start()
    const clock = new SetClock()
    clock.time = Date.UTC(2026, 0, 1)
    const store = bench.engine.store as KvStore
    const keys = await SubjectKeys.open(store, clock, privacy)
    const others = await SubjectKeys.open((await bench.another()).store as KvStore, clock, privacy)
    ends.push(
      async () => keys.close(),
      async () => others.close(),
    )
    const [first, same] = await Promise.all([keys.make('w1', CALL), others.make('w1', CALL)])
    expect(same).toEqual(first)
    expect(keys.current('w1', CALL)).toEqual(first)
    clock.time += KEY_MS_MAX
    expect(keys.current('w1', CALL)).toBeUndefined()
    const second = await keys.make('w1', CALL)
    expect(keys.opening('w1', CALL, first.generation)).toEqual(first.key)
    const generations = async () => (await store.all('subject-key')).map(({ value }) => value.generation)
    await keys.sweep(clock.time, () => true)
    expect(await generations()).toEqual([first.generation, second.generation])
    await keys.sweep(clock.time + 1, () => true)
    expect(await generations()).toEqual([second.generation])
    clock.time += KEY_MS_MAX + HOUR
    await keys.sweep(clock.time, () => true)
    expect(await generations()).toEqual([second.generation])
    await keys.sweep(clock.time, () => false)
    expect(await generations()).toEqual([])
    expect(keys.opening('w1', CALL, second.generation)).toBeUndefined()
  })

  test('are of no use with another sealing key, and that is said at the start', async () => {
    const bench = await start()
    const store = bench.engine.store as KvStore
    await bench.engine.log.append(W1, [named('ada')])
    const wrong = { ...privacy, sealingKey: Buffer.alloc(32, 1) }
    const refused = { code: 'storage_fault', detail: expect.stringContaining('SWITCHBOARD_SEALING_KEY') }
    await expect(SubjectKeys.open(store, bench.options.clock, wrong)).rejects.toMatchObject(refused)
  })
})
