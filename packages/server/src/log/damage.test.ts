import { closeSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { open as lmdb } from 'lmdb'
import { afterEach, expect, test } from 'vitest'
import { callsProjection } from '../../testing/calls-projection.js'
import { SetClock } from '../../testing/clock.js'
import { newFolder } from '../../testing/lmdb-bench.js'
import { randomly } from '../../testing/random.js'
import { entriesOf } from '../../testing/stand.js'
import { systemClock } from '../clock.js'
import { flipAll } from './damage.test-kit.js'
import { lengthOf } from './datafile.js'
import { logTrouble, openEnvironment } from './environment.js'
import { channelKey, idempotencyKey, projectionKey, storeKey, type TableName } from './keys.js'
import { openLmdbEngine } from './lmdb.js'
import type { Channel, Fault, NewEvent } from './log.js'
import { findBadPage, PageTour } from './pages.js'

const W1: Channel = { workspace: 'w1' }
const C1: Channel = { workspace: 'w1', call: 'CA1' }
const EVENTS = 600
const FLIPS = 150
const SEED = 20_261_122

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** A log of two channels in blocks of several sizes, closed. `marker` is in every frame. */
async function written() {
  const dir = newFolder()
  folders.push(dir)
  const { log, close } = await open(dir)
  for (let n = 0; n < EVENTS; ) {
    const batch: NewEvent[] = []
    for (let size = 1 + ((n * 7) % 40); size > 0 && n < EVENTS; size--) batch.push(event(n++))
    await log.append(W1, batch)
    await log.append(C1, batch.slice(0, 1))
  }
  const newest = { w1: (await log.bounds(W1)).newest.sequence, c1: (await log.bounds(C1)).newest.sequence }
  await close()
  return { dir, path: join(dir, 'log.mdb'), newest }
}

async function open(dir: string) {
  const faults: Fault[] = []
  const engine = await openLmdbEngine({ dir, clock: systemClock, onFault: (fault) => faults.push(fault) })
  return { log: engine.log, faults, close: () => engine.close() }
}

function event(n: number): NewEvent {
  return { type: 'a', event: { event_type: 'a', n, marker: `<<${String(n).padStart(4, '0')}${'x'.repeat(300)}>>` } }
}

test(`of ${FLIPS} flipped bits in stored entries, each is found, named, and costs its own block alone`, async () => {
  const { dir, path, newest } = await written()
  const pristine = readFileSync(path)
  // Frames begin at their markers; copies of old pages hold some too, where a flip is harmless.
  const marks: number[] = []
  for (let at = pristine.indexOf('<<'); at >= 0; at = pristine.indexOf('<<', at + 1)) {
    // Of a copy whose other half is a page of the index by now, the flip could hit that half.
    if (pristine.indexOf('>>', at) === at + 306) marks.push(at)
  }
  const random = randomly(SEED)
  let detected = 0
  let harmless = 0
  for (let flip = 0; flip < FLIPS; flip++) {
    const bytes = Buffer.from(pristine)
    const at = (marks[Math.floor(random() * marks.length)] as number) + Math.floor(random() * 300)
    bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(random() * 8))
    rmSync(`${path}-lock`, { force: true })
    writeFileSync(path, bytes)
    const { log, faults, close } = await open(dir)
    let lost = 0
    for (const [channel, last] of [
      [W1, newest.w1],
      [C1, newest.c1],
    ] as const) {
      let expected = 1
      const { blocks } = await log.read(channel, 0, 1e9)
      for (const block of blocks) {
        expect(block.first).toBe(expected)
        expected = block.last + 1
        if (block.damaged) lost += block.last - block.first + 1
        for (const entry of block.entries()) {
          // Never altered: what is handed out is what was stored.
          const n = entry.event.n as number
          expect(entry.event).toEqual(event(n).event)
          if (channel === W1) expect(n).toBe(entry.position.sequence - 1)
        }
      }
      expect(expected).toBe(last + 1)
    }
    if (lost > 0) {
      detected++
      expect(lost).toBeLessThanOrEqual(40)
      expect(faults).toMatchObject([{ code: 'damaged' }])
      expect(log.health()).toMatchObject({ writable: true, faults: [{ code: 'damaged', channel: faults[0]?.channel }] })
      expect(await log.verify()).toHaveLength(1)
    } else {
      harmless++
      expect(await log.verify()).toEqual([])
    }
    await close()
  }
  console.log(`seed ${SEED}: ${FLIPS} bits flipped, ${detected} found, ${harmless} in unused space, 0 altered data`)
  expect(detected).toBeGreaterThan(FLIPS / 2)
}, 60_000)

