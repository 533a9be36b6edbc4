import type { JetStreamClient } from '@nats-io/jetstream'
import { expect, test } from 'vitest'
import { TestClock } from '../../fanout/clock.test-kit.js'
import type { Outcome } from './applying.js'
import { APPEND_MS_MAX, Publisher } from './publisher.js'
import type { Replica } from './replica.js'

/** A publisher whose servers answer as a test says, at a clock that it sets. */
function start(answer: () => Promise<{ seq: number }>) {
  const clock = new TestClock()
  const ids: string[] = []
  const jetstream = {
    publish(_subject: string, _data: Uint8Array, { msgID }: { msgID: string }) {
      ids.push(msgID)
      return answer()
    },
  }
  let apply: (outcome: Outcome) => void = () => {}
  const replica = {
    expect(_id: string, told: (outcome: Outcome) => void) {
      apply = told
      return () => {}
    },
  }
  const publisher = new Publisher({
    jetstream: jetstream as unknown as JetStreamClient,
    stream: 'SB_EVENTS_0',
    replica: replica as unknown as Replica,
    clock,
    isConnected: () => true,
    payloadBytesMax: () => 1024 * 1024,
    onStruggle() {},
    fetch() {},
  })
  let settled: unknown
  const publishing = publisher.publish('sb.0.ws.w.t', Buffer.from('{}')).then(
    (outcome) => {
      settled = outcome
    },
    (error) => {
      settled = error
    },
  )
  return {
    ids,
    publishing,
    settled: () => settled,
    apply: (outcome: Outcome) => apply(outcome),
    /** Lets time pass in small steps, as it does for whoever waits. */
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 50) {
        clock.advance(50)
        await new Promise(setImmediate)
      }
    },
  }
}

const away = () => Promise.reject(new Error('timeout'))

test('servers that acknowledge nothing are tried for 25 s with one id, and then it is safe to send it again', async () => {
  const { pass, settled, ids, publishing } = start(away)
  await pass(APPEND_MS_MAX - 1_000)
  expect(settled()).toBeUndefined()
  await pass(2_000)
  await publishing
  expect(settled()).toMatchObject({ code: 'unavailable', retryAfterSeconds: 2 })
  expect(APPEND_MS_MAX).toBe(25_000)
  expect(ids.length).toBeGreaterThan(100)
  expect(new Set(ids).size).toBe(1)
})

test('servers that come back meanwhile answer the publisher that has waited', async () => {
  let isAway = true
  const { pass, settled, apply, publishing } = start(() => (isAway ? away() : Promise.resolve({ seq: 7 })))
  await pass(20_000)
  isAway = false
  await pass(200)
  expect(settled()).toBeUndefined()
  const outcome: Outcome = { kind: 'removed', entries: 3 }
  apply(outcome)
  await publishing
  expect(settled()).toBe(outcome)
})

test('what was stored and is not applied here in time is said to be so', async () => {
  const { pass, settled, publishing } = start(() => Promise.resolve({ seq: 7 }))
  await pass(APPEND_MS_MAX + 1_000)
  await publishing
  expect(settled()).toMatchObject({ code: 'unavailable', retryAfterSeconds: 2 })
  expect(String(settled())).toContain('It was stored')
})
