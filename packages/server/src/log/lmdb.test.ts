import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { callsProjection } from '../../testing/calls-projection.js'
import { SetClock } from '../../testing/clock.js'
import { newFolder, openLmdbBench } from '../../testing/lmdb-bench.js'
import { privacySuite, sealed } from '../../testing/privacy.suite.js'
import { promiseSuite } from '../../testing/promises.suite.js'
import { entriesOf } from '../../testing/stand.js'
import { systemClock } from '../clock.js'
import { FORMAT_VERSION, openEnvironment } from './environment.js'
import { openLmdbEngine } from './lmdb.js'
import type { Appended, Channel, NewEvent } from './log.js'
import { sealJson } from './seal.js'

const traits = { ownClock: true, dense: true, shared: false }
promiseSuite('LMDB', openLmdbBench, traits)
promiseSuite('LMDB, sealed', sealed(openLmdbBench), traits)
privacySuite('LMDB', sealed(openLmdbBench))

const W1: Channel = { workspace: 'w1' }
const event = (n: number): NewEvent => ({ type: 'a', event: { event_type: 'a', n } })

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
const folder = () => {
  const dir = newFolder()
  folders.push(dir)
  return dir
}

const FORMAT = Buffer.from('format')

async function setFormat(dir: string, version: number): Promise<void> {
  const environment = await openEnvironment(dir, () => {})
  await environment.commit([{ table: 'meta', key: FORMAT, value: sealJson(FORMAT, { version }) }])
  await environment.close()
}

describe('the data folder', () => {
  test('and the files in it are for their owner alone', async () => {
    const dir = join(folder(), 'deep', 'data')
    const engine = await openLmdbEngine({ dir, clock: systemClock })
    expect(statSync(dir).mode & 0o777).toBe(0o700)
    expect(readdirSync(dir).sort()).toEqual(['lock', 'log.mdb', 'log.mdb-lock'])
    for (const file of readdirSync(dir)) expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600)
    await engine.close()
    expect(readdirSync(dir)).not.toContain('lock')
  })

  test('that holds other things keeps its mode', async () => {
    const dir = folder()
    mkdirSync(join(dir, 'lost+found'))
    chmodSync(dir, 0o755)
    await (await openLmdbEngine({ dir, clock: systemClock })).close()
    expect(statSync(dir).mode & 0o777).toBe(0o755)
  })

  test('is refused to a second server, which is told who has it', async () => {
    const dir = folder()
    const engine = await openLmdbEngine({ dir, clock: systemClock })
    const refused = { code: 'unavailable', detail: expect.stringContaining(`process ${process.pid}`) }
    await expect(openLmdbEngine({ dir, clock: systemClock })).rejects.toMatchObject(refused)
    await engine.close()
  })

  test('of the format before, without sealed data, is read and written on in the new one', async () => {
    const dir = folder()
    const before = await openLmdbEngine({ dir, clock: systemClock })
    await before.log.append(W1, [event(1)])
    await before.close()
    await setFormat(dir, FORMAT_VERSION - 1)
    const engine = await openLmdbEngine({ dir, clock: systemClock })
    expect((await entriesOf(engine.log, W1)).map(({ event: { n } }) => n)).toEqual([1])
    await engine.close()
    const environment = await openEnvironment(dir, () => {})
    expect(environment.get('meta', FORMAT)).toEqual(sealJson(FORMAT, { version: FORMAT_VERSION }))
    await environment.close()
  })

  test.each([
    ['a newer', FORMAT_VERSION + 1],
    ['an older', FORMAT_VERSION - 2],
  ])('of %s format is refused, and says which', async (age, version) => {
    const dir = folder()
    await (await openLmdbEngine({ dir, clock: systemClock })).close()
    await setFormat(dir, version)
    const refused = { code: 'storage_fault', detail: expect.stringContaining(`format ${version}, written by ${age}`) }
    await expect(openLmdbEngine({ dir, clock: systemClock })).rejects.toMatchObject(refused)
  })

  test('that cannot be made is refused with the reason', async () => {
    const file = join(folder(), 'file')
    writeFileSync(file, '')
    const refused = { code: 'storage_fault', detail: expect.stringContaining(file) }
    await expect(openLmdbEngine({ dir: file, clock: systemClock })).rejects.toMatchObject(refused)
    await expect(openLmdbEngine({ dir: join(file, 'data'), clock: systemClock })).rejects.toMatchObject(refused)
  })
})