test('a damaged last block is found at the start; appends and removal go on around it', async () => {
  const { dir, path, newest } = await written()
  const last = String(EVENTS - 1).padStart(4, '0')
  flipAll(path, `<<${last}`)
  const { log, faults, close } = await open(dir)
  expect(faults).toMatchObject([{ code: 'damaged', channel: W1, to: newest.w1 }])
  const { from, to } = faults[0] as { from: number; to: number }
  expect(await log.positionOf(W1, to)).toBeUndefined()
  const { positions } = await log.append(W1, [event(EVENTS)])
  expect(positions[0]?.sequence).toBe(newest.w1 + 1)
  // A reader that comes in at the middle of what is lost is told of the part it misses.
  const { blocks } = await log.read(W1, to - 1, 1e9)
  expect(blocks.map((block) => [block.damaged, block.count])).toEqual([
    [{ from: to, to }, 0],
    [undefined, 1],
  ])
  expect(log.health().faults).toMatchObject([{ from, to }])
  expect(await log.retain(Date.now() + 60_000)).toBe(newest.w1 + 1 + newest.c1)
  expect(log.health().faults).toEqual([])
  expect(await entriesOf(log, W1)).toEqual([])
  await close()
})

test('damage is named as soon as a position in it is asked for, be it that nobody has read there since the start', async () => {
  const { dir, path } = await written()
  flipAll(path, '<<0300')
  const { log, close } = await open(dir)
  expect(log.health().faults).toEqual([])
  expect(await log.positionOf(W1, 301)).toBeUndefined()
  expect(log.health().faults).toMatchObject([{ code: 'damaged', channel: W1 }])
  await close()
})

test('who asks for an instant within damage is told of it, also where retention has removed all that came before', async () => {
  const dir = newFolder()
  folders.push(dir)
  const clock = new SetClock()
  const options = { dir, clock }
  const first = await openLmdbEngine(options)
  const begun = clock.time
  for (let n = 0; n < 3; n++, clock.time += 1000) await first.log.append(W1, [event(n)])
  await first.close()
  flipAll(join(dir, 'log.mdb'), '<<0001')
  const { log, close } = await openLmdbEngine(options)
  expect(await log.retain(begun + 500)).toBe(1)
  const before = await log.sequenceBefore(W1, begun + 500)
  expect((await log.read(W1, before, 1e9)).blocks[0]?.damaged).toEqual({ from: 2, to: 2 })
  await close()
})

test('damaged blocks one behind another do not keep what is old behind them', async () => {
  const dir = newFolder()
  folders.push(dir)
  const clock = new SetClock()
  const options = { dir, clock }
  const first = await openLmdbEngine(options)
  for (let n = 0; n < 4; n++, clock.time += 1000) await first.log.append(W1, [event(n)])
  const { newest } = await first.log.bounds(W1)
  await first.close()
  for (const marker of ['<<0000', '<<0001']) flipAll(join(dir, 'log.mdb'), marker)
  const { log, close } = await openLmdbEngine(options)
  expect(await log.retain(newest.time)).toBe(3)
  expect(await log.bounds(W1)).toMatchObject({ oldest: newest, removed: { sequence: 3 } })
  await close()
})

test('a block that verification finds damaged has its channel and its range named', async () => {
  const { dir, path } = await written()
  flipAll(path, '<<0300')
  const { log, close } = await open(dir)
  const [fault, ...others] = await log.verify()
  expect(others).toEqual([])
  expect(fault?.channel).toEqual(W1)
  expect([fault?.from, fault?.to].map(Number)).toSatisfy(([from = 0, to = 0]) => from <= 301 && to >= 301)
  await close()
})

