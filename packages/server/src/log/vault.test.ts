import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type JsonObject, MASKED_TEXT } from '@switchboard/contract'
import { expect, onTestFinished, test } from 'vitest'
import { SetClock } from '../../testing/clock.js'
import { newFolder } from '../../testing/lmdb-bench.js'
import { entriesOf, event, HOUR, W1 } from '../../testing/stand.js'
import { decodeBlock, encodeBlocks, encodeRest } from './codec.js'
import { Draft } from './draft.js'
import { openEnvironment } from './environment.js'
import { Faults } from './faults.js'
import { channelKey, type TableName } from './keys.js'
import { openLmdbEngine } from './lmdb.js'
import type { Log } from './log.js'
import type { Subject } from './subject.js'
import { type Privacy, Vault } from './vault.js'
import { shardOf, WRAPPING_KEYS_FILE, WrappingKeys } from './wrapping-keys.js'

const privacy: Privacy = {
  sealingKey: Buffer.alloc(32, 3),
  mask: (_, __, given) => (given.name === undefined ? given : { ...given, name: MASKED_TEXT }),
}
const T0 = Date.UTC(2026, 0, 1)

function folder(): string {
  const dir = newFolder()
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

const callOf = (id: string): Subject => ({ kind: 'call', id })
const named = (call: string, name: string) => event('call.started', { call_sid: call, name })
const names = async (log: Log) => (await entriesOf(log, W1)).map(({ event: { name } }) => name)

/** Calls whose keys are in one shard. */
function neighbours(): [string, string, string] {
  const first = shardOf('w1', 'call/CA0')
  const found: string[] = []
  for (let n = 1; found.length < 2; n++) if (shardOf('w1', `call/CA${n}`) === first) found.push(`CA${n}`)
  return ['CA0', ...found] as [string, string, string]
}

test('an erasure leaves the other keys of its shard readable, and no wrapping key that opened the one destroyed', async () => {
  const dir = folder()
  const clock = new SetClock()
  clock.time = T0
  const [gone, kept] = neighbours()
  const engine = await openLmdbEngine({ dir, clock, privacy })
  await engine.log.append(W1, [named(gone, 'ada'), named(kept, 'bob')])
  const path = join(dir, WRAPPING_KEYS_FILE)
  const shard = shardOf('w1', `call/${gone}`)
  const before = WrappingKeys.open(path, privacy.sealingKey).current(shard)
  await engine.log.eraseData('w1', callOf(gone))
  await engine.close()
  const after = WrappingKeys.open(path, privacy.sealingKey)
  expect(after.current(shard).version).toBe(before.version + 1)
  expect(after.get(shard, before.version)).toBeUndefined()
  expect(after.unfinished).toEqual([])
  const again = await openLmdbEngine({ dir, clock, privacy })
  expect(await names(again.log)).toEqual([MASKED_TEXT, 'bob'])
  expect(again.log.health().faults).toEqual([])
  await again.close()
})

test.each([
  ['before its transaction: nothing is erased', false],
  ['behind its transaction: it is erased', true],
])('a crash in the middle of an erasure, %s, and all else is there', async (_, isCommitted) => {
  const dir = folder()
  const clock = new SetClock()
  clock.time = T0
  const [gone, kept] = neighbours()
  const engine = await openLmdbEngine({ dir, clock, privacy })
  await engine.log.append(W1, [named(gone, 'ada'), named(kept, 'bob')])
  await engine.close()
  const environment = await openEnvironment(dir, () => {})
  const vault = Vault.open(environment, new Faults(() => {}), dir, privacy)
  const erasing = vault.begin('w1', callOf(gone))
  const draft = new Draft(environment)
  erasing.plan(draft, T0)
  if (isCommitted) await environment.commit(draft.writes())
  await environment.close()
  const path = join(dir, WRAPPING_KEYS_FILE)
  expect(WrappingKeys.open(path, privacy.sealingKey).unfinished).toHaveLength(1)

  const again = await openLmdbEngine({ dir, clock, privacy })
  expect(WrappingKeys.open(path, privacy.sealingKey).unfinished).toEqual([])
  expect(await names(again.log)).toEqual([isCommitted ? MASKED_TEXT : 'ada', 'bob'])
  expect(again.log.health().faults).toEqual([])
  await again.close()
})

test('who has seen a key before two erasures of its shard, elsewhere, sees it again: it is neither lost nor erased', async () => {
  const dir = folder()
  const [first, second, kept] = neighbours()
  const engine = await openLmdbEngine({ dir, clock: new SetClock(T0), privacy })
  await engine.log.append(W1, [named(first, 'ada'), named(second, 'eve'), named(kept, 'bob')])
  const { environment } = engine.log
  const faults = new Faults(() => {})
  // As of another process: what it has once seen stays so until it asks for what is new.
  const seen = new Map<string, Buffer | undefined>()
  const stale = {
    ...environment,
    get(table: TableName, key: Buffer) {
      const name = key.toString('hex')
      if (!seen.has(name)) seen.set(name, environment.get(table, key))
      return seen.get(name)
    },
    renew: () => seen.clear(),
  }
  const open = () => Vault.open(stale, faults, dir, privacy, { readOnly: true })
  const key = open().opening('w1', callOf(kept), 1)
  open().opening('w1', callOf(first), 1)
  expect(key).toBeInstanceOf(Buffer)
  await engine.log.eraseData('w1', callOf(first))
  await engine.log.eraseData('w1', callOf(second))
  // It has the wrapping keys of now, and what they wrap from before.
  expect(open().opening('w1', callOf(kept), 1)).toEqual(key)
  expect(open().opening('w1', callOf(first), 1)).toBe('erased')
  expect(faults.list).toEqual([])
  await engine.close()
})

test('a key is kept for as long as an entry that it seals, and not used for longer than a day', async () => {
  const dir = folder()
  const clock = new SetClock()
  clock.time = T0
  let engine = await openLmdbEngine({ dir, clock, privacy })
  await engine.log.append(W1, [named('CA1', 'first')])
  clock.time = T0 + 23 * HOUR
  await engine.log.append(W1, [named('CA1', 'the same day')])
  clock.time = T0 + 25 * HOUR
  await engine.log.append(W1, [named('CA1', 'the next day')])
  const reopened = async () => {
    await engine.close()
    engine = await openLmdbEngine({ dir, clock, privacy })
    return names(engine.log)
  }
  await engine.log.retain(T0 + 22 * HOUR)
  expect(await reopened()).toEqual(['the same day', 'the next day'])
  await engine.log.retain(T0 + 24 * HOUR + HOUR / 2)
  expect(await reopened()).toEqual(['the next day'])
  await engine.log.retain(T0 + 60 * HOUR)
  expect(await reopened()).toEqual([])
  const { environment } = engine.log
  expect([...environment.keys('vault', { start: Buffer.from([0]), end: Buffer.alloc(8, 255) })]).toEqual([])
  await engine.close()
})

test('a block that is cut keeps what is sealed of the rest, erased or not', () => {
  const key = Buffer.alloc(32, 4)
  const sealing = {
    mask: (_: string, given: JsonObject) => privacy.mask('workspace', '', given),
    keyOf: (given: JsonObject) => ({ subject: callOf(String(given.call_sid)), key: { generation: 1, key } }),
  }
  const entries = ['ada', 'bob', 'cleo', 'dan'].map((name, index) => {
    const given = named(index % 2 === 0 ? 'CA1' : 'CA2', name)
    const position = { time: T0 + index, sequence: index + 1 }
    return { ...given, json: JSON.stringify(given.event), position }
  })
  const channel = channelKey(W1)
  const [block] = encodeBlocks(channel, 'workspace', 0, entries, sealing)
  if (block === undefined) throw new Error('there is a block')
  const lost: Subject[] = []
  const reveal = (destroyed?: string) => ({
    open: ({ id }: Subject) => (id === destroyed ? ('erased' as const) : key),
    lost: (subject: Subject) => void lost.push(subject),
  })
  const read = (row: { key: Buffer; value: Buffer }, destroyed?: string) =>
    [...(decodeBlock(row.key, row.value, reveal(destroyed))?.entries() ?? [])].map(({ event: { name, erased } }) =>
      erased ? 'erased' : name,
    )
  expect(read(block)).toEqual(['ada', 'bob', 'cleo', 'dan'])
  const rest = encodeRest(channel, block, 1, reveal())
  expect(read(rest)).toEqual(['bob', 'cleo', 'dan'])
  expect(read(rest, 'CA2')).toEqual(['erased', 'cleo', 'erased'])
  // Cut after the erasure: that something was there is kept.
  const cut = encodeRest(channel, block, 1, reveal('CA2'))
  expect(read(cut, 'CA2')).toEqual(['erased', 'cleo', 'erased'])
  expect(lost).toEqual([])
})
