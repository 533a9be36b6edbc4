import { linkSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MASKED_TEXT } from '@switchboard/contract'
import { describe, expect, onTestFinished, test } from 'vitest'
import { callsProjection } from '../../testing/calls-projection.js'
import { SetClock } from '../../testing/clock.js'
import { tinyDisk, whyNoMounts } from '../../testing/disks.js'
import { newFolder } from '../../testing/lmdb-bench.js'
import { entriesOf, event, HOUR, W1 } from '../../testing/stand.js'
import { Draft } from './draft.js'
import { openEnvironment, type Write } from './environment.js'
import { Faults } from './faults.js'
import { type LmdbEngine, openLmdbEngine } from './lmdb.js'
import { sealJson } from './seal.js'
import type { Subject } from './subject.js'
import { type Privacy, Vault } from './vault.js'
import { shardOf, WRAPPING_KEYS_FILE, WrappingKeys } from './wrapping-keys.js'

const T0 = Date.UTC(2026, 0, 1)
const ENOSPC = 28

const privacy: Privacy = {
  sealingKey: Buffer.alloc(32, 3),
  mask: (_, __, given) => (given.name === undefined ? given : { ...given, name: MASKED_TEXT }),
}

/** Calls whose keys are in one shard. */
const [GONE, KEPT, LATE] = neighbours(3) as [string, string, string]

function neighbours(count: number): string[] {
  const found: string[] = []
  const shard = shardOf('w1', 'call/CA0')
  for (let n = 0; found.length < count; n++) if (shardOf('w1', `call/CA${n}`) === shard) found.push(`CA${n}`)
  return found
}

const callOf = (id: string): Subject => ({ kind: 'call', id })
const named = (call: string, name: string) => event('call.started', { call_sid: call, name })

/** An engine with two calls, that can be opened again. */
async function started() {
  const dir = newFolder()
  const clock = new SetClock()
  clock.time = T0
  const open = () => openLmdbEngine({ dir, clock, privacy, projections: [callsProjection] })
  let engine: LmdbEngine = await open()
  onTestFinished(async () => {
    await engine.close()
    rmSync(dir, { recursive: true, force: true })
  })
  await engine.log.append(W1, [named(GONE, 'ada'), named(KEPT, 'bob')])
  return {
    dir,
    clock,
    get log() {
      return engine.log
    },
    close: () => engine.close(),
    async reopen() {
      await engine.close()
      engine = await open()
    },
    names: async () => (await entriesOf(engine.log, W1)).map(({ event: { name } }) => name),
    stateOf: async (call: string) => (await engine.log.record('w1', 'calls', call))?.record.name,
    /** What becomes of the next commit instead. */
    nextCommit(instead: (commit: () => Promise<void>) => Promise<void>) {
      const { environment } = engine.log
      const { commit } = environment
      environment.commit = (writes: readonly Write[]) => {
        environment.commit = commit
        return instead(() => commit(writes))
      }
    },
    /** `vault.keys` cannot be written while this is there. */
    obstacle: join(dir, `${WRAPPING_KEYS_FILE}.new`),
  }
}