test('damaged records are named, and neither believed nor built upon', async () => {
  const dir = newFolder()
  folders.push(dir)
  const request = { key: 'k', fingerprint: '' }
  const projections = [callsProjection]
  const first = await openLmdbEngine({ dir, clock: systemClock, projections })
  for (const channel of [W1, C1]) await first.log.append(channel, [event(0), event(1)], request)
  await first.log.erase(C1)
  await first.log.append({ workspace: 'w2', call: 'CA2' }, [event(0)])
  await Promise.all(['a', 'b'].map((key) => first.store.put('kind', key, { key })))
  await first.close()

  const environment = await openEnvironment(dir, () => {})
  const w2 = channelKey({ workspace: 'w2', call: 'CA2' })
  const names: [TableName, Buffer][] = [
    ['heads', channelKey(W1)],
    ['heads', channelKey(C1)],
    ['idempotency', idempotencyKey(channelKey(W1), 'request', 'k')],
    ['projections', projectionKey('w1', 'calls', 'CA1')],
    ['store', storeKey('kind', 'a')],
  ]
  const writes = names.map(([table, key]) => {
    const value = Buffer.from(environment.get(table, key) as Buffer)
    value[9] = (value[9] as number) ^ 1
    return { table, key, value }
  })
  // A head that has vanished is no reason to give sequences again.
  await environment.commit([...writes, { table: 'heads', key: w2, value: undefined }])
  await environment.close()

  const faults: Fault[] = []
  const onFault = (fault: Fault) => faults.push(fault)
  const engine = await openLmdbEngine({ dir, clock: systemClock, projections, onFault })
  const { log, store } = engine
  // Made anew from the blocks, where there are some; refused where there are none.
  expect(await log.bounds(W1)).toMatchObject({ newest: { sequence: 2 }, oldest: { sequence: 1 }, removed: undefined })
  expect((await log.append(W1, [event(2)])).positions[0]?.sequence).toBe(3)
  expect((await log.append({ workspace: 'w2', call: 'CA2' }, [event(1)])).positions[0]?.sequence).toBe(2)
  for (const refused of [log.bounds(C1), log.append(C1, [event(2)]), log.append(W1, [event(0)], request)]) {
    await expect(refused).rejects.toMatchObject({ code: 'storage_fault' })
  }
  expect(await log.record('w1', 'calls', 'CA1')).toBeUndefined()
  expect(await store.all('kind')).toEqual([{ key: 'b', value: { key: 'b' } }])
  const found = new Set(faults.map(({ detail, channel }) => `${detail}: ${channel?.workspace} ${channel?.call ?? ''}`))
  expect(found).toEqual(
    new Set([
      'the head of a channel: w1 ',
      'the head of a channel: w1 CA1',
      'the head of a channel: w2 CA2',
      'the record of an idempotency key: w1 ',
      'a record of the projection calls: w1 ',
      'a record of the kind kind: undefined ',
    ]),
  )
  expect(log.health().writable).toBe(true)
  expect(await log.retain(Date.now() + 60_000)).toBe(5)
  await engine.close()
})

test('a file cut short never ends the server: what is lost is named, and nothing is altered', async () => {
  const { dir, path, newest } = await written()
  const pristine = readFileSync(path)
  expect(lengthOf(path)).toBeLessThanOrEqual(pristine.length)
  for (const bytes of [1, 7, 100, 4096, 20_000, 50_000, 100_000, 200_000]) {
    writeFileSync(path, pristine.subarray(0, pristine.length - bytes))
    const opened = await open(dir).catch((error: unknown) => error)
    if (opened instanceof Error) {
      // What leads to everything else was at the end: the start is refused, in words.
      expect(opened).toMatchObject({ code: 'storage_fault', detail: expect.stringContaining('log.mdb') })
      continue
    }
    const { log, faults, close } = opened as Awaited<ReturnType<typeof open>>
    try {
      const { blocks } = await log.read(W1, 0, 1e9)
      expect(blocks[blocks.length - 1]?.last).toBe(newest.w1)
      for (const entry of blocks.flatMap((block) => [...block.entries()])) {
        expect(entry.event).toEqual(event(entry.position.sequence - 1).event)
      }
      const isWhole = blocks.every((block) => block.damaged === undefined)
      expect((await log.verify()).some(({ channel }) => channel && channel.call === undefined)).toBe(!isWhole)
    } catch (error) {
      // What leads to the entries was there as well: they cannot be read, and that is said.
      expect(error).toMatchObject({ code: 'storage_fault' })
      expect(faults).not.toEqual([])
      await expect(log.append(W1, [event(0)])).rejects.toMatchObject({ code: 'storage_fault' })
    }
    await close()
  }
})

