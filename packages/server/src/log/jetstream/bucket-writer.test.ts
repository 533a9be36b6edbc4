import { JetStreamApiError, type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../clock.js'
import { subjectOf } from './bucket.js'
import { BucketStand } from './bucket-stand.test-kit.js'
import { BucketWriter } from './bucket-writer.js'

const stand = new BucketStand()

describe('a writer whose answers are lost', () => {
  const subject = subjectOf({ kind: 'key', key: 'a' })
  const later = () => performance.now() + 5_000

  /** Publishes, and then runs `meanwhile` and says that there was no answer, the first time. */
  async function losing(meanwhile: () => Promise<unknown>): Promise<BucketWriter> {
    const client = jetstream(stand.connection)
    let isLost = false
    const publish: JetStreamClient['publish'] = async (...args) => {
      const answer = await client.publish(...args)
      if (isLost) return answer
      isLost = true
      await meanwhile()
      throw new errors.TimeoutError()
    }
    const jsm = await jetstreamManager(stand.connection)
    return new BucketWriter({ jetstream: { publish }, jsm, clock: systemClock })
  }

  test('finds its own message, whatever it expected', async () => {
    await stand.open()
    for (const [index, expected] of [0, 1, 2, undefined].entries()) {
      const writer = await losing(async () => {})
      expect(await writer.write(subject, `{"n":${index}}`, expected, later())).toBe(index + 1)
      expect(await writer.newest(subject, later())).toMatchObject({ sequence: index + 1, text: `{"n":${index}}` })
    }
  })

  test('finds it also when others have changed the record since, and does not undo that', async () => {
    const store = await stand.open()
    await store.put('key', 'a', { n: 0 })
    const writer = await losing(() => store.put('key', 'a', { n: 2 }))
    expect(await writer.write(subject, '{"n":1}', 1, later())).toBe(2)
    expect(await store.all('key')).toEqual([{ key: 'a', value: { n: 2 } }])
  })

  test('finds it also with servers that look at what is expected before they look for the message', async () => {
    const store = await stand.open()
    await store.put('key', 'a', { n: 0 })
    const client = jetstream(stand.connection)
    let attempts = 0
    // As a cluster of version 2.9 does it: the second attempt meets the first one's message.
    const publish: JetStreamClient['publish'] = async (...args) => {
      attempts += 1
      if (attempts === 2)
        throw new JetStreamApiError({ code: 400, err_code: 10_071, description: 'wrong last sequence' })
      const answer = await client.publish(...args)
      if (attempts === 1) throw new errors.TimeoutError()
      return answer
    }
    const jsm = await jetstreamManager(stand.connection)
    const writer = new BucketWriter({ jetstream: { publish }, jsm, clock: systemClock })
    expect(await writer.write(subject, '{"n":1}', 1, later())).toBe(2)
    expect(attempts).toBe(3)
  })

  test('is told of a conflict when it was another that came first', async () => {
    const store = await stand.open()
    await store.put('key', 'a', { n: 0 })
    const writer = await losing(async () => {})
    expect(await writer.write(subject, '{"n":1}', 7, later())).toBeUndefined()
    expect(await store.all('key')).toEqual([{ key: 'a', value: { n: 0 } }])
  })
})
