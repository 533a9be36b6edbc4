import type { JetStreamClient, JetStreamManager, StoredMsg } from '@nats-io/jetstream'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../clock.js'
import type { StreamMessage } from './applying.js'
import { Follower } from './follower.js'
import type { Pulse } from './pulse.js'
import type { Replica } from './replica.js'

/** Messages of a stream by their sequences, as a server gives them. */
interface Server {
  readonly givesBatches: boolean
  /** What a batch from a sequence on holds; undefined when it fails. */
  batch?(from: number): readonly number[] | undefined
  readonly stored: readonly number[]
  /** How far the copy has read before. Default: nothing. */
  readonly read?: number
  /** When the server stored a message, unix ms. Default: at 0, as the copy has read it. */
  time?(sequence: number): number
  /** The same, of a server that is asked and does not lead. Default: as its leader. */
  copied?(sequence: number): number
  /** What each consumer gives that is made, one after another: sequences, with their times. Default: none can be made. */
  readonly consumers?: (readonly (readonly [sequence: number, time: number])[])[]
}

/** A follower of a stream; without consumers everything is fetched. */
function start(server: Server) {
  const { givesBatches, read = 0 } = server
  const taken: number[] = []
  const requests: string[] = []
  const replica = {
    newest: { sequence: read, time: 0 },
    takenSequence: read,
    fault: undefined,
    take({ sequence }: StreamMessage) {
      taken.push(sequence)
      replica.takenSequence = sequence
    },
    hasRoom: async () => {},
  }
  const message = (seq: number) =>
    ({ seq, time: new Date(server.time?.(seq) ?? 0), data: new Uint8Array() }) as unknown as StoredMsg
  const direct = {
    async getMessage(_: string, { seq }: { seq: number }) {
      requests.push(`one ${seq}`)
      const found = server.stored.find((each) => each >= seq)
      if (found === undefined) return null
      return { ...message(found), ...(server.copied && { time: new Date(server.copied(found)) }) }
    },
    async getBatch(_: string, { seq }: { seq: number }) {
      requests.push(`batch ${seq}`)
      const given = server.batch?.(seq)
      if (given === undefined) throw new Error('batch direct require server 2.11.0')
      return Object.assign(
        (async function* () {
          yield* given.map(message)
        })(),
        { stop() {} },
      )
    },
  }
  const streams = {
    getMessage: async (_: string, { seq }: { seq: number }) => (server.stored.includes(seq) ? message(seq) : null),
  }
  let looks = 0
  const pulse = {
    state: undefined,
    async ask() {
      looks += 1
      return { last: Math.max(0, ...server.stored) }
    },
  }
  const errors: string[] = []
  let made = 0
  const consumers = {
    async get() {
      const given = server.consumers?.shift()
      if (given === undefined) throw new Error('no leader')
      made += 1
      return consumerOf(`consumer ${made}`, given)
    },
  }
  const follower = new Follower({
    jetstream: { consumers } as unknown as JetStreamClient,
    jsm: { direct, streams } as unknown as JetStreamManager,
    stream: 'SB_EVENTS_0',
    replica: replica as unknown as Replica,
    pulse: pulse as unknown as Pulse,
    clock: systemClock,
    givesBatches: () => givesBatches,
    mayPassOver: async () => true,
    onError: (error) => void errors.push((error as Error).message),
  })
  onTestFinished(() => follower.stop())
  const until = async (sequence: number) => {
    follower.fetch(sequence)
    while (replica.takenSequence < sequence) await new Promise(setImmediate)
    return { taken, requests }
  }
  /** Resolves when the stream's state has been asked for that often. */
  const looked = async (times: number) => {
    while (looks < times) await new Promise(setImmediate)
  }
  const has = async (sequence: number) => {
    while (replica.takenSequence < sequence) await new Promise(setImmediate)
    return { taken, errors }
  }
  return { until, looked, has, taken }
}

