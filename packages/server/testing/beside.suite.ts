import { describe, expect, test } from 'vitest'
import type { Appended } from '../src/log/log.js'
import { ledgerSuite } from './ledger.suite.js'
import { C1, event, HOUR, key, type Stand, type Traits, W1 } from './stand.js'
import { storeSuite } from './store.suite.js'

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
      const { positions } = await log.append(W1, [...names.map((call_sid) => event('x', { call_sid })), event('y', {})])
      await log.append({ workspace: 'w1x' }, [event('x', { call_sid: 'zz' })])
      const first = await log.records('w1', 'calls', { limit: 2 })
      expect(first).toMatchObject({ items: [{ key: 'a' }, { key: 'aa' }], position: positions[5], hasMore: true })
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
      expect(after.status).toBe('fulfilled')
      expect((await log.bounds(W1)).newest).toEqual((after as PromiseFulfilledResult<Appended>).value.positions[0])
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

  const startStore = async () => {
    const { bench, store } = await start()
    const { another } = bench
    return {
      store,
      reopen: async () => (await bench.reopen()).store,
      another: another && (async () => (await another()).store),
    }
  }
  storeSuite(name, startStore, listenerErrors, { shared: traits.shared })
  ledgerSuite(name, { clock, listenerErrors, start }, { shared: traits.shared })
}