test('a page that was lost or overwritten stops the start with what is lost, and never the process', async () => {
  const { dir, path, newest } = await written()
  const pristine = readFileSync(path)
  const PAGE = 4096
  let refused = 0
  const said = new Set<string>()
  const damages = [() => 0, (byte: number, at: number) => (byte + at * 73) & 255]
  for (const damage of damages) {
    for (let page = 2; page < pristine.length / PAGE; page++) {
      const bytes = Buffer.from(pristine)
      for (let at = page * PAGE; at < (page + 1) * PAGE; at++) bytes[at] = damage(bytes[at] as number, at)
      writeFileSync(path, bytes)
      const trouble = logTrouble(dir)
      if (trouble !== undefined) {
        refused++
        said.add(trouble.replaceAll(/\d+/g, 'N').replace(/^.*with it /, ''))
        if (page % 20 > 0) continue
        await expect(open(dir)).rejects.toMatchObject({ code: 'storage_fault', detail: trouble })
        continue
      }
      // Values alone are there, whose checksums tell, or nothing.
      if (page % 5 > 0) continue
      const { log, close } = await open(dir)
      await log.verify()
      expect((await log.bounds(W1)).newest.sequence).toBe(newest.w1)
      await close()
    }
  }
  expect(refused).toBeGreaterThan(20)
  const restore = 'Move the folder away and put a back-up in its place: `switchboard restore`'
  for (const what of [
    'entries N to N of a call of workspace wN',
    'a part of the table heads',
    'the list of tables',
    'a part of the list of free pages',
  ]) {
    expect([...said]).toContain(`${what}. ${restore}`)
  }
})

test('a file that was made and nothing more, as by a start that was killed, is no damage', async () => {
  const dir = newFolder()
  folders.push(dir)
  await lmdb({ path: join(dir, 'log.mdb'), noSubdir: true, maxDbs: 8 }).close()
  expect(logTrouble(dir)).toBeUndefined()
  await (await open(dir)).close()
})

test.each([0, 4096])('damage in the head of the file (byte %i) stops the start with what to do', async (at) => {
  const { dir, path } = await written()
  const bytes = readFileSync(path)
  bytes.fill(0, at, at + 4096)
  writeFileSync(path, bytes)
  const refused = {
    code: 'storage_fault',
    detail: expect.stringMatching(/first pages are damaged.*`switchboard restore`/),
  }
  await expect(open(dir)).rejects.toMatchObject(refused)
  expect(logTrouble(dir)).toContain('first pages are damaged')
})

test('a changed number in either head, with which an older state would pass for the newest, stops the start', async () => {
  const { path, dir } = await written()
  const pristine = readFileSync(path)
  const NUMBER_AT = 152
  for (const page of [0, 4096]) {
    for (let bit = 0; bit < 48; bit++) {
      const bytes = Buffer.from(pristine)
      const at = page + NUMBER_AT + Math.floor(bit / 8)
      bytes[at] = (bytes[at] as number) ^ (1 << (bit % 8))
      writeFileSync(path, bytes)
      // The doctor says it too, of a folder that no server has.
      expect(logTrouble(dir), `bit ${bit} of page ${page / 4096}`).toMatch(
        /first pages are damaged|is not what was stored/,
      )
      await expect(open(dir), `bit ${bit} of page ${page / 4096}`).rejects.toMatchObject({ code: 'storage_fault' })
    }
  }
})

test('a tour of some pages at a time finds each page that a look at all of them finds', async () => {
  const { path } = await written()
  const pristine = readFileSync(path)
  const found = (pagesMax: number) => {
    const tour = new PageTour(path)
    let [answer, steps] = [tour.step(pagesMax), 1]
    for (; answer === 'more'; steps++) answer = tour.step(pagesMax)
    tour.end()
    return { bad: answer, steps }
  }
  expect(found(1).bad).toBeUndefined()
  expect(found(1).steps).toBeGreaterThan(found(7).steps)
  expect(found(1000).steps).toBe(1)
  let count = 0
  for (let page = 2; page < pristine.length / 4096; page++) {
    writeFileSync(path, Buffer.from(pristine).fill(0, page * 4096, (page + 1) * 4096))
    const all = findBadPage(path, () => false)
    expect(found(1).bad, `page ${page}`).toEqual(all)
    if (all !== undefined) count++
  }
  expect(count).toBeGreaterThan(10)
})

