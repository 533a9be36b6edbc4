import {
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import type { JsonObject } from '@switchboard/contract'
import type { Clock } from '../../clock.js'
import type { PutCondition, Store, StoreChange, StoreRecord } from '../log.js'
import { BUCKET, BUCKET_STREAM, parseValue, subjectOf } from './bucket.js'
import { BucketCopy } from './bucket-copy.js'
import { BucketHead } from './bucket-head.js'
import { BucketWatch } from './bucket-watch.js'
import { BucketWriter, unavailable } from './bucket-writer.js'
import { pause } from './patience.js'

export interface KvStoreOptions {
  readonly clock: Clock
  /** Copies of every record, when the bucket is made. */
  readonly replicas: number
  readonly onListenerError: (error: unknown) => void
  /** Told, in one line without secrets, of what somebody should know. */
  readonly warn?: (line: string) => void
}

/** What the bucket is, however it was asked for. */
export interface BucketSettings {
  /** Copies of every record. */
  readonly replicas: number
}

/** How long a change is tried while the bucket has no leader, in ms. */
const CHANGE_MS_MAX = 20_000
/** How long what was stored may take to come back to us, in ms. */
const ARRIVAL_MS_MAX = 5_000
/** How long to wait for what others have stored before it is said that we do not know, in ms; and between two questions. */
const REFRESH_MS_MAX = 5_000
const REFRESH_STEP_MS = 500
/** A cluster that is being started has no leader at first; it gets one within this time, in ms. */
const OPEN_MS_MAX = 30_000
/** Its servers find one another within this time, in ms. With fewer of them than copies, one copy is better than none. */
const PEERS_MS_MAX = 5_000
const AGAIN_MS = 250
const REQUEST_MS_MAX = 2_000
/** API errors: not that many servers, and no cluster at all. */
const TOO_FEW_CODES: ReadonlySet<number> = new Set([10_005, 10_074])

/**
 * Opens the records over a JetStream key-value bucket, which is made when it is not there.
 * @throws SwitchboardError `unavailable` when the servers cannot be asked.
 */
export async function openKvStore(connection: NatsConnection, options: KvStoreOptions): Promise<KvStore> {
  const { clock, onListenerError, warn = () => {} } = options
  const client = jetstream(connection, { timeout: REQUEST_MS_MAX })
  const until = clock.monotonic() + OPEN_MS_MAX
  const settings = await ensureBucket(client, options, until)
  const jsm = await jetstreamManager(connection, { timeout: REQUEST_MS_MAX, checkAPI: false })
  const head = new BucketHead(jsm, clock)
  const copy = new BucketCopy(onListenerError)
  const watch = new BucketWatch({ jetstream: client, jsm, copy, head, clock, warn })
  const writer = new BucketWriter({ jetstream: client, jsm, clock })
  if (await watch.hasLoaded(Math.max(0, until - clock.monotonic()))) {
    return new KvStore(settings, clock, { copy, head, watch, writer, jsm })
  }
  await watch.stop()
  throw unavailable(`The bucket ${BUCKET} could not be read.`)
}

/** A bucket that is there is taken as it is, and its settings are read back. */
async function ensureBucket(
  client: JetStreamClient,
  { clock, replicas }: KvStoreOptions,
  until: number,
): Promise<BucketSettings> {
  const startedAt = clock.monotonic()
  for (let count = replicas; ; ) {
    try {
      const bucket = await new Kvm(client).create(BUCKET, { history: 1, replicas: count })
      return { replicas: (await bucket.status()).replicas }
    } catch (error) {
      const isTooFew = error instanceof JetStreamApiError && TOO_FEW_CODES.has(error.code)
      if (isTooFew && clock.monotonic() - startedAt > PEERS_MS_MAX) count = 1
      if (clock.monotonic() > until) {
        throw unavailable(`The bucket ${BUCKET} can be neither found nor made: ${(error as Error).message}`, error)
      }
      await pause(clock, AGAIN_MS)
    }
  }
}

interface Parts {
  readonly copy: BucketCopy
  readonly head: BucketHead
  readonly watch: BucketWatch
  readonly writer: BucketWriter
  readonly jsm: JetStreamManager
}

/**
 * The records beside the log, in a bucket that every gateway keeps a copy of.
 *
 * A change resolves when the bucket has acknowledged it and our own copy has it: watchers are told in the stream's order
 * and before.
 */
export class KvStore implements Store {
  private closed = false

  constructor(
    readonly settings: BucketSettings,
    private readonly clock: Clock,
    private readonly parts: Parts,
  ) {}

  async all(kind: string): Promise<readonly StoreRecord[]> {
    return this.parts.copy.all(kind)
  }

  /** What our own copy has of a record now. */
  get(kind: string, key: string): JsonObject | undefined {
    const text = this.parts.copy.get(subjectOf({ kind, key }))?.text
    return text === undefined ? undefined : parseValue(text)
  }

  /**
   * Deletes a record that nobody changes, and has the servers overwrite it where they keep it.
   * @throws SwitchboardError `unavailable` when that is not known to be done.
   */
  async destroy(kind: string, key: string): Promise<void> {
    this.assertOpen()
    const subject = subjectOf({ kind, key })
    const { jsm, writer } = this.parts
    const until = this.clock.monotonic() + CHANGE_MS_MAX
    const last = await writer.newest(subject, until)
    if (last?.text !== undefined) {
      try {
        await jsm.streams.deleteMessage(BUCKET_STREAM, last.sequence, true)
      } catch (error) {
        throw unavailable(`The NATS servers have not overwritten a record: ${(error as Error).message}`, error)
      }
    }
    // What told the other gateways is gone with it.
    const sequence = await writer.write(subject, undefined, undefined, until)
    if (sequence !== undefined) await this.arrived(sequence)
  }

  async put(kind: string, key: string, value: JsonObject, condition: PutCondition = {}): Promise<boolean> {
    const text = JSON.stringify(value)
    const { ifAbsent, replaces } = condition
    if (!ifAbsent && replaces === undefined) {
      await this.overwrite(subjectOf({ kind, key }), text)
      return true
    }
    const replaced = replaces && JSON.stringify(replaces)
    return this.change(subjectOf({ kind, key }), text, (stored) => {
      return !(ifAbsent && stored !== undefined) && (replaced === undefined || stored === replaced)
    })
  }

  async delete(kind: string, key: string): Promise<boolean> {
    return this.change(subjectOf({ kind, key }), undefined, (stored) => stored !== undefined)
  }

  async refresh(): Promise<void> {
    this.assertOpen()
    const { head, watch } = this.parts
    const until = this.clock.monotonic() + REFRESH_MS_MAX
    let cause: unknown
    do {
      try {
        if (await watch.reached(await head.ask(), REFRESH_STEP_MS)) return
      } catch (error) {
        cause = error
        await pause(this.clock, AGAIN_MS)
      }
      this.assertOpen()
    } while (this.clock.monotonic() < until)
    throw unavailable('What other gateways have changed cannot be found out now.', cause)
  }

  watch(listener: (change: StoreChange) => void): () => void {
    return this.parts.copy.listen(listener)
  }

  async close(): Promise<void> {
    this.closed = true
    await this.parts.watch.stop()
  }

  private async overwrite(subject: string, text: string): Promise<void> {
    this.assertOpen()
    const sequence = await this.parts.writer.write(subject, text, undefined, this.clock.monotonic() + CHANGE_MS_MAX)
    // Without an expectation there is no conflict.
    if (sequence !== undefined) await this.arrived(sequence)
  }

  /**
   * Stores it when what the key has is wanted, and nothing comes in between.
   *
   *     look (at the copy first, then at the leader) ──▶ not wanted: false
   *        ▲                                        ──▶ wanted: store, if that is still the last ──▶ true
   *        └────────────────── it is not: look again ◀──┘
   */
  private async change(
    subject: string,
    text: string | undefined,
    isWanted: (stored: string | undefined) => boolean,
  ): Promise<boolean> {
    const { copy, writer } = this.parts
    const until = this.clock.monotonic() + CHANGE_MS_MAX
    let found = copy.get(subject)
    for (let isSure = false; ; isSure = true) {
      this.assertOpen()
      if (isWanted(found?.text)) {
        const sequence = await writer.write(subject, text, found?.sequence ?? 0, until)
        if (sequence !== undefined) {
          await this.arrived(sequence)
          return true
        }
      } else if (isSure) {
        if (found) await this.arrived(found.sequence)
        return false
      }
      if (this.clock.monotonic() >= until) throw unavailable('Others change the same record all the time.')
      found = await writer.newest(subject, until)
    }
  }

  private async arrived(sequence: number): Promise<void> {
    if (await this.parts.watch.reached(sequence, ARRIVAL_MS_MAX)) return
    throw unavailable('It was stored, and this gateway has not heard of it yet.')
  }

  private assertOpen(): void {
    if (this.closed) throw unavailable('The server is closing.')
  }
}
