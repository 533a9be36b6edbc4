import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterEach, expect, test } from 'vitest'
import { callsProjection } from '../../../testing/calls-projection.js'
import { type JetStreamBench, openJetStreamBench } from '../../../testing/jetstream-bench.js'
import { C1, entriesOf, event, framesOf, key, W1 } from '../../../testing/stand.js'
import { positionsOf } from '../idempotency.js'
import type { JetStreamLog } from './jetstream-log.js'
import type { ImportedEntry } from './partition.js'

let bench: JetStreamBench | undefined
afterEach(async () => {
  await bench?.end()
  bench = undefined
})
async function start(): Promise<JetStreamBench> {
  bench = await openJetStreamBench({ projections: [callsProjection] })
  return bench
}

const LONG_AGO = Date.UTC(2026, 0, 1)
const old = (n: number, time = LONG_AGO + n): ImportedEntry => ({
  type: 'call.started',
  json: JSON.stringify({ event_type: 'call.started', call_sid: 'CA1', n }),
  time,
})

/** What two gateways have, and one that comes anew. */
async function everywhere(bench: JetStreamBench, other: JetStreamLog) {
  const fresh = (await bench.another({ dir: join(bench.folder, 'fresh') })).log
  const logs = [bench.engine.log, other, fresh]
  return Promise.all(
    logs.map(async (log) => {
      await log.catchUp()
      return {
        frames: await framesOf(log, W1),
        bounds: await log.bounds(W1),
        records: await log.records('w1', 'calls'),
      }
    }),
  )
}

test('entries of another log keep their times and their order, at every gateway, and fold nothing', async () => {
  const bench = await start()
  const other = await bench.another()
  const { positions } = await other.log.import(W1, [old(1), old(2), old(2)], 0)
  expect(positions.map(({ time }) => time - LONG_AGO)).toEqual([1, 2, 2])
  await bench.engine.log.catchUp()
  await bench.engine.log.append(W1, [event('a', { n: 3 })])
  const [here, there, fresh] = await everywhere(bench, other.log)
  expect(there).toEqual(here)
  expect(fresh).toEqual(here)
  expect((await entriesOf(bench.engine.log, W1)).map(({ event }) => event.n)).toEqual([1, 2, 2, 3])
  expect(here?.records.items).toEqual([])
})

test('the same entries are not stored a second time, however late they come', async () => {
  const bench = await start()
  const { log } = bench.engine
  const { positions } = await log.import(W1, [old(1)], 0)
  const after = positions[0]?.sequence ?? 0
  await expect(log.import(W1, [old(1)], 0)).rejects.toMatchObject({ code: 'conflict' })
  await log.import(W1, [old(2)], after)
  await expect(log.import(W1, [old(2)], after)).rejects.toMatchObject({ code: 'conflict' })
  expect((await entriesOf(log, W1)).map(({ event }) => event.n)).toEqual([1, 2])
})

test('records and idempotency keys are carried to every gateway, and to one that comes anew', async () => {
  const bench = await start()
  const other = await bench.another()
  const { positions } = await bench.engine.log.import(C1, [old(1)], 0)
  const [{ time = 0, sequence = 0 } = {}] = positions
  const expires = Date.now() + 3_600_000
  const remembered = { fingerprint: 'same', expires, runs: [[time, sequence, 1]] as const }
  await bench.engine.log.carry(
    'w1',
    [
      { kind: 'record', projection: 'calls', key: 'CA1', record: { brought: true } },
      { kind: 'record', projection: 'calls', key: 'CA2', record: { brought: true } },
      { kind: 'key', call: 'CA1', scope: 'request', key: 'k', ...remembered },
      { kind: 'key', call: undefined, scope: 'event', key: 'gone', ...remembered, expires: 1 },
    ],
    0,
  )
  await bench.engine.log.carry('w1', [{ kind: 'record', projection: 'calls', key: 'CA2', record: undefined }], 0)
  const [here, there, fresh] = await everywhere(bench, other.log)
  expect(here?.records.items).toEqual([{ key: 'CA1', record: { brought: true } }])
  expect(there).toEqual(here)
  expect(fresh).toEqual(here)
  const repeat = await other.log.append(C1, [event('a', { n: 1 })], key('k'))
  expect(repeat).toEqual({ positions: positionsOf(remembered), replayed: 1 })
  expect((await other.log.append(W1, [event('a', {}, key('gone'))])).replayed).toBe(0)
})

test('nothing is carried over what a workspace has come to since', async () => {
  const bench = await start()
  const { log } = bench.engine
  await log.append(W1, [event('call.started', { call_sid: 'CA1' })])
  const before = await log.records('w1', 'calls')
  const rows = [
    { kind: 'record', projection: 'calls', key: 'CA9', record: { brought: true } },
    { kind: 'record', projection: 'calls', key: 'CA1', record: undefined },
  ] as const
  await expect(log.carry('w1', rows, 0)).rejects.toMatchObject({ code: 'conflict' })
  expect(await log.records('w1', 'calls')).toEqual(before)
})

test('a gateway that begins with a checkpoint has what was imported before it', async () => {
  // Checkpoints are made eight times in the time that events are kept.
  bench = await openJetStreamBench({ projections: [callsProjection], retentionMs: 8_000 })
  const { log } = bench.engine
  const large = Array.from({ length: 200 }, (_, n) => ({ ...old(n), json: `{"n":${n},"text":"${'x'.repeat(9000)}"}` }))
  const { positions } = await log.import(W1, large, 0)
  expect(positions).toHaveLength(200)
  const after = positions[199]?.sequence ?? 0
  await log.carry('w1', [{ kind: 'record', projection: 'calls', key: 'CA1', record: { brought: true } }], after)
  const connection = await connect({ servers: [...bench.options.servers] })
  const jsm = await jetstreamManager(connection)
  const marked = () => jsm.streams.getMessage('SB_CHECKPOINTS', { last_by_subj: 'sb.checkpoint.0.done' })
  await expect.poll(marked, { timeout: 20_000 }).not.toBeNull()
  await connection.close()
  const [here, there, fresh] = await everywhere(bench, log)
  expect(there).toEqual(here)
  expect(fresh).toEqual(here)
  expect(here?.records.items).toHaveLength(1)
})