/** A consumer that gives some messages, and then waits until it is stopped. */
function consumerOf(name: string, given: readonly (readonly [number, number])[]) {
  let stop = () => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  const messages = Object.assign(
    (async function* () {
      for (const [seq, time] of given) {
        yield { seq, timestampNanos: BigInt(time) * 1_000_000n, info: { consumer: name }, data: new Uint8Array() }
      }
      await stopped
    })(),
    { stop, status: async function* () {} },
  )
  return { consume: async () => messages, delete: async () => true }
}

test('a server that gives batches is asked for batches, and goes on behind each', async () => {
  const stored = [1, 2, 5, 6, 9]
  const { until } = start({
    givesBatches: true,
    stored,
    batch: (from) => stored.filter((each) => each >= from).slice(0, 3),
  })
  expect(await until(9)).toEqual({ taken: stored, requests: ['batch 1', 'batch 6'] })
})

test('one that does not is asked for one message after the other', async () => {
  const { until } = start({ givesBatches: false, stored: [1, 3, 4] })
  expect(await until(4)).toEqual({ taken: [1, 3, 4], requests: ['one 1', 'one 2', 'one 4'] })
})

test('a message of a batch that was lost on the way is asked for again, and not passed over', async () => {
  const batches = [
    [1, 3],
    [2, 3],
  ]
  const { until } = start({ givesBatches: true, stored: [1, 2, 3], batch: () => batches.shift() })
  expect(await until(3)).toEqual({ taken: [1, 2, 3], requests: ['batch 1', 'batch 2'] })
})

test.each([
  ['fail', undefined],
  ['are empty', []],
  ['lack their first', [2]],
])('where batches %s, single messages do', async (_, batch) => {
  const { until } = start({ givesBatches: true, stored: [1, 2], batch: () => batch })
  expect((await until(2)).taken).toEqual([1, 2])
})

test.each([
  ['still holds', [1, 2, 3]],
  ['has purged', [3]],
])('what comes after a message that the stream %s follows on it', async (_, stored) => {
  const { until } = start({ givesBatches: false, read: 2, stored })
  expect((await until(3)).taken).toEqual([3])
})

test.each([
  ['has lost', [1]],
  ['holds another in the place of', [1, 2, 3]],
])('nothing is taken of a stream that %s what was read, until it has that again', async (_, stored) => {
  let isAgain = false
  const server = {
    givesBatches: false,
    read: 2,
    get stored() {
      return isAgain ? [1, 2, 3] : stored
    },
    time: (sequence: number) => (sequence === 2 && !isAgain ? 5 : 0),
  }
  const { looked, until, taken } = start(server)
  const done = until(3)
  await looked(3)
  expect(taken).toEqual([])
  isAgain = true
  expect((await done).taken).toEqual([3])
})

test('a message is not taken of a server that holds another in its place than its leader does', async () => {
  const times = [5, 5, 0]
  const { until } = start({ givesBatches: false, read: 2, stored: [1, 2, 3], copied: () => times.shift() ?? 0 })
  const { taken, requests } = await until(3)
  expect(taken).toEqual([3])
  expect(requests).toEqual(['one 3', 'one 3', 'one 3'])
})

test('what a consumer leaves out, and the leader has, is waited for from another', async () => {
  const { has } = start({
    givesBatches: false,
    read: 2,
    stored: [1, 2, 3, 4],
    consumers: [
      [[4, 0]],
      [
        [3, 0],
        [4, 0],
      ],
    ],
  })
  const { taken, errors } = await has(4)
  expect(taken).toEqual([3, 4])
  expect(errors).toEqual(['the server that was asked lacks a message that its leader has'])
})

test('what the leader does not have either has been purged, and is passed over', async () => {
  const { has } = start({ givesBatches: false, read: 2, stored: [1, 2, 4], consumers: [[[4, 0]]] })
  expect(await has(4)).toEqual({ taken: [4], errors: [] })
})

test('another message than the leader holds in its place is not taken of a consumer', async () => {
  const consumers = [[[3, 7]] as const, [[3, 0]] as const]
  const { has } = start({ givesBatches: false, read: 2, stored: [1, 2, 3], consumers })
  const { taken, errors } = await has(3)
  expect(taken).toEqual([3])
  expect(errors).toEqual(['the server that was asked holds another message than its leader'])
})