test('a page that goes bad while a server has the file is named before anybody meets it, and the process lives', async () => {
  const { path, dir } = await written()
  const { log, faults, close } = await open(dir)
  expect(await log.verify()).toEqual([])
  // Pages of the tree that are not its values, as a disk would lose them.
  const bytes = readFileSync(path)
  const isLeafOfBlocks = (at: number) => bytes.readUInt16LE(at + 18) === 2 && bytes.indexOf('<<0', at) < at + 4096
  const leaves = Array.from({ length: bytes.length / 4096 - 2 }, (_, page) => (page + 2) * 4096).filter(isLeafOfBlocks)
  const file = openSync(path, 'r+')
  for (const at of leaves) writeSync(file, Buffer.alloc(4096), 0, 4096, at)
  closeSync(file)
  expect(await log.verify()).toMatchObject([{ detail: expect.stringContaining('is not what was stored') }])
  expect(faults).toHaveLength(1)
  expect(log.health().faults).toHaveLength(1)
  await close()
  // Until then nothing was read: a start says the same.
  await expect(open(dir)).rejects.toMatchObject({ code: 'storage_fault' })
})

test('a key that is out of its order in a page, so that a look-up would miss it, stops the start', async () => {
  const { path, dir } = await written()
  const bytes = readFileSync(path)
  const channel = channelKey(W1)
  // All of the workspace's own keys are then behind those of its call, and stand before them.
  for (let at = bytes.indexOf(channel); at >= 0; at = bytes.indexOf(channel, at + 1)) bytes[at] = 0x80
  writeFileSync(path, bytes)
  await expect(open(dir)).rejects.toMatchObject({
    code: 'storage_fault',
    detail: expect.stringContaining('is not what was stored'),
  })
})

test('a key that stands twice in a page stops the start', async () => {
  const { path, dir } = await written()
  const bytes = readFileSync(path)
  const channel = channelKey(W1)
  for (let page = 2 * 4096; page < bytes.length; page += 4096) {
    // Where sequences of the workspace's blocks stand, behind its name, in their order.
    const places: number[] = []
    for (let at = bytes.indexOf(channel, page); at >= 0 && at < page + 4080; at = bytes.indexOf(channel, at + 1)) {
      if (bytes.readUIntBE(at + channel.length, 6) === 0) places.push(at + channel.length)
    }
    places.sort((one, other) => bytes.readUInt16BE(one + 6) - bytes.readUInt16BE(other + 6))
    const [, before, at] = places
    // Neither the first nor the last: those are held against the page above too.
    if (before !== undefined && at !== undefined && places.length > 3) bytes.copy(bytes, at, before, before + 8)
  }
  writeFileSync(path, bytes)
  expect(logTrouble(dir)).toContain('is not what was stored')
})

test('a page that says it is of a later transaction stops the start: LMDB would end the process when it writes there', async () => {
  const { path, dir } = await written()
  const bytes = readFileSync(path)
  for (let page = 2 * 4096; page < bytes.length; page += 4096) bytes[page + 14] = 0x40
  writeFileSync(path, bytes)
  expect(logTrouble(dir)).toContain('is not what was stored')
})

test('a lost row of the index that idempotency keys are forgotten by is named by verification', async () => {
  const dir = newFolder()
  folders.push(dir)
  const clock = new SetClock()
  const first = await openLmdbEngine({ dir, clock })
  await first.log.append(W1, [event(0)], { key: 'k', fingerprint: '' })
  await first.close()
  const environment = await openEnvironment(dir, () => {})
  const all = { start: Buffer.from([0]), end: Buffer.alloc(8, 255) }
  const rows = [...environment.keys('expiry', all)].map((key) => Buffer.from(key))
  await environment.commit(rows.map((key) => ({ table: 'expiry', key, value: undefined })))
  await environment.close()
  const { log, close } = await openLmdbEngine({ dir, clock })
  expect(await log.verify()).toMatchObject([{ code: 'damaged', channel: W1 }])
  await close()
})

test('a file that is no log stops the start with a failure that names it', async () => {
  const dir = newFolder()
  folders.push(dir)
  writeFileSync(join(dir, 'log.mdb'), Buffer.alloc(100_000, 'not a log '))
  const refused = { code: 'storage_fault', detail: expect.stringContaining('log.mdb is not a log') }
  await expect(open(dir)).rejects.toMatchObject(refused)
  // The folder is free again for one that is.
  rmSync(join(dir, 'log.mdb'))
  await (await open(dir)).close()
})