test('any mixture of appends, retries, removals and restarts leaves what a simple list of entries would', async () => {
  const clock = new SetClock()
  const names = ['w1', 'w2', 'c1'] as const
  const channelOf = (name: string): Channel => (name === 'c1' ? { workspace: 'w1', call: 'c1' } : { workspace: name })
  const step = fc.record({
    what: fc.constantFrom('append', 'append', 'append', 'retain', 'erase', 'reopen'),
    channel: fc.constantFrom(...names),
    events: fc.integer({ min: 0, max: 5 }),
    key: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
    advance: fc.integer({ min: -500, max: 1000 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      clock.time = Date.UTC(2026, 0, 1)
      const bench = await openLmdbBench({ clock, projections: [callsProjection] })
      const model = new Map(names.map((name) => [name, { given: 0, kept: [] as { n: number; time: number }[] }]))
      const answered = new Map<string, Appended>()
      let n = 0
      try {
        for (const { what, channel: name, events, key, advance } of steps) {
          clock.time += advance
          const { log } = bench.engine
          const channel = channelOf(name)
          const expected = model.get(name) as { given: number; kept: { n: number; time: number }[] }
          if (what === 'append') {
            const batch = Array.from({ length: events }, () => event(n++))
            const request = key === undefined ? undefined : { key: String(key), fingerprint: '' }
            const answer = await log.append(channel, batch, request)
            const before = answered.get(`${name}:${key}`)
            if (before && key !== undefined) {
              expect(answer.positions).toEqual(before.positions)
              continue
            }
            answered.set(`${name}:${key}`, answer)
            answer.positions.forEach(({ sequence, time }, index) => {
              expect(sequence).toBe(++expected.given)
              expected.kept.push({ n: batch[index]?.event.n as number, time })
            })
          } else if (what === 'retain') {
            await log.retain(clock.time)
            for (const each of model.values()) each.kept = each.kept.filter(({ time }) => time >= clock.time)
          } else if (what === 'erase') {
            await log.erase(channel)
            expected.kept = []
            for (const known of [...answered.keys()]) if (known.startsWith(`${name}:`)) answered.delete(known)
          } else {
            await bench.reopen()
          }
        }
        for (const [name, { given, kept }] of model) {
          const { log } = bench.engine
          const entries = await entriesOf(log, channelOf(name), 0, 1)
          expect(entries.map(({ event, position }) => ({ n: event.n, time: position.time }))).toEqual(kept)
          const { newest, oldest, removed } = await log.bounds(channelOf(name))
          expect(newest.sequence).toBe(given)
          expect(oldest).toEqual(entries[0]?.position)
          expect(removed?.sequence ?? 0).toBe(given - kept.length)
        }
        expect(await bench.engine.log.verify()).toEqual([])
      } finally {
        await bench.end()
      }
    }),
    { numRuns: 60 },
  )
}, 60_000)

test('who has everything verified may rest before each channel, and end it', async () => {
  const { log, close } = await openLmdbEngine({ dir: folder(), clock: new SetClock() })
  const calls = Array.from({ length: 40 }, (_, n) => ({ workspace: 'w1', call: `CA${n}` }))
  await Promise.all(calls.map((call) => log.append(call, [event(0)])))
  let rests = 0
  const rest = async () => void rests++
  expect(await log.verify(rest)).toEqual([])
  expect(rests).toBeGreaterThan(calls.length)
  await expect(log.verify(() => Promise.reject(new Error('enough')))).rejects.toThrow('enough')
  // One that ends in the middle finds nothing wrong with what it can read no more.
  const ended = log.verify(async () => {
    if (--rests === calls.length) await close()
  })
  expect(await ended).toEqual([])
})

test('idempotency keys that have expired leave the disk, those used again stay', async () => {
  const dir = folder()
  const timers: (() => void)[] = []
  const clock = Object.assign(new SetClock(), {
    after(ms: number, task: () => void) {
      if (ms === 60_000) timers.push(task)
      return () => {}
    },
  })
  const engine = await openLmdbEngine({ dir, clock, idempotencyWindowMs: 1000 })
  const append = (n: number) => engine.log.append(W1, [event(n)], { key: String(n), fingerprint: '' })
  await Promise.all(Array.from({ length: 3000 }, (_, n) => append(n)))
  clock.time += 1000
  await append(7)
  timers.pop()?.()
  // Closing waits for what is under way, and the sweep goes on step by step until nothing is due.
  await append(8)
  await append(9)
  await engine.close()
  const environment = await openEnvironment(dir, () => {})
  const everything = { start: Buffer.from([0]), end: Buffer.alloc(8, 255) }
  expect([...environment.keys('idempotency', everything)].map((key) => key.toString().slice(-2))).toEqual([
    'r7',
    'r8',
    'r9',
  ])
  expect([...environment.keys('expiry', everything)]).toHaveLength(3)
  await environment.close()
})

test('a server whose folder was taken over acknowledges nothing more', async () => {
  const dir = folder()
  const beats: (() => void)[] = []
  const clock = Object.assign(new SetClock(), {
    after(ms: number, task: () => void) {
      if (ms === 5000) beats.push(task)
      return () => {}
    },
  })
  const engine = await openLmdbEngine({ dir, clock })
  writeFileSync(join(dir, 'lock'), '{}')
  beats.pop()?.()
  await expect(engine.log.append(W1, [event(1)])).rejects.toMatchObject({ code: 'storage_fault' })
  expect(engine.log.health()).toMatchObject({ writable: false, faults: [{ code: 'storage_fault' }] })
  await engine.close()
})

test('a new call is cheap: ten thousand of them, and a batch of a hundred, in numbers', async () => {
  const bench = await openLmdbBench({ clock: systemClock })
  const { log } = bench.engine
  const text = 'x'.repeat(200)
  const measure = async (what: string, events: number, work: () => Promise<unknown>) => {
    const cpu = process.cpuUsage()
    const start = performance.now()
    await work()
    const ms = performance.now() - start
    const { user, system } = process.cpuUsage(cpu)
    console.log(
      `${what}: ${Math.round(events / (ms / 1000))}/s, ${((user + system) / events).toFixed(1)} us of CPU each`,
    )
  }
  const calls = Array.from({ length: 10_000 }, (_, n) => ({ workspace: 'w1', call: `CA${n}` }))
  await measure('first events of 10000 calls', 10_000, () =>
    Promise.all(calls.map((call, n) => log.append(call, [event(n)]))),
  )
  const batch = Array.from({ length: 100 }, (_, n) => ({ type: 'a', event: { event_type: 'a', n, text } }))
  await measure('batches of 100', 50_000, () =>
    Promise.all(
      Array.from({ length: 10 }, async () => {
        for (let round = 0; round < 50; round++) await log.append(W1, batch)
      }),
    ),
  )
  const entries = await entriesOf(log, W1, 0, 256 * 1024)
  expect(entries).toHaveLength(50_000)
  expect((await log.bounds({ workspace: 'w1', call: 'CA9999' })).newest.sequence).toBe(1)
  await bench.end()
})