describe('an erasure', () => {
  test('whose wrapping key could not be destroyed is seen at once, and costs no other call its keys', async () => {
    const server = await started()
    const told: string[] = []
    server.log.onErased((_, { id }) => told.push(id))
    expect(await server.names()).toEqual(['ada', 'bob'])
    server.nextCommit(async (commit) => {
      await commit()
      mkdirSync(server.obstacle)
    })
    await expect(server.log.eraseData('w1', callOf(GONE))).rejects.toMatchObject({ code: 'storage_fault' })
    expect(told).toEqual([GONE])
    expect(await server.names()).toEqual([MASKED_TEXT, 'bob'])
    rmdirSync(server.obstacle)
    await server.log.append(W1, [named(LATE, 'cleo')])
    await server.reopen()
    expect(await server.names()).toEqual([MASKED_TEXT, 'bob', 'cleo'])
    expect([await server.stateOf(GONE), await server.stateOf(KEPT)]).toEqual([MASKED_TEXT, 'bob'])
    await server.log.eraseData('w1', callOf(LATE))
    await server.reopen()
    expect(await server.names()).toEqual([MASKED_TEXT, 'bob', MASKED_TEXT])
    expect(server.log.health().faults).toEqual([])
  })

  test.each([
    ['is stored all the same', true],
    ['is not stored', false],
  ])('whose commit is said to have failed and %s costs no other call its keys', async (_, isStored) => {
    const server = await started()
    server.nextCommit(async (commit) => {
      if (isStored) await commit()
      throw new Error('input/output error')
    })
    await expect(server.log.eraseData('w1', callOf(GONE))).rejects.toMatchObject({ code: 'storage_fault' })
    await server.reopen()
    expect(await server.names()).toEqual([isStored ? MASKED_TEXT : 'ada', 'bob'])
    await server.log.eraseData('w1', callOf(GONE))
    expect(await server.names()).toEqual([MASKED_TEXT, 'bob'])
    expect(server.log.health().faults).toEqual([])
  })

  test('on a disk that is full is refused, and the log goes on', async () => {
    const server = await started()
    server.nextCommit(async () => {
      mkdirSync(server.obstacle)
      throw Object.assign(new Error('no space left'), { code: ENOSPC })
    })
    await expect(server.log.eraseData('w1', callOf(GONE))).rejects.toMatchObject({ code: 'storage_full' })
    rmdirSync(server.obstacle)
    expect((await server.log.eraseData('w1', callOf(GONE))).isNew).toBe(true)
    await server.reopen()
    expect(await server.names()).toEqual([MASKED_TEXT, 'bob'])
    expect(server.log.health().faults).toEqual([])
  })

  test('that breaks off while it is planned leaves nothing of itself', async () => {
    const server = await started()
    const { environment } = server.log
    const { range } = environment
    environment.range = function* (name, asked) {
      const isShard = name === 'vault' && asked.start.length === 1
      for (const row of range(name, asked)) {
        yield row
        if (isShard && row.key.includes(KEPT)) throw new Error('a page that cannot be read')
      }
    }
    await expect(server.log.eraseData('w1', callOf(GONE))).rejects.toMatchObject({ code: 'internal' })
    environment.range = range
    await server.reopen()
    expect(await server.names()).toEqual(['ada', 'bob'])
    expect(server.log.health().faults).toEqual([])
  })

  test('that a crash has broken off is finished, whatever stands in the shard that cannot be opened', async () => {
    const server = await started()
    await server.log.close()
    const environment = await openEnvironment(server.dir, () => {})
    const rows = environment.keys('vault', { start: Buffer.from([0]), end: Buffer.alloc(8, 255) })
    const name = [...rows].find((each) => each.includes(KEPT)) as Buffer
    // As one of another `vault.keys` would be.
    const foreign = Buffer.concat([name.subarray(0, -1), Buffer.from([9])])
    const row = sealJson(foreign, { made: T0, by: 1, wrapped: 'AAAA' })
    await environment.commit([{ table: 'vault', key: foreign, value: row }])
    const vault = Vault.open(environment, new Faults(() => {}), server.dir, privacy)
    const draft = new Draft(environment)
    vault.begin('w1', callOf(GONE)).plan(draft, T0)
    await environment.commit(draft.writes())
    await environment.close()
    await server.reopen()
    expect((await server.names())[1]).toBe('bob')
  })

  test('of what the clock had run ahead for is remembered for as long as the entries', async () => {
    const server = await started()
    server.clock.time = T0 + 72 * HOUR
    await server.log.append(W1, [named(LATE, 'cleo')])
    server.clock.time = T0
    await server.log.eraseData('w1', callOf(LATE))
    await server.log.retain(T0 + 48 * HOUR)
    await server.reopen()
    await server.log.append(W1, [named(LATE, 'dora')])
    expect(await server.names()).toEqual([MASKED_TEXT, 'dora'])
    expect(server.log.health().faults).toEqual([])
  })
})

test('a folder whose wrapping keys are gone is not opened with new ones: those may be put back', async () => {
  const server = await started()
  const path = join(server.dir, WRAPPING_KEYS_FILE)
  await server.close()
  rmSync(path)
  await expect(server.reopen()).rejects.toMatchObject({ code: 'storage_fault' })
  expect(readdirSync(server.dir)).not.toContain(WRAPPING_KEYS_FILE)
})

test('what a crash has left of a change of wrapping keys is overwritten, and removed', async () => {
  const server = await started()
  await server.close()
  const witness = `${server.obstacle}.witness`
  writeFileSync(server.obstacle, 'keys that were to be destroyed')
  linkSync(server.obstacle, witness)
  await server.reopen()
  expect(readFileSync(witness, 'latin1')).not.toContain('destroyed')
  expect(readdirSync(server.dir)).not.toContain(`${WRAPPING_KEYS_FILE}.new`)
})

test('what is no id is sealed like the rest of its event, wherever it stands', async () => {
  const server = await started()
  const ids = ['+1 555 CANARY', 'line\nCANARY', '\ud800CANARY', '\udfffCANARY']
  const sealing = { ...privacy, mask: (_: unknown, __: unknown) => ({ event_type: 'x' }) }
  await server.close()
  const engine = await openLmdbEngine({ dir: server.dir, clock: server.clock, privacy: sealing })
  const events = ids.flatMap((id, n) => [event('x', { call_sid: id, n }), event('x', { surface_id: id, n })])
  await engine.log.append(W1, events)
  await engine.close()
  const again = await openLmdbEngine({ dir: server.dir, clock: server.clock, privacy: sealing })
  const read = (await entriesOf(again.log, W1)).slice(2).map(({ event: given }) => given)
  await again.close()
  expect(read).toEqual(events.map(({ event: given }) => given))
  const bytes = readdirSync(server.dir).map((file) => readFileSync(join(server.dir, file), 'latin1'))
  expect(bytes.some((text) => text.includes('CANARY'))).toBe(false)
})

const reason = whyNoMounts()
if (reason) console.log(`wrapping keys on a full disk are not tested: ${reason}`)

test.skipIf(reason)('on a disk with room for a part of them wrapping keys stay as they are', () => {
  const KiB = 1024
  const disk = tinyDisk(64 * KiB)
  onTestFinished(() => disk.end())
  const path = join(disk.folder, WRAPPING_KEYS_FILE)
  const keys = WrappingKeys.open(path, privacy.sealingKey)
  // The file takes 5 pages of 4 KiB, and has room for 2 more.
  disk.fill(36 * KiB)
  expect(() => keys.add(7)).toThrow('storage_full')
  expect(WrappingKeys.open(path, privacy.sealingKey).unfinished).toEqual([])
  disk.free()
  keys.add(7)
  expect(WrappingKeys.open(path, privacy.sealingKey).unfinished).toEqual([7])
})
