import { formatPosition, type JsonObject, type Position } from '@switchboard/contract'
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
  placesOf,
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
        `id: ${formatPosition(positions[0] as Position)}\nevent: call.started\ndata: {"event_type":"call.started","n":1,"text":"ü\\r\\n\\u2028\\""}\n\n`,
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
      const answers = await underWay
      await expect(log.read(W1, 0, 1)).rejects.toMatchObject({ code: 'unavailable' })
      const again = (await bench.reopen()).log
      expect((await placesOf(again, W1, ...answers)).sort()).toEqual([1, 2, 3])
      expect((await numbersOf(again, W1)).sort()).toEqual([1, 2, 3])
    })
  })

  describe(`${name}: P2 ordered`, () => {
    test('sequences rise in each channel, whoever appends, and go on after a new start', async () => {
      const { bench, log } = await start()
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, n) => log.append(n % 2 ? W1 : C1, [event('a', { n }), event('b', { n })])),
      )
      const all = Array.from({ length: 200 }, (_, index) => index + 1)
      const odd = answers.filter((_, n) => n % 2)
      const places = await placesOf(log, W1, ...odd)
      expect([...places].sort((a, b) => a - b)).toEqual(all)
      // The events of one append are neighbours.
      for (let at = 0; at < places.length; at += 2) expect(places[at + 1]).toBe((places[at] as number) + 1)
      const sequences = (await entriesOf(log, W1)).map(({ position }) => position.sequence)
      expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b))
      if (traits.dense) expect(sequences).toEqual(all)
      const again = (await bench.reopen()).log
      const next = await again.append(W1, [event('a', {})])
      expect(await placesOf(again, W1, next)).toEqual([201])
      expect((await again.bounds(W1)).newest).toEqual(next.positions[0])
      expect(await entriesOf(again, C1)).toHaveLength(200)
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
        expect((await log.bounds(channel)).newest).toEqual((await log.bounds(channel)).oldest)
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
      const sequences = [0, ...(await entriesOf(log, W1)).map(({ position }) => position.sequence)]
      sequences.push((sequences[30] as number) + 1)
      for (const [place, after] of sequences.entries()) {
        const expected = Array.from({ length: 30 }, (_, index) => index + 1).filter((n) => n > place)
        expect(await numbersOf(log, W1, after, 1)).toEqual(expected)
        expect(await numbersOf(log, W1, after, 1e9)).toEqual(expected)
      }
      const page = await log.read(W1, sequences[4] as number, 1)
      expect(page.reachedHead).toBe(false)
      expect(page.blocks[0]?.first).toBe(sequences[5])
      expect((await log.read(W1, sequences[27] as number, 1)).reachedHead).toBe(true)
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
      expect(entries[1]?.frame.toString()).toBe(
        `{"id":"${formatPosition(positions[1] as Position)}","type":"speaker_muted","muted":true}`,
      )
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
      const seen: unknown[] = []
      const sequences: number[] = []
      const calls: string[] = []
      const stop = log.follow((channel, block) => {
        if (channel.call) calls.push(channel.call)
        else for (const entry of block.entries()) seen.push(entry.event.n)
        if (channel.call === undefined) sequences.push(...block.sequences)
      })
      await Promise.all(
        Array.from({ length: 100 }, async (_, n) => {
          const { positions } = await log.append(W1, [event('a', { n })])
          expect(seen[sequences.indexOf(positions[0]?.sequence ?? 0)]).toBe(n)
        }),
      )
      expect(seen).toEqual(await numbersOf(log, W1))
      expect(sequences).toEqual((await entriesOf(log, W1)).map(({ position }) => position.sequence))
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
      const answer = await log.append(W1, [event('a', {})])
      expect(seen).toEqual(sequencesOf(answer))
      expect(listenerErrors).toMatchObject([{ message: 'follower' }])
    })

    test('a repeat is not followed again', async () => {
      const { log } = await start()
      const seen: number[] = []
      log.follow((_, block) => seen.push(...block.sequences))
      const first = await log.append(W1, [event('a', {})], key('k'))
      await log.append(W1, [event('a', {})], key('k'))
      expect(seen).toEqual(sequencesOf(first))
    })
  })

  describe(`${name}: P5 idempotent`, () => {
    test('the same request is stored once: in a row, at the same moment, and after a new start', async () => {
      const { bench, log } = await start()
      const batch = [event('a', { n: 1 }), event('a', { n: 2 })]
      const answers = await Promise.all([1, 2, 3].map(() => log.append(W1, batch, key('k'))))
      answers.push(await log.append(W1, batch, key('k')))
      answers.push(await (await bench.reopen()).log.append(W1, batch, key('k')))
      for (const answer of answers) expect(await placesOf(bench.engine.log, W1, answer)).toEqual([1, 2])
      expect(answers.map(({ replayed }) => replayed).sort()).toEqual([0, 2, 2, 2, 2])
      expect(new Set(answers.map(({ positions }) => JSON.stringify(positions))).size).toBe(1)
      expect(await numbersOf(bench.engine.log, W1)).toEqual([1, 2])
    })

    test('the same key with another body is refused, and stores nothing', async () => {
      const { log } = await start()
      await log.append(W1, [event('a', { n: 1 })], key('k', 'one'))
      const reused = { code: 'idempotency_key_reused' }
      await expect(log.append(W1, [event('a', { n: 2 })], key('k', 'two'))).rejects.toMatchObject(reused)
      const both = await Promise.allSettled([
        log.append(W1, [event('a', { n: 3 })], key('l', 'one')),
        log.append(W1, [event('a', { n: 4 })], key('l', 'two')),
      ])
      const stored = both[0].status === 'fulfilled' ? 0 : 1
      expect(both[1 - stored]).toMatchObject({ status: 'rejected', reason: reused })
      expect(await numbersOf(log, W1)).toEqual([1, 3 + stored])
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
      expect(await placesOf(log, W1, answer)).toEqual([2, 1, 3, 3])
      expect(answer.replayed).toBe(2)
      const again = (await bench.reopen()).log
      expect(await placesOf(again, W1, await again.append(W1, [event('a', { n: 3 }, key('e3'))]))).toEqual([3])
      const mixed = [event('a', { n: 9 }), event('a', { n: 1 }, key('e1', 'other'))]
      await expect(again.append(W1, mixed)).rejects.toMatchObject({ code: 'idempotency_key_reused' })
      expect(await numbersOf(again, W1)).toEqual([1, 2, 3])
    })

    test('keys belong to their channel, and a request’s key is not an event’s', async () => {
      const { log } = await start()
      for (const channel of [W1, C1, { workspace: 'w2' }]) {
        expect(await log.append(channel, [event('a', {}, key('k'))], key('k'))).toMatchObject({ replayed: 0 })
      }
      expect(await placesOf(log, W1, await log.append(W1, [event('a', {}, key('other'))], key('more')))).toEqual([2])
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
      const next = (await again.append(W1, [event('a', {})])).positions[0] as Position
      expect(next.sequence).toBeGreaterThan(positions[1]?.sequence as number)
      if (traits.dense) expect(next.sequence).toBe(3)
      expect((await again.bounds(W1)).oldest).toEqual(next)
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
      const [first, second] = positions as [Position, Position]
      expect(await log.positionOf(W1, first.sequence)).toEqual(first)
      expect(await log.positionOf(W1, second.sequence)).toEqual(second)
      for (const sequence of [0, first.sequence - 1, second.sequence + 1, -1]) {
        expect(await log.positionOf(W1, sequence)).toBeUndefined()
      }
      await log.erase(W1)
      expect(await log.positionOf(W1, first.sequence)).toBeUndefined()
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
