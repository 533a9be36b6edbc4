import { type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../clock.js'
import type { StoreChange } from '../log.js'
import { BUCKET_STREAM, subjectOf } from './bucket.js'
import { BucketCopy } from './bucket-copy.js'
import { BucketHead } from './bucket-head.js'
import { BucketStand } from './bucket-stand.test-kit.js'
import { BucketWatch } from './bucket-watch.js'

const stand = new BucketStand()
const LONG_MS = 5_000

test('what is waited for while no consumer can be made comes from the leader, and is told once', async () => {
  const store = await stand.open()
  await store.put('key', 'a', { n: 0 })
  const client = jetstream(stand.connection)
  const jsm = await jetstreamManager(stand.connection)
  let isRefused = false
  const consumers = {
    get(...args: Parameters<JetStreamClient['consumers']['get']>) {
      return isRefused ? Promise.reject(new Error('no leader')) : client.consumers.get(...args)
    },
  }
  const copy = new BucketCopy(() => {})
  const heard: StoreChange[] = []
  copy.listen((change) => heard.push(change))
  const warnings: string[] = []
  const watch = new BucketWatch({
    jetstream: { ...client, consumers } as JetStreamClient,
    jsm,
    copy,
    head: new BucketHead(jsm, systemClock),
    clock: systemClock,
    warn: (line) => warnings.push(line),
  })
  onTestFinished(() => watch.stop())
  expect(await watch.hasLoaded(LONG_MS)).toBe(true)

  isRefused = true
  for await (const { name, config } of jsm.consumers.list(BUCKET_STREAM)) {
    if (config.inactive_threshold) await jsm.consumers.delete(BUCKET_STREAM, name)
  }
  let last = 0
  for (let n = 1; n <= 3; n++) {
    await store.put('key', n === 2 ? 'b' : 'a', { n })
    last = (await jsm.streams.info(BUCKET_STREAM)).state.last_seq
    expect(await watch.reached(last, LONG_MS)).toBe(true)
    expect(heard.at(-1)?.value).toEqual({ n })
  }
  expect(await watch.reached(last + 1, 300)).toBe(false)
  expect(warnings).toEqual(['The bucket sb_records cannot be followed for now: no leader'])

  isRefused = false
  const publish = (n: number) => client.publish(subjectOf({ kind: 'key', key: 'a' }), JSON.stringify({ n }))
  expect(await watch.reached((await publish(4)).seq, LONG_MS)).toBe(true)
  expect(heard.map(({ value }) => value?.n)).toEqual([0, 1, 2, 3, 4])
})
