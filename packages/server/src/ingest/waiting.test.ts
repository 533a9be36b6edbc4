import { builtinCatalogue, limits } from '@switchboard/contract'
import { expect, test } from 'vitest'
import { systemClock } from '../clock.js'
import type { Appended, Log, NewEvent } from '../log/log.js'
import { noMeter } from '../meter.js'
import { createFingerprint } from './fingerprint.js'
import { createIngest, type PublishTarget } from './ingest.js'
import { noPublishRate } from './rate.js'

const target: PublishTarget = { channel: { workspace: 'w1' }, keyId: 'k1', extraFields: 'refuse' }
const ERROR = { event_type: 'pipeline.error', data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05', error: 'x' }
const batch = (count: number, error = 'x') =>
  Buffer.from(JSON.stringify({ events: Array.from({ length: count }, () => ({ ...ERROR, error })) }))

/** A storage that takes things in and answers when it is told to. */
function slow(isShort = () => false) {
  const answers: (() => void)[] = []
  const append = (_: unknown, events: readonly NewEvent[]) =>
    new Promise<Appended>((resolve) => {
      const positions = events.map((_, index) => ({ time: 1, sequence: index + 1 }))
      answers.push(() => resolve({ positions, replayed: 0 }))
    })
  const log = { append, follow: () => () => {} } as unknown as Log
  const ingest = createIngest({
    log,
    catalogue: builtinCatalogue,
    clock: systemClock,
    meter: noMeter,
    fingerprint: createFingerprint(() => Buffer.alloc(32)),
    rate: noPublishRate,
    isShort,
  })
  return { ingest, answers }
}

const overloaded = { code: 'overloaded', retryAfterSeconds: 1 }

test('of a storage that does not keep up only so many events wait; the others are told at once, and those that wait are stored', async () => {
  const { ingest, answers } = slow()
  const waiting = Array.from({ length: limits.waitingEventsMax / 1000 }, () => ingest.publishBody(target, batch(1000)))
  expect(ingest.waiting).toMatchObject({ events: limits.waitingEventsMax, isFull: true })
  await expect(ingest.publishBody(target, batch(1))).rejects.toMatchObject(overloaded)
  // Without having been read: it would cost what there is too little of.
  await expect(ingest.publishBody(target, Buffer.from('{'))).rejects.toMatchObject(overloaded)
  const line = Buffer.from(`${JSON.stringify(ERROR)}\n`)
  const lines = ingest.publishLines(
    target,
    (async function* () {
      yield line
    })(),
  )
  await expect(lines).rejects.toMatchObject({ ...overloaded, extra: { ids: [] } })
  answers.shift()?.()
  expect((await waiting[0])?.ids).toHaveLength(1000)
  const later = ingest.publishBody(target, batch(1))
  for (const answer of answers) answer()
  expect((await later).ids).toHaveLength(1)
  expect(await Promise.all(waiting)).toHaveLength(waiting.length)
  expect(ingest.waiting).toMatchObject({ events: 0, bytes: 0, isFull: false })
})

test('large events are bounded by their bytes', async () => {
  const { ingest, answers } = slow()
  const body = batch(80, 'x'.repeat(60_000))
  let count = 0
  const waiting: Promise<unknown>[] = []
  for (; !ingest.waiting.isFull; count++) waiting.push(ingest.publishBody(target, body))
  expect(count).toBe(Math.ceil(limits.waitingBytesMax / body.length))
  await expect(ingest.publishBody(target, body)).rejects.toMatchObject(overloaded)
  for (const answer of answers) answer()
  await Promise.all(waiting)
})

test('what failed waits no more', async () => {
  const log = { append: () => Promise.reject(new Error('no')), follow: () => () => {} } as unknown as Log
  const fingerprint = createFingerprint(() => Buffer.alloc(32))
  const deps = { catalogue: builtinCatalogue, clock: systemClock, meter: noMeter, rate: noPublishRate, fingerprint }
  const ingest = createIngest({ log, ...deps })
  await expect(ingest.publishBody(target, batch(3))).rejects.toThrow('no')
  expect(ingest.waiting).toMatchObject({ events: 0, bytes: 0 })
})

test('without memory nothing is taken in', async () => {
  let isShort = true
  const { ingest, answers } = slow(() => isShort)
  await expect(ingest.publishBody(target, batch(1))).rejects.toMatchObject(overloaded)
  isShort = false
  const stored = ingest.publishBody(target, batch(1))
  answers[0]?.()
  expect((await stored).ids).toHaveLength(1)
})
