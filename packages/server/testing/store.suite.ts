import { describe, expect, test } from 'vitest'
import type { Store, StoreChange } from '../src/log/log.js'

/** One store under test. */
export interface StoreStand {
  readonly store: Store
  /** Closes what is open and opens another one on the same storage. */
  reopen(): Promise<Store>
  /** Opens a second one beside the first, as another process would; undefined where only one can be open. */
  another?: (() => Promise<Store>) | undefined
}

export interface StoreTraits {
  /** Several processes can have it open at once. */
  readonly shared: boolean
}

/**
 * What every store does.
 * @param listenerErrors What watchers have thrown in the test.
 */
export function storeSuite(
  name: string,
  start: () => Promise<StoreStand>,
  listenerErrors: readonly unknown[],
  { shared }: StoreTraits,
): void {
  describe(`${name}: store`, () => {
    test('records are put, taken only once if so wished, listed by kind, deleted, and survive a new start', async () => {
      const { store, reopen } = await start()
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
      const again = await reopen()
      expect(await again.all('key')).toEqual(all)
      expect(await again.delete('key', 'a')).toBe(true)
      expect(await again.all('key')).toEqual(all.slice(1))
      expect(await again.all('none')).toEqual([])
      expect(await again.put('key', 'a', { n: 4 }, { ifAbsent: true })).toBe(true)
      expect(await again.all('key')).toEqual([{ key: 'a', value: { n: 4 } }, ...all.slice(1)])
    })

    test('keys may be any text, and are listed in the order of their bytes', async () => {
      const { store, reopen } = await start()
      const keys = ['a', 'a.b', 'a/b', 'ab', 'b c*>', 'ü', 'z'.repeat(200)]
      for (const key of [...keys].reverse()) await store.put('kind', key, { key })
      const listed = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      expect((await store.all('kind')).map(({ key }) => key)).toEqual(listed)
      expect(await (await reopen()).all('kind')).toEqual(listed.map((key) => ({ key, value: { key } })))
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

    test('a change is told, and to be seen, before it resolves', async () => {
      const { store } = await start()
      const told: unknown[] = []
      store.watch(({ key, value }) => told.push(value?.n ?? `${key} deleted`))
      for (let n = 0; n < 20; n++) {
        await store.put('key', 'a', { n })
        expect(told.at(-1)).toBe(n)
        expect(await store.all('key')).toEqual([{ key: 'a', value: { n } }])
      }
      await store.delete('key', 'a')
      expect(told.at(-1)).toBe('a deleted')
      expect(await store.all('key')).toEqual([])
    })

    test('a record is replaced only while it is what was read, and a refusal tells first what it is instead', async () => {
      const { store } = await start()
      let last: StoreChange | undefined
      store.watch((change) => {
        last = change
      })
      expect(await store.put('key', 'a', { n: 1 }, { replaces: { n: 0 } })).toBe(false)
      await store.put('key', 'a', { n: 1, text: 'ü' })
      expect(await store.put('key', 'a', { n: 2 }, { replaces: { n: 1 } })).toBe(false)
      expect(last?.value).toEqual({ n: 1, text: 'ü' })
      expect(await store.put('key', 'a', { n: 2 }, { replaces: { n: 1, text: 'ü' } })).toBe(true)
      const both = await Promise.all([3, 4].map((n) => store.put('key', 'a', { n }, { replaces: { n: 2 } })))
      expect(both).toEqual([true, false])
      expect(last?.value).toEqual({ n: 3 })
      // The same value again is still the same value.
      await store.put('key', 'a', { n: 3 })
      expect(await store.put('key', 'a', { n: 5 }, { replaces: { n: 3 } })).toBe(true)
      await store.delete('key', 'a')
      expect(await store.put('key', 'a', { n: 6 }, { replaces: { n: 5 } })).toBe(false)
      expect(await store.all('key')).toEqual([])
    })

    if (shared) sharedSuite(start)
  })
}

/** What holds between two processes. */
function sharedSuite(start: () => Promise<StoreStand>): void {
  const two = async () => {
    const { store, another } = await start()
    if (another === undefined) throw new Error('a shared store can be opened twice')
    return [store, await another()] as const
  }

  test('after a refresh each process knows what the other has acknowledged, and its watchers have been told', async () => {
    const [one, other] = await two()
    const told: StoreChange[] = []
    other.watch((change) => told.push(change))
    for (let n = 0; n < 20; n++) {
      await one.put('key', `k${n % 3}`, { n })
      await other.refresh()
      expect(told.at(-1)).toEqual({ kind: 'key', key: `k${n % 3}`, value: { n } })
      expect((await other.all('key')).find(({ key }) => key === `k${n % 3}`)?.value).toEqual({ n })
    }
    await one.delete('key', 'k1')
    await other.refresh()
    expect(told.at(-1)).toEqual({ kind: 'key', key: 'k1', value: undefined })
    expect((await other.all('key')).map(({ key }) => key)).toEqual(['k0', 'k2'])
    expect(await other.put('key', 'k1', { n: 99 }, { ifAbsent: true })).toBe(true)
    await one.refresh()
    expect(await one.all('key')).toEqual(await other.all('key'))
  })

  test('changes at both at once end alike at both, and the last that each hears of a key is what the key has', async () => {
    const stores = await two()
    const heard = stores.map((store) => {
      const changes = new Map<string, unknown>()
      store.watch(({ key, value }) => changes.set(key, value))
      return changes
    })
    await Promise.all(
      stores.flatMap((store, index) =>
        Array.from({ length: 50 }, (_, n) => store.put('key', `k${n % 5}`, { by: index, n })),
      ),
    )
    await Promise.all(stores.map((store) => store.refresh()))
    const all = await stores[0].all('key')
    expect(all).toHaveLength(5)
    expect(await stores[1].all('key')).toEqual(all)
    for (const changes of heard) for (const { key, value } of all) expect(changes.get(key)).toEqual(value)
  })

  test('of many that take a key, replace a value, or delete it at once, exactly one does', async () => {
    const stores = await two()
    const atOnce = <T>(change: (store: Store, n: number) => Promise<T>) =>
      Promise.all(Array.from({ length: 10 }, (_, n) => change(stores[n % 2] as Store, n)))
    for (let round = 0; round < 5; round++) {
      const taken = await atOnce((store, n) => store.put('key', 'a', { n }, { ifAbsent: true }))
      expect(taken.filter(Boolean)).toHaveLength(1)
      const first = { n: taken.indexOf(true) }
      const replaced = await atOnce((store, n) => store.put('key', 'a', { second: n }, { replaces: first }))
      expect(replaced.filter(Boolean)).toHaveLength(1)
      await Promise.all(stores.map((store) => store.refresh()))
      const second = [{ key: 'a', value: { second: replaced.indexOf(true) } }]
      expect(await stores[0].all('key')).toEqual(second)
      expect(await stores[1].all('key')).toEqual(second)
      const deleted = await atOnce((store) => store.delete('key', 'a'))
      expect(deleted.filter(Boolean)).toHaveLength(1)
    }
  })

  test('what the other has just put is deleted, and counts as there, without a refresh', async () => {
    const [one, other] = await two()
    for (let n = 0; n < 20; n++) {
      await one.put('key', `k${n}`, { n })
      expect(await other.put('key', `k${n}`, { n: -1 }, { ifAbsent: true })).toBe(false)
      expect(await other.delete('key', `k${n}`)).toBe(true)
      expect(await one.delete('key', `k${n}`)).toBe(false)
      expect(await one.put('key', `k${n}`, { n }, { ifAbsent: true })).toBe(true)
    }
  })
}
