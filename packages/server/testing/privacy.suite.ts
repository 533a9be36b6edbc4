import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { discriminators, type JsonObject, MASKED_TEXT } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import type { Channel, Log, NewEvent } from '../src/log/log.js'
import type { Subject } from '../src/log/subject.js'
import type { Privacy } from '../src/log/vault.js'
import { type Bench, type BenchOptions, C1, entriesOf, event, framesOf, HOUR, key, standFor, W1 } from './stand.js'

/** What stays in clear text here: whatever tests look for elsewhere, and what events are found by. */
const CLEAR: ReadonlySet<string> = new Set([...Object.values(discriminators), 'call_sid', 'surface_id', 'n'])

const privacy: Privacy = {
  sealingKey: Buffer.alloc(32, 9),
  mask(_, __, given) {
    const personal = Object.keys(given).filter((name) => !CLEAR.has(name))
    if (personal.length === 0) return given
    return { ...given, ...Object.fromEntries(personal.map((name) => [name, MASKED_TEXT])) }
  },
}

/** The same engine with all personal data sealed. */
export const sealed =
  (open: (options: BenchOptions) => Promise<Bench>) =>
  (options: BenchOptions): Promise<Bench> =>
    open({ ...options, privacy })

const CALL: Subject = { kind: 'call', id: 'CA1' }
const OTHER: Channel = { workspace: 'w1', call: 'CA2' }

const named = (call: string, name: string, more: JsonObject = {}): NewEvent =>
  event('call.started', { call_sid: call, name, ...more })

/** What is known of a log's entries: their positions, and what readers are given. */
async function read(log: Log, channel: Channel) {
  return (await entriesOf(log, channel)).map(({ position, event: given }) => ({ sequence: position.sequence, given }))
}

