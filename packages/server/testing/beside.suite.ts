import { describe, expect, test } from 'vitest'
import type { StoreChange } from '../src/log/log.js'
import { C1, event, HOUR, key, type Stand, type Traits, W1 } from './stand.js'

/** What an engine keeps beside its entries: the records of projections, and the store. */
export function besideSuite(name: string, { clock, listenerErrors, start }: Stand, traits: Traits): void {
  describe(`${name}: projections`, () => {
    test('records follow entries of both kinds of channel, and survive a new start', async () => {
      const { bench, log } = await start()
      await log.append(W1, [event('call.started', { call_sid: 'CA1' }), event('surface.created', {})])
      await Promise.all([
        log.append(C1, [event('user_transcript', {}), event('user_transcript', {})]),
        log.append(W1, [event('call.ended', { call_sid: 'CA1' })]),
      ])
      const again = (await bench.reopen()).log
      const record = await again.record('w1', 'calls', 'CA1')
      expect(record).toMatchObject({ key: 'CA1', record: { events: 4 } })
      expect(await again.record('w1', 'calls', 'CA2')).toBeUndefined()
      expect(await again.record('w2', 'calls', 'CA1')).toBeUndefined()
    })

    test('they are listed in key order, in pages, with the position they stand at', async () => {
      const { log } = await start()
      expect(await log.records('w1', 'calls')).toMatchObject({ items: [], position: { sequence: 0 }, hasMore: false })
      const names = ['b', 'a', 'aa', 'ü', 'c']
      await log.append(W1, [...names.map((call_sid) => event('x', { call_sid })), event('y', {})])
      await log.append({ workspace: 'w1x' }, [event('x', { call_sid: 'zz' })])
      const first = await log.records('w1', 'calls', { limit: 2 })
      expect(first).toMatchObject({ items: [{ key: 'a' }, { key: 'aa' }], position: { sequence: 6 }, hasMore: true })
      const rest = await log.records('w1', 'calls', { afterKey: 'aa', limit: 3 })
      expect(rest.items.map((item) => item.key)).toEqual(['b', 'c', 'ü'])
      expect(rest.hasMore).toBe(false)
    })

    test('one that throws refuses that append alone, and leaves no trace of it', async () => {
      const { log } = await start()
      const good = event('x', { call_sid: 'A' })
      const [, bad, after] = await Promise.allSettled([
        log.append(W1, [good]),
        log.append(W1, [good, event('x', { call_sid: 'B', poison: true }, key('e'))], key('k')),
        log.append(W1, [good]),
      ])
      expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'internal' } })
      expect(after).toMatchObject({ status: 'fulfilled', value: { positions: [{ sequence: 2 }] } })
      expect((await log.record('w1', 'calls', 'A'))?.record.events).toBe(2)
      expect(await log.append(W1, [event('x', { call_sid: 'B' }, key('e'))], key('k'))).toMatchObject({ replayed: 0 })
    })

    if (traits.ownClock) {
      test('retention drops the records that say nothing any more', async () => {
        const { log } = await start()
        await log.append(W1, [event('call.ended', { call_sid: 'old' }), event('call.started', { call_sid: 'on' })])
        clock.time += HOUR
        await log.append(W1, [event('call.ended', { call_sid: 'new' })])
        await log.retain(clock.time)
        expect((await log.records('w1', 'calls')).items.map((item) => item.key)).toEqual(['new', 'on'])
      })
    }
  })

  describe(`${name}: store`, () => {
    test('records are put, taken only once if so wished, listed by kind, deleted, and survive a new start', async () => {
      const { bench, store } = await start()
      expect(await store.put('key', 'b', { n: 1 })).toBe(true)
      expect(await store.put('key', 'b', { n: 2 })).toBe(true)
      const taken = await Promise.all([1, 2].map((n) => store.put('key', 'a', { n }, { ifAbsent: true })))
      expect(taken).toEqual([true, false])
      await store.put('keys', 'c', { n: 3 })
      expect(await store.delete('key', 'zzz')).toBe(false)
      const all = [
        { key: 'a', value: { n: 1 } },
        { key: 'b', value: { n: 2 } },
      ]
      expect(await store.all('key')).toEqual(all)
      const again = (await bench.reopen()).store
      expect(await again.all('key')).toEqual(all)
      expect(await again.delete('key', 'a')).toBe(true)
      expect(await again.all('key')).toEqual(all.slice(1))
      expect(await again.all('none')).toEqual([])
    })

    test('watchers hear of every change in order, and one that throws harms nobody', async () => {
      const { store } = await start()
      const seen: StoreChange[] = []
      store.watch(() => {
        throw new Error('watcher')
      })
      const stop = store.watch((change) => seen.push(change))
      await store.put('key', 'a', { n: 1 })
      await store.put('key', 'a', { n: 2 }, { ifAbsent: true })
      await store.delete('key', 'a')
      await store.delete('key', 'a')
      stop()
      await store.put('key', 'a', { n: 3 })
      expect(seen).toEqual([
        { kind: 'key', key: 'a', value: { n: 1 } },
        { kind: 'key', key: 'a', value: undefined },
      ])
      expect(listenerErrors.length).toBeGreaterThanOrEqual(2)
    })
  })
}
