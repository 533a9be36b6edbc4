import type { JsonObject } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import type { Channel } from '../src/log/log.js'
import { besideSuite } from './beside.suite.js'
import {
  type Bench,
  type BenchOptions,
  C1,
  C2,
  channelOf,
  entriesOf,
  event,
  framesOf,
  HOUR,
  key,
  numbersOf,
  sequencesOf,
  standFor,
  type Traits,
  W1,
  WINDOW,
} from './stand.js'

/** The log's promises, P1 to P7, and the store's, as every engine keeps them. */
export function promiseSuite(name: string, open: (options: BenchOptions) => Promise<Bench>, traits: Traits): void {
  const { clock, listenerErrors, start } = standFor(open)

  describe(`${name}: P1 durable`, () => {
    test('what was acknowledged is there after a close and a new start, byte for byte', async () => {
      const { bench, log } = await start()
      const { positions } = await log.append(W1, [
        event('call.started', { n: 1, text: 'ü\r\n\u2028"' }),
        event('a', {}),
      ])
      const [frame] = await framesOf(log, W1)
      expect(frame).toBe(
        `id: ${positions[0]?.time}-1\nevent: call.started\ndata: {"event_type":"call.started","n":1,"text":"ü\\r\\n\u2028\\""}\n\n`,
      )
      const again = (await bench.reopen()).log
      expect(await framesOf(again, W1)).toEqual(await framesOf(again, W1, 0, 1))
      expect((await framesOf(again, W1))[0]).toBe(frame)
      expect((await again.bounds(W1)).newest).toEqual(positions[1])
    })

    test('appends under way when the log closes are finished, later ones are refused', async () => {
      const { bench, log } = await start()
      const underWay = Promise.all([1, 2, 3].map((n) => log.append(W1, [event('a', { n })])))
      const closing = log.close()
      await expect(log.append(W1, [event('a', {})])).rejects.toMatchObject({ code: 'unavailable' })
      await closing
      expect((await underWay).flatMap(sequencesOf)).toEqual([1, 2, 3])
      await expect(log.read(W1, 0, 1)).rejects.toMatchObject({ code: 'unavailable' })
      expect(await numbersOf((await bench.reopen()).log, W1)).toEqual([1, 2, 3])
    })
  })

  describe(`${name}: P2 ordered`, () => {
    test('sequences rise from 1 in each channel, whoever appends, and go on after a new start', async () => {
      const { bench, log } = await start()
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, n) => log.append(n % 2 ? W1 : C1, [event('a', { n }), event('b', { n })])),
      )
      const odd = answers.filter((_, n) => n % 2).flatMap(sequencesOf)
      expect(odd).toEqual(Array.from({ length: 200 }, (_, index) => index + 1))
      const again = (await bench.reopen()).log
      expect(sequencesOf(await again.append(W1, [event('a', {})]))).toEqual([201])
      expect((await again.bounds(C1)).newest.sequence).toBe(200)
    })

    test('channels with names that begin alike, or hold each other, stay apart', async () => {
      const { log } = await start()
      const channels: Channel[] = [
        { workspace: 'w' },
        { workspace: 'w2' },
        { workspace: 'w', call: 'c' },
        { workspace: 'w', call: 'cc' },
        { workspace: 'w\u0000', call: 'c' },
        { workspace: 'wc' },
        { workspace: 'w', call: '' },
        { workspace: 'ü'.repeat(128), call: '\u{10ffff}'.repeat(64) },
      ]
      await Promise.all(channels.map((channel, n) => log.append(channel, [event('a', { n })])))
      for (const [n, channel] of channels.entries()) {
        expect(await numbersOf(log, channel)).toEqual([n])
        expect((await log.bounds(channel)).newest.sequence).toBe(1)
      }
    })

    if (traits.ownClock) {
      test("a position's time never runs backwards, even if the clock does, and even over a new start", async () => {
        const { bench, log } = await start()
        const first = (await log.append(W1, [event('a', {})])).positions[0]
        clock.time -= HOUR
        const second = (await log.append(W1, [event('a', {})])).positions[0]
        expect(second).toEqual({ time: first?.time, sequence: 2 })
        const third = (await (await bench.reopen()).log.append(W1, [event('a', {})])).positions[0]
        expect(third).toEqual({ time: first?.time, sequence: 3 })
        clock.time += 2 * HOUR
        expect((await bench.engine.log.append(W1, [event('a', {})])).positions[0]?.time).toBe(clock.time)
      })
    }
  })

  describe(`${name}: P3 read your writes`, () => {
    test('a read sees what was acknowledged, from any sequence on, in pages of about the size asked for', async () => {
      const { log } = await start()
      for (let n = 1; n <= 30; n += 3)
        await log.append(
          W1,
          [n, n + 1, n + 2].map((m) => event('a', { n: m })),
        )
      for (let after = 0; after <= 31; after++) {
        const expected = Array.from({ length: 30 }, (_, index) => index + 1).filter((n) => n > after)
        expect(await numbersOf(log, W1, after, 1)).toEqual(expected)
        expect(await numbersOf(log, W1, after, 1e9)).toEqual(expected)
      }
      const page = await log.read(W1, 4, 1)
      expect(page.reachedHead).toBe(false)
      expect(page.blocks[0]?.first).toBe(5)
      expect((await log.read(W1, 27, 1)).reachedHead).toBe(true)
      expect(await log.read({ workspace: 'never' }, 0, 1)).toEqual({ blocks: [], reachedHead: true })
    })

    test('blocks hand out each entry whole: position, type, event, frame', async () => {
      const { log } = await start()
      const { positions } = await log.append(C1, [
        { type: 'user_transcript', event: { type: 'user_transcript', transcript: 'é' } },
        { type: 'speaker_muted', event: { type: 'speaker_muted', muted: true } },
      ])
      const { blocks } = await log.read(C1, 0, 1e6)
      const entries = blocks.flatMap((block) => [...block.entries()])
      expect(entries.map(({ position }) => position)).toEqual(positions)
      expect(entries.map(({ type }) => type)).toEqual(['user_transcript', 'speaker_muted'])
      expect(entries[0]?.event).toEqual({ type: 'user_transcript', transcript: 'é' })
      expect(entries[1]?.frame.toString()).toBe(`{"id":"${positions[1]?.time}-2","type":"speaker_muted","muted":true}`)
    })

    test('a thousand large events come back whole, in blocks that stay small', async () => {
      const { log } = await start()
      const text = 'ß'.repeat(2000)
      await log.append(
        W1,
        Array.from({ length: 1000 }, (_, n) => event('a', { n, text })),
      )
      await log.append(W1, [event('big', { n: 1000, text: 'x'.repeat(64 * 1024) })])
      const { blocks, reachedHead } = await log.read(W1, 0, 1e9)
      expect(reachedHead).toBe(true)
      expect(blocks.flatMap((block) => [...block.entries()].map((entry) => entry.event.n))).toEqual(
        Array.from({ length: 1001 }, (_, n) => n),
      )
      for (const block of blocks) expect(block.count === 1 || block.bytes.length <= 256 * 1024).toBe(true)
    })
  })

  describe(`${name}: P4 followed`, () => {
    test('a follower gets every entry once, in order, parsed, before the append is answered', async () => {
      const { log } = await start()
      const seen: number[] = []
      const calls: string[] = []
      const stop = log.follow((channel, block) => {
        if (channel.call) calls.push(channel.call)
        else for (const entry of block.entries()) seen.push(entry.event.n as number)
      })
      await Promise.all(
        Array.from({ length: 100 }, async (_, n) => {
          const { positions } = await log.append(W1, [event('a', { n })])
          expect(seen[(positions[0]?.sequence ?? 0) - 1]).toBe(n)
        }),
      )
      expect(seen).toEqual(await numbersOf(log, W1))
      await log.append(C1, [event('a', {})])
      expect(calls).toEqual(['CA1'])
      stop()
      await log.append(W1, [event('a', { n: 100 })])
      expect(seen).toHaveLength(100)
    })

    test('a follower that throws is reported and harms nobody', async () => {
      const { log } = await start()
      const seen: number[] = []
      log.follow(() => {
        throw new Error('follower')
      })
      log.follow((_, block) => seen.push(...block.sequences))
      expect(sequencesOf(await log.append(W1, [event('a', {})]))).toEqual([1])
      expect(seen).toEqual([1])
      expect(listenerErrors).toMatchObject([{ message: 'follower' }])
    })

    test('a repeat is not followed again', async () => {
      const { log } = await start()
      const seen: number[] = []
      log.follow((_, block) => seen.push(...block.sequences))
      await log.append(W1, [event('a', {})], key('k'))
      await log.append(W1, [event('a', {})], key('k'))
      expect(seen).toEqual([1])
    })
  })

  describe(`${name}: P5 idempotent`, () => {
    test('the same request is stored once: in a row, at the same moment, and after a new start', async () => {
      const { bench, log } = await start()
      const batch = [event('a', { n: 1 }), event('a', { n: 2 })]
      const answers = await Promise.all([1, 2, 3].map(() => log.append(W1, batch, key('k'))))
      answers.push(await log.append(W1, batch, key('k')))
      answers.push(await (await bench.reopen()).log.append(W1, batch, key('k')))
      expect(answers.map(sequencesOf)).toEqual([1, 1, 1, 1, 1].map(() => [1, 2]))
      expect(answers.map(({ replayed }) => replayed)).toEqual([0, 2, 2, 2, 2])
      expect(new Set(answers.map(({ positions }) => JSON.stringify(positions))).size).toBe(1)
      expect(await numbersOf(bench.engine.log, W1)).toEqual([1, 2])
    })

    test('the same key with another body is refused, and stores nothing', async () => {
      const { log } = await start()
      await log.append(W1, [event('a', { n: 1 })], key('k', 'one'))
      const reused = { code: 'idempotency_key_reused' }
      await expect(log.append(W1, [event('a', { n: 2 })], key('k', 'two'))).rejects.toMatchObject(reused)
      const [first, second] = await Promise.allSettled([
        log.append(W1, [event('a', { n: 3 })], key('l', 'one')),
        log.append(W1, [event('a', { n: 4 })], key('l', 'two')),
      ])
      expect(first.status).toBe('fulfilled')
      expect(second).toMatchObject({ status: 'rejected', reason: reused })
      expect(await numbersOf(log, W1)).toEqual([1, 3])
    })

    test("an event's own key stores that event once, also inside one batch and beside new ones", async () => {
      const { bench, log } = await start()
      await log.append(W1, [event('a', { n: 1 }, key('e1'))])
      const answer = await log.append(W1, [
        event('a', { n: 2 }),
        event('a', { n: 1 }, key('e1')),
        event('a', { n: 3 }, key('e3')),
        event('a', { n: 3 }, key('e3')),
      ])
      expect(sequencesOf(answer)).toEqual([2, 1, 3, 3])
      expect(answer.replayed).toBe(2)
      const again = (await bench.reopen()).log
      expect(sequencesOf(await again.append(W1, [event('a', { n: 3 }, key('e3'))]))).toEqual([3])
      const mixed = [event('a', { n: 9 }), event('a', { n: 1 }, key('e1', 'other'))]
      await expect(again.append(W1, mixed)).rejects.toMatchObject({ code: 'idempotency_key_reused' })
      expect(await numbersOf(again, W1)).toEqual([1, 2, 3])
    })

    test('keys belong to their channel, and a request’s key is not an event’s', async () => {
      const { log } = await start()
      for (const channel of [W1, C1, { workspace: 'w2' }]) {
        expect(await log.append(channel, [event('a', {}, key('k'))], key('k'))).toMatchObject({ replayed: 0 })
      }
      expect(sequencesOf(await log.append(W1, [event('a', {}, key('other'))], key('more')))).toEqual([2])
    })

    if (traits.ownClock) {
      test('a key is forgotten after its window, and may then be used anew', async () => {
        const { log } = await start()
        await log.append(W1, [event('a', { n: 1 })], key('k', 'one'))
        clock.time += WINDOW - 1
        expect(await log.append(W1, [event('a', { n: 1 })], key('k', 'one'))).toMatchObject({ replayed: 1 })
        clock.time += 1
        expect(sequencesOf(await log.append(W1, [event('a', { n: 2 })], key('k', 'two')))).toEqual([2])
        expect(await log.append(W1, [event('a', { n: 2 })], key('k', 'two'))).toMatchObject({ replayed: 1 })
      })
    }
  })

  describe(`${name}: P6 bounded and honest`, () => {
    test('bounds tell of a channel that never was, of one that is kept, and of what is gone', async () => {
      const { bench, log } = await start()
      const never = await log.bounds(W1)
      expect(never).toMatchObject({ newest: { sequence: 0 }, oldest: undefined, removed: undefined })
      const { positions } = await log.append(W1, [event('a', {}), event('a', {})])
      expect(await log.bounds(W1)).toEqual({ newest: positions[1], oldest: positions[0], removed: undefined })
      await log.erase(W1)
      expect(await log.bounds(W1)).toEqual({ newest: positions[1], oldest: undefined, removed: positions[1] })
      const again = (await bench.reopen()).log
      expect(await log.bounds(W1).catch(({ code }) => code)).toBe('unavailable')
      expect(await again.read(W1, 0, 1)).toEqual({ blocks: [], reachedHead: true })
      expect(sequencesOf(await again.append(W1, [event('a', {})]))).toEqual([3])
      expect((await again.bounds(W1)).oldest?.sequence).toBe(3)
    })

    test('erasing a channel leaves its neighbours, and forgets its idempotency keys', async () => {
      const { log } = await start()
      for (const channel of [W1, C1, C2]) await log.append(channel, [event('a', { n: 1 }, key('e'))], key('k'))
      await log.erase(C1)
      expect(await numbersOf(log, C1)).toEqual([])
      expect(await numbersOf(log, W1)).toEqual([1])
      expect(await numbersOf(log, C2)).toEqual([1])
      expect(await log.append(C1, [event('a', { n: 2 }, key('e'))], key('k'))).toMatchObject({ replayed: 0 })
      expect(await log.append(C2, [event('a', { n: 1 }, key('e'))], key('k'))).toMatchObject({ replayed: 1 })
    })

    test('positions are known of what is kept, and of nothing else', async () => {
      const { log } = await start()
      const { positions } = await log.append(W1, [event('a', {}), event('a', {})])
      expect(await log.positionOf(W1, 1)).toEqual(positions[0])
      expect(await log.positionOf(W1, 2)).toEqual(positions[1])
      for (const sequence of [0, 3, -1]) expect(await log.positionOf(W1, sequence)).toBeUndefined()
      await log.erase(W1)
      expect(await log.positionOf(W1, 1)).toBeUndefined()
    })

    if (traits.ownClock) {
      test('retention removes what is older in every channel, and says so', async () => {
        const { log } = await start()
        const t0 = clock.time
        for (let hour = 0; hour < 5; hour++) {
          clock.time = t0 + hour * HOUR
          await log.append(W1, [event('a', { n: hour }), event('b', { n: hour })])
          if (hour < 2) await log.append(C1, [event('a', { n: hour })])
        }
        expect(await log.retain(t0)).toBe(0)
        expect(await log.retain(t0 + 2 * HOUR)).toBe(6)
        expect(await numbersOf(log, W1)).toEqual([2, 2, 3, 3, 4, 4])
        expect(await log.bounds(W1)).toMatchObject({
          oldest: { time: t0 + 2 * HOUR, sequence: 5 },
          removed: { time: t0 + HOUR, sequence: 4 },
        })
        expect(await log.bounds(C1)).toMatchObject({ oldest: undefined, removed: { sequence: 2 } })
        expect(sequencesOf(await log.append(C1, [event('a', {})]))).toEqual([3])
      })

      test('the place before an instant is found, inclusive of the instant itself', async () => {
        const { log } = await start()
        const t0 = clock.time
        for (let n = 0; n < 20; n++) {
          clock.time = t0 + n * 1000
          await log.append(W1, n % 3 ? [event('a', { n })] : [event('a', { n }), event('a', { n })])
        }
        const all = await entriesOf(log, W1)
        for (let time = t0 - 500; time <= t0 + 20_500; time += 500) {
          const before = all.filter((entry) => entry.position.time < time)
          expect(await log.sequenceBefore(W1, time)).toBe(before[before.length - 1]?.position.sequence ?? 0)
        }
        await log.retain(t0 + 5000)
        expect(await log.sequenceBefore(W1, t0 + 1000)).toBe(0)
        expect(await log.sequenceBefore(W1, t0 + 5000)).toBe((await log.bounds(W1)).removed?.sequence)
        expect(await log.sequenceBefore({ workspace: 'never' }, t0)).toBe(0)
      })

      test('appends go on while retention removes a long past', async () => {
        const { log } = await start()
        const t0 = clock.time
        const past = Array.from({ length: 1500 }, (_, n) => n)
        for (let from = 0; from < past.length; from += 50) {
          await Promise.all(past.slice(from, from + 50).map((n) => log.append(channelOf(n), [event('a', { n })])))
          await log.append(W1, [event('a', { n: from })])
        }
        clock.time = t0 + HOUR
        const retaining = log.retain(t0 + 1)
        const during = [await log.append(W1, [event('a', { n: -1 })]), await log.append(W1, [event('a', { n: -2 })])]
        expect(await retaining).toBe(1530)
        expect(during.flatMap(sequencesOf)).toEqual([31, 32])
        expect(await numbersOf(log, W1)).toEqual([-1, -2])
        for (const n of [0, 700, 1499]) expect((await log.bounds(channelOf(n))).oldest).toBeUndefined()
      })
    }
  })

  describe(`${name}: P7 never silently wrong`, () => {
    test('a sound log is writable, without faults, and verifies', async () => {
      const { log } = await start()
      await Promise.all([W1, C1, C2].map((channel) => log.append(channel, [event('a', {}, key('e'))], key('k'))))
      expect(await log.verify()).toEqual([])
      expect(log.health()).toEqual({ writable: true, faults: [] })
    })

    test('an event that is not JSON refuses its own append, whole, and no other', async () => {
      const { log } = await start()
      const circular: Record<string, unknown> = {}
      circular.self = circular
      const [bad, good] = await Promise.allSettled([
        log.append(W1, [event('a', { n: 1 }), { type: 'a', event: circular as JsonObject }]),
        log.append(W1, [event('a', { n: 2 })]),
      ])
      expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'internal' } })
      expect(good.status).toBe('fulfilled')
      expect(await numbersOf(log, W1)).toEqual([2])
    })
  })

  besideSuite(name, { clock, listenerErrors, start }, traits)
}