/** Personal data is sealed where it is kept, and erased by destroying keys: everything else stays as it is. */
export function privacySuite(name: string, open: (options: BenchOptions) => Promise<Bench>): void {
  const { clock, start } = standFor(open)

  describe(`${name}: personal data`, () => {
    test('is nowhere in the folder in clear text, and everything else is', async () => {
      const { bench, log } = await start()
      await log.append(W1, [named('CA1', 'CANARY-ada'), event('a', { call_sid: 'CA1', n: 1 })])
      await log.append(C1, [event('user_transcript', { text: 'CANARY-my card is' })], key('k', 'f'))
      expect(JSON.stringify(await read(log, W1))).toContain('CANARY-ada')
      await bench.reopen()
      const dir = bench.dir as string
      const bytes = readdirSync(dir).map((file) => readFileSync(join(dir, file), 'latin1'))
      expect(bytes.some((text) => text.includes('call.started'))).toBe(true)
      expect(bytes.some((text) => text.includes('CANARY'))).toBe(false)
    })

    test('that is erased leaves the entries where they are: masked, and saying so, in both kinds of channel', async () => {
      const { bench, log } = await start()
      await log.append(W1, [
        named('CA1', 'ada'),
        named('CA2', 'bob'),
        event('a', { call_sid: 'CA1', n: 1 }),
        named('CA1', 'ünal "\\', { n: 2 }),
      ])
      await log.append(C1, [event('user_transcript', { text: 'secret' }), event('b', { n: 3 })])
      await log.append(OTHER, [event('user_transcript', { text: 'other' })])
      const before = { w: await read(log, W1), c: await read(log, C1) }
      expect(await log.eraseData('w1', CALL)).toEqual({ erasedAt: clock.time, isNew: true })
      const told = { event_type: 'call.started', call_sid: 'CA1', name: MASKED_TEXT }
      const expected = {
        w: [
          { ...before.w[0], given: { ...told, erased: true } },
          before.w[1],
          before.w[2],
          { ...before.w[3], given: { ...told, n: 2, erased: true } },
        ],
        c: [{ ...before.c[0], given: { event_type: 'user_transcript', text: MASKED_TEXT, erased: true } }, before.c[1]],
      }
      for (const open of [async () => log, async () => (await bench.reopen()).log]) {
        const each = await open()
        expect(await read(each, W1)).toEqual(expected.w)
        expect(await read(each, C1)).toEqual(expected.c)
        expect((await read(each, OTHER))[0]?.given).toEqual({ event_type: 'user_transcript', text: 'other' })
        expect(each.health()).toEqual({ writable: true, faults: [] })
        expect(await each.verify()).toEqual([])
      }
    })

    test('is erased once: a second time finds nothing, and says when it was', async () => {
      const { log } = await start()
      expect(await log.eraseData('w1', CALL)).toEqual({ erasedAt: undefined, isNew: false })
      await log.append(W1, [named('CA1', 'ada')])
      const { erasedAt } = await log.eraseData('w1', CALL)
      clock.time += HOUR
      expect(await log.eraseData('w1', CALL)).toEqual({ erasedAt, isNew: false })
    })

    test('that comes after an erasure is there until the next', async () => {
      const { bench, log } = await start()
      await log.append(W1, [named('CA1', 'ada')])
      await log.eraseData('w1', CALL)
      await log.append(W1, [named('CA1', 'eve')])
      const names = async (each: Log) => (await read(each, W1)).map(({ given }) => given.name)
      expect(await names(log)).toEqual([MASKED_TEXT, 'eve'])
      const again = (await bench.reopen()).log
      expect(await names(again)).toEqual([MASKED_TEXT, 'eve'])
      expect((await again.eraseData('w1', CALL)).isNew).toBe(true)
      expect(await names(again)).toEqual([MASKED_TEXT, MASKED_TEXT])
    })

    test('of records of state is sealed and erased with the rest', async () => {
      const { bench, log } = await start()
      await log.append(W1, [named('CA1', 'ada'), named('CA2', 'bob')])
      expect((await log.record('w1', 'calls', 'CA1'))?.record).toMatchObject({ name: 'ada', events: 1 })
      await log.eraseData('w1', CALL)
      for (const open of [async () => log, async () => (await bench.reopen()).log]) {
        const each = await open()
        expect((await each.record('w1', 'calls', 'CA1'))?.record).toMatchObject({ name: MASKED_TEXT, events: 1 })
        expect((await each.record('w1', 'calls', 'CA2'))?.record).toMatchObject({ name: 'bob' })
      }
    })

    test('of another workspace with the same call stays', async () => {
      const { log } = await start()
      const W2 = { workspace: 'w2' }
      await log.append(W1, [named('CA1', 'ada')])
      await log.append(W2, [named('CA1', 'ada of w2')])
      await log.eraseData('w1', CALL)
      expect((await read(log, W2))[0]?.given.name).toBe('ada of w2')
    })

    test('under a hold is refused, and nothing is erased', async () => {
      const { log, store } = await start()
      await log.append(W1, [named('CA1', 'ada')])
      await store.put('hold', 'w1/call/CA1', { reason: 'court' })
      const hold = { kind: 'hold', key: 'w1/call/CA1' }
      await expect(log.eraseData('w1', CALL, hold)).rejects.toMatchObject({ code: 'legal_hold' })
      expect((await read(log, W1))[0]?.given.name).toBe('ada')
      await store.delete('hold', 'w1/call/CA1')
      expect((await log.eraseData('w1', CALL, hold)).isNew).toBe(true)
    })

    test('of entries whose block retention has cut is read, and erased, as before', async () => {
      const { log } = await start()
      // One flush, one block: retention cuts it in two.
      const appended = await Promise.all([
        log.append(W1, [named('CA1', 'ada'), named('CA2', 'bob')]),
        log.append(W1, [named('CA1', 'eve')]),
      ])
      clock.time += HOUR
      await log.append(W1, [named('CA1', 'late')])
      const kept = appended.flatMap(({ positions }) => positions).length + 1
      expect(await framesOf(log, W1)).toHaveLength(kept)
      await log.retain(clock.time - HOUR + 1)
      const names = async () => (await read(log, W1)).map(({ given }) => given.name)
      expect(await names()).toEqual(['late'])
      await log.eraseData('w1', CALL)
      expect(await names()).toEqual([MASKED_TEXT])
    })

    test('is told to whoever follows, so that what is in memory goes too', async () => {
      const { log } = await start()
      const told: unknown[] = []
      log.onErased((workspace, subject) => told.push([workspace, subject]))
      await log.append(W1, [named('CA1', 'ada')])
      await log.eraseData('w1', CALL)
      expect(told).toEqual([['w1', CALL]])
    })

    test('outlives its keys by nothing: retention drops those that seal no entry any more, and no others', async () => {
      const { bench, log } = await start()
      await log.append(W1, [named('CA1', 'ada')])
      await log.append(OTHER, [event('user_transcript', { text: 'other' })])
      clock.time += 48 * HOUR
      await log.append(W1, [named('CA3', 'cleo')])
      clock.time += HOUR
      await log.retain(clock.time - 2 * HOUR)
      const again = (await bench.reopen()).log
      expect((await read(again, W1)).map(({ given }) => given.name)).toEqual(['cleo'])
      // The state of a call that has not ended is kept, and so is what it is sealed with.
      expect((await again.record('w1', 'calls', 'CA1'))?.record).toMatchObject({ name: 'ada' })
      expect(again.health().faults).toEqual([])
    })
  })
}
