import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { tinyDisk, whyNoMounts } from '../../testing/disks.js'
import { entriesOf } from '../../testing/stand.js'
import { systemClock as clock } from '../clock.js'
import { flipAll } from '../log/damage.test-kit.js'
import { openLmdbEngine } from '../log/lmdb.js'
import type { Channel, Engine, NewEvent } from '../log/log.js'
import { folderPlace } from '../ops/key-place.js'
import { ensureAdminKey, ensureSealingKey } from '../ops/keys.js'
import { backUp } from './backup.js'
import { checkBackup } from './check.js'
import { restore } from './restore.js'

const W1: Channel = { workspace: 'w1' }
const C1: Channel = { workspace: 'w1', call: 'CA1' }
const W2: Channel = { workspace: 'w2' }
const event = (n: number, text = 'x'): NewEvent => ({ type: 'a', event: { event_type: 'a', n, text } })

const root = mkdtempSync(join(tmpdir(), 'switchboard-backup-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let folders = 0
const folder = () => join(root, String(folders++))

/** A data folder as a server leaves it, with 300 events of a workspace, 3 of a call, and one that was erased. */
async function written(): Promise<string> {
  const dir = folder()
  const engine = await openLmdbEngine({ dir, clock })
  for (let n = 0; n < 300; n += 10) {
    const batch = Array.from({ length: 10 }, (_, index) =>
      event(n + index, `<<${String(n + index).padStart(4, '0')}>>`),
    )
    await engine.log.append(W1, batch)
  }
  await engine.log.append(C1, [event(0), event(1), event(2)])
  await engine.log.append(W2, [event(0, 'SECRET THAT WAS ERASED'.repeat(500))])
  await engine.log.erase(W2)
  await engine.store.put('kind', 'key', { value: 1 })
  await engine.close()
  const place = folderPlace(dir)
  await ensureAdminKey({ adminKey: undefined }, place)
  await ensureSealingKey({ sealingKey: undefined }, place)
  return dir
}

async function opened<T>(dir: string, work: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = await openLmdbEngine({ dir, clock })
  try {
    return await work(engine)
  } finally {
    await engine.close()
  }
}

/** All that can be read of a folder. */
const everything = (dir: string) =>
  opened(dir, async ({ log, store }) => ({
    entries: await Promise.all(
      [W1, C1, W2].map(async (channel) =>
        (await entriesOf(log, channel)).map(({ position, frame }) => [position, frame.toString()]),
      ),
    ),
    bounds: await Promise.all([W1, C1].map((channel) => log.bounds(channel))),
    erased: (await log.bounds(W2)).removed,
    records: await store.all('kind'),
  }))

let data: string
let backup: string
beforeAll(async () => {
  data = await written()
  backup = folder()
  await backUp({ from: data, to: backup, clock })
})

test('what is restored is the same to the byte, and positions go on', async () => {
  const to = join(folder(), 'deep', 'data')
  const manifest = await restore({ from: backup, to, clock })
  expect(manifest).toMatchObject({
    keys: 'included',
    channels: 3,
    events: 303,
    workspaces: [
      { workspace_id: 'w1', events: 300, calls: 1, call_events: 3, newest: expect.stringMatching(/-300$/) },
      { workspace_id: 'w2', events: 0, calls: 0, call_events: 0, newest: expect.stringMatching(/-1$/) },
    ],
    damage: [],
  })
  expect(readdirSync(to).sort()).toEqual(['admin-key.sha256', 'log.mdb', 'sealing.key'])
  for (const name of readdirSync(to)) {
    expect(statSync(join(to, name)).mode & 0o777).toBe(0o600)
    if (name !== 'log.mdb') expect(readFileSync(join(to, name))).toEqual(readFileSync(join(data, name)))
  }
  expect(await everything(to)).toEqual(await everything(data))
  const appended = await opened(to, async ({ log }) => [
    await log.append(W1, [event(0)]),
    await log.append(W2, [event(0)]),
  ])
  expect(appended.map(({ positions }) => positions[0]?.sequence)).toEqual([301, 2])
})

test('the check reads every block, leaves nothing behind, and says what is in it', async () => {
  const before = readdirSync(backup)
  expect(await checkBackup(backup, clock)).toMatchObject({ events: 303, files: { length: 3 } })
  expect(readdirSync(backup)).toEqual(before)
})

test('what was erased before is not in it, not even in pages that nobody uses', async () => {
  expect(readFileSync(join(data, 'log.mdb')).includes('SECRET THAT WAS ERASED')).toBe(true)
  expect(readFileSync(join(backup, 'log.mdb')).includes('SECRET THAT WAS ERASED')).toBe(false)
})

test('without keys there are none in it', async () => {
  const to = folder()
  const { manifest } = await backUp({ from: data, to, clock, withoutKeys: true })
  expect(manifest.keys).toBe('left_out')
  expect(readdirSync(to).sort()).toEqual(['log.mdb', 'manifest.json'])
})

test('what nobody knows in a data folder is named', async () => {
  const copy = folder()
  cpSync(data, copy, { recursive: true })
  writeFileSync(join(copy, 'notes.txt'), '')
  const { leftOut } = await backUp({ from: copy, to: folder(), clock })
  expect(leftOut).toEqual(['notes.txt'])
})

describe('a back-up that is not what was made is refused, by the check and the restore, and what is wrong is named', () => {
  const flip = (path: string) => {
    const bytes = readFileSync(path)
    const at = bytes.length >> 1
    bytes[at] = (bytes[at] as number) ^ 1
    writeFileSync(path, bytes)
  }
  const rewrite = (from: string, to: string) => (path: string) => {
    const text = readFileSync(path, 'utf8')
    expect(text).toContain(from)
    writeFileSync(path, text.replace(from, to))
  }
  test.each<[what: string, file: string, change: (path: string) => void, said: RegExp]>([
    ['a flipped bit', 'log.mdb', flip, /log\.mdb was altered: its SHA-256/],
    ['a byte more', 'log.mdb', (path) => appendFileSync(path, 'x'), /log\.mdb was altered: it has \d+ bytes/],
    ['a key that is gone', 'sealing.key', (path) => rmSync(path), /sealing\.key is missing/],
    [
      'another number of events',
      'manifest.json',
      rewrite('"events": 303', '"events": 3'),
      /manifest\.json was altered/,
    ],
    ['a manifest cut short', 'manifest.json', (path) => writeFileSync(path, '{'), /manifest\.json is damaged/],
    ['no manifest', 'manifest.json', (path) => rmSync(path), /no back-up, or not a whole one/],
    [
      'a newer format',
      'manifest.json',
      rewrite('"format": 1', '"format": 2'),
      /format 2, written by a newer Switchboard/,
    ],
  ])('%s', async (_, file, change, said) => {
    const copy = folder()
    cpSync(backup, copy, { recursive: true })
    change(join(copy, file))
    await expect(checkBackup(copy, clock)).rejects.toThrow(said)
    const to = folder()
    await expect(restore({ from: copy, to, clock })).rejects.toThrow(said)
    expect(existsSync(to)).toBe(false)
  })
})

test('a restore needs a folder that is free, and that no server has', async () => {
  const busy = folder()
  const server = await openLmdbEngine({ dir: busy, clock })
  onTestFinished(() => server.close())
  const held = { code: 'unavailable', detail: expect.stringMatching(/held by another server \(process \d+\)/) }
  await expect(restore({ from: backup, to: busy, clock })).rejects.toMatchObject(held)
  const other = folder()
  mkdirSync(other)
  writeFileSync(join(other, 'diary.txt'), '')
  const full = { code: 'conflict', detail: expect.stringContaining('is not empty: it holds diary.txt') }
  await expect(restore({ from: backup, to: other, clock })).rejects.toMatchObject(full)
  expect(readdirSync(other)).toEqual(['diary.txt'])
})

test('a restore that was broken off keeps servers and back-ups away, and can be made again', async () => {
  const to = folder()
  // As kill -9 in the middle leaves it.
  mkdirSync(to)
  writeFileSync(join(to, 'restore.unfinished'), '')
  writeFileSync(join(to, 'log.mdb'), 'half of it')
  const refused = { code: 'storage_fault', detail: expect.stringContaining('was broken off') }
  await expect(openLmdbEngine({ dir: to, clock })).rejects.toMatchObject(refused)
  await expect(backUp({ from: to, to: folder(), clock })).rejects.toMatchObject(refused)
  await restore({ from: backup, to, clock })
  expect(await everything(to)).toEqual(await everything(data))
})

test('a back-up needs a log, and a free place outside of its folder', async () => {
  const to = folder()
  const gateway = folder()
  mkdirSync(join(gateway, 'replica-0'), { recursive: true })
  const nowhere = folder()
  mkdirSync(nowhere)
  for (const [from, target, said] of [
    [data, backup, 'is not empty'],
    [data, join(backup, 'manifest.json'), 'is a file'],
    [data, data, 'in the data folder itself'],
    [data, join(data, 'b'), 'in the data folder itself'],
    [nowhere, to, 'holds no embedded log'],
    [gateway, to, 'nats account backup'],
  ] as const) {
    await expect(backUp({ from, to: target, clock })).rejects.toThrow(said)
  }
  expect(existsSync(to)).toBe(false)
})

test('a damaged log is not backed up as if it were sound; what is left of it is, when that is wanted', async () => {
  const copy = folder()
  cpSync(data, copy, { recursive: true })
  flipAll(join(copy, 'log.mdb'), '<<0150>>')
  const to = folder()
  const said = /the log is damaged, and so would the back-up be: entries 151 to 160 cannot be read \(workspace w1\)/
  await expect(backUp({ from: copy, to, clock })).rejects.toThrow(said)
  expect(readdirSync(root).filter((name) => name.startsWith(`${to.split('/').at(-1)}`))).toEqual([])
  const { manifest } = await backUp({ from: copy, to, clock, acceptDamage: true })
  expect(manifest).toMatchObject({
    events: 293,
    damage: [{ workspace_id: 'w1', of_a_call: false, from: 151, to: 160 }],
  })
  expect(await checkBackup(to, clock)).toMatchObject({ events: 293 })
  const restored = folder()
  await restore({ from: to, to: restored, clock })
  expect(await opened(restored, async ({ log }) => log.bounds(W1))).toMatchObject({ newest: { sequence: 300 } })
})

test('a log that is cut short is named, and not read behind its end', async () => {
  const copy = folder()
  cpSync(data, copy, { recursive: true })
  const path = join(copy, 'log.mdb')
  writeFileSync(path, readFileSync(path).subarray(0, 20_000))
  await expect(backUp({ from: copy, to: folder(), clock })).rejects.toThrow(
    /log\.mdb is cut short: it has 20000 bytes of/,
  )
})

test('a log with a page that was lost is named, rather than the end of the back-up', async () => {
  const copy = folder()
  cpSync(data, copy, { recursive: true })
  const path = join(copy, 'log.mdb')
  const bytes = readFileSync(path)
  const at = bytes.lastIndexOf('<<0150>>') & ~4095
  writeFileSync(path, bytes.fill(0, at, at + 4096))
  const said =
    /damaged beyond use: page \d+ of it is not what was stored, and with it entries \d+ to \d+ of workspace w1/
  await expect(backUp({ from: copy, to: folder(), clock, acceptDamage: true })).rejects.toThrow(said)
})

const reason = whyNoMounts()
if (reason) console.log(`back-ups on full disks are not tested: ${reason}`)

test.skipIf(reason)(
  'a full disk at the target fails the back-up, and the restore, and leaves nothing there',
  async () => {
    const disk = tinyDisk(32 * 1024)
    try {
      const full = { code: 'storage_full', detail: expect.stringContaining('the disk is full') }
      await expect(backUp({ from: data, to: join(disk.folder, 'b'), clock })).rejects.toMatchObject(full)
      expect(readdirSync(disk.folder)).toEqual([])
      await expect(restore({ from: backup, to: disk.folder, clock })).rejects.toMatchObject(full)
      expect(readdirSync(disk.folder)).toEqual([])
    } finally {
      disk.end()
    }
  },
)
