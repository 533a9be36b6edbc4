import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { describe, expect, test } from 'vitest'
import { storeSuite } from '../../../testing/store.suite.js'
import { type Clock, systemClock } from '../../clock.js'
import type { StoreChange } from '../log.js'
import { BUCKET, BUCKET_STREAM, subjectOf } from './bucket.js'
import { BucketStand } from './bucket-stand.test-kit.js'
import type { KvStore } from './store.js'

const stand = new BucketStand()

/** Time that goes by ten times faster, for what has to wait long. */
const hurriedClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now() * 10,
  after: (ms, task) => systemClock.after(ms / 10, task),
}

/** Resolves when the watcher is told of what is asked for. */
function told(store: KvStore, isIt: (change: StoreChange) => boolean): Promise<StoreChange> {
  return new Promise((resolve) => {
    const stop = store.watch((change) => {
      if (!isIt(change)) return
      stop()
      resolve(change)
    })
  })
}

storeSuite(
  'JetStream KV',
  async () => {
    const store = await stand.open()
    return {
      store,
      async reopen() {
        await store.close()
        return stand.open()
      },
      another: () => stand.open(),
    }
  },
  stand.listenerErrors,
  { shared: true },
)

describe('the bucket', () => {
  test('is one that other tools read', async () => {
    const store = await stand.open()
    await store.put('api-key', 'k1', { n: 1 })
    const bucket = await new Kvm(stand.connection).open(BUCKET)
    const key = `api-key.${Buffer.from('k1').toString('base64url')}`
    expect((await bucket.get(key))?.json()).toEqual({ n: 1 })
    await store.delete('api-key', 'k1')
    expect((await bucket.get(key))?.operation).toBe('DEL')
    await bucket.put(key, '{"n":2}')
    await store.refresh()
    expect(await store.all('api-key')).toEqual([{ key: 'k1', value: { n: 2 } }])
    await bucket.purge(key)
    await bucket.put('not one of ours'.replaceAll(' ', '.'), 'x')
    await bucket.put(key, 'no JSON')
    await store.refresh()
    expect(await store.all('api-key')).toEqual([])
    expect(await store.put('api-key', 'k1', { n: 3 }, { ifAbsent: true })).toBe(true)
  })

  test('keeps the replicas that it was made with, and says how many', async () => {
    const store = await stand.open()
    expect(store.settings).toEqual({ replicas: 1 })
    expect((await stand.open({ replicas: 3 })).settings).toEqual({ replicas: 1 })
  })

  test('is followed to its end also when its last messages were removed', async () => {
    const store = await stand.open()
    await store.put('key', 'a', { n: 1 })
    await store.put('key', 'b', { n: 2 })
    await (await jetstreamManager(stand.connection)).streams.purge(BUCKET_STREAM, {
      filter: subjectOf({ kind: 'key', key: 'b' }),
    })
    const other = await stand.open()
    expect(await other.all('key')).toEqual([{ key: 'a', value: { n: 1 } }])
    await other.refresh()
    await store.refresh()
  })

  test('that was made anew is compared with what was known: what is gone is told, and a warning says so', async () => {
    const store = await stand.open()
    await store.put('key', 'a', { n: 1 })
    await store.put('key', 'b', { n: 2 })
    const changes: StoreChange[] = []
    store.watch((change) => changes.push(change))
    const streams = (await jetstreamManager(stand.connection)).streams
    const { config } = await streams.info(BUCKET_STREAM)
    const isNew = told(store, ({ value }) => value?.n === 3)
    await streams.delete(BUCKET_STREAM)
    await streams.add({ ...config, name: BUCKET_STREAM })
    await jetstream(stand.connection).publish(subjectOf({ kind: 'key', key: 'b' }), '{"n":2}')
    await jetstream(stand.connection).publish(subjectOf({ kind: 'key', key: 'c' }), '{"n":3}')
    await isNew
    await store.refresh()
    expect(changes).toEqual([
      { kind: 'key', key: 'a', value: undefined },
      { kind: 'key', key: 'c', value: { n: 3 } },
    ])
    expect(await store.all('key')).toEqual([
      { key: 'b', value: { n: 2 } },
      { key: 'c', value: { n: 3 } },
    ])
    expect(stand.warnings).toContainEqual(expect.stringContaining('was made anew; 1 of its records are gone'))
    expect(await store.put('key', 'a', { n: 4 }, { ifAbsent: true })).toBe(true)
  })
})

describe('a server that is killed and started again', () => {
  test('is followed on: what was put and deleted meanwhile is told, in order and once', async () => {
    const [store, other] = [await stand.open(), await stand.open()]
    await store.put('key', 'old', { n: 0 })
    const changes: StoreChange[] = []
    store.watch((change) => changes.push(change))
    for (let round = 1; round <= 3; round++) {
      await stand.server.kill()
      await stand.server.run()
      await other.put('key', `k${round}`, { round })
      if (round === 2) await other.delete('key', 'old')
      await store.refresh()
      expect((await store.all('key')).map(({ key }) => key)).toContain(`k${round}`)
    }
    expect(changes).toEqual([
      { kind: 'key', key: 'k1', value: { round: 1 } },
      { kind: 'key', key: 'k2', value: { round: 2 } },
      { kind: 'key', key: 'old', value: undefined },
      { kind: 'key', key: 'k3', value: { round: 3 } },
    ])
  })

  test('is waited for by changes; each is made once', async () => {
    const store = await stand.open()
    await store.put('key', 'gone', { n: 0 })
    await stand.server.kill()
    const changes = [
      store.put('key', 'a', { n: 1 }, { ifAbsent: true }),
      store.put('key', 'b', { n: 2 }),
      store.delete('key', 'gone'),
    ]
    await stand.server.run()
    expect(await Promise.all(changes)).toEqual([true, true, true])
    expect((await store.all('key')).map(({ key }) => key)).toEqual(['a', 'b'])
  })

  test('what was deleted while nobody could look, and has no marker any more, is told as deleted', async () => {
    const store = await stand.open()
    await store.put('key', 'a', { n: 1 })
    await store.put('key', 'b', { n: 2 })
    const isGone = told(store, ({ value }) => value === undefined)
    const { port } = stand.server
    await stand.server.kill()
    // The same storage elsewhere: our store cannot reach it there.
    const elsewhere = await stand.another()
    await elsewhere.kill()
    Object.assign(stand.server, { port: elsewhere.port })
    await stand.server.run()
    const connection = await stand.server.connect()
    await (await jetstreamManager(connection)).streams.purge(BUCKET_STREAM, {
      filter: subjectOf({ kind: 'key', key: 'a' }),
    })
    await connection.close()
    await stand.server.kill()
    Object.assign(stand.server, { port })
    await stand.server.run()
    expect(await isGone).toEqual({ kind: 'key', key: 'a', value: undefined })
    expect(await store.all('key')).toEqual([{ key: 'b', value: { n: 2 } }])
  })
})

describe('a server that does not answer', () => {
  test('has an answer lost and is asked again: what was stored counts as ours', async () => {
    const store = await stand.open()
    await store.put('key', 'b', { n: 0 })
    stand.server.signal('SIGSTOP')
    const changes = [
      store.put('key', 'a', { n: 1 }, { ifAbsent: true }),
      store.put('key', 'b', { n: 1 }, { replaces: { n: 0 } }),
    ]
    // Longer than an attempt: those that were sent are in the server's socket, and are stored when it goes on.
    await new Promise((resolve) => systemClock.after(1_500, () => resolve(undefined)))
    stand.server.signal('SIGCONT')
    expect(await Promise.all(changes)).toEqual([true, true])
    expect(await store.all('key')).toEqual([
      { key: 'a', value: { n: 1 } },
      { key: 'b', value: { n: 1 } },
    ])
  })

  test('makes a change and a refresh fail in time, as something to try again later', async () => {
    const store = await stand.open({ clock: hurriedClock })
    await stand.server.kill()
    try {
      const unavailable = { code: 'unavailable', retryAfterSeconds: expect.any(Number) }
      await Promise.all([
        expect(store.put('key', 'a', { n: 1 }, { ifAbsent: true })).rejects.toMatchObject(unavailable),
        expect(store.delete('key', 'a')).rejects.toMatchObject(unavailable),
        expect(store.refresh()).rejects.toMatchObject(unavailable),
      ])
    } finally {
      await stand.server.run()
    }
    await store.refresh()
  })
})
