import type { ConsumerMessages, JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import type { Clock } from '../../clock.js'
import { BUCKET, BUCKET_STREAM, BUCKET_SUBJECTS, type Revision, revisionOf } from './bucket.js'
import type { BucketCopy } from './bucket-copy.js'
import type { BucketHead } from './bucket-head.js'
import { pause, within } from './patience.js'

/** Messages asked for at a time. */
const MESSAGES_MAX = 1_000
/** The servers say this often that they are there, in ms. */
const HEARTBEAT_MS = 1_000
/** Without a word for this long the consumer is given up, in ms: its server may be gone. */
const SILENT_MS_MAX = 2_500
const LOOK_MS = 250
const AGAIN_MS = 200
const REQUEST_MS_MAX = 1_500
/** What is waited for and has not come by itself after this long is fetched, in ms. */
const FETCH_AFTER_MS = 250
/** A stream that seems to have gone back is not believed before this long, in ms: its leader may be catching up itself. */
const BACK_MS = 3_000
/** How long a consumer outlives its gateway, in ms. */
const ABANDONED_MS = 10_000
const NANOS_PER_MS = 1_000_000
/** Notices after which a consumer may have missed something. */
const LOST: ReadonlySet<string> = new Set([
  'consumer_deleted',
  'consumer_not_found',
  'ordered_consumer_recreated',
  'stream_not_found',
])

export interface BucketWatchDeps {
  readonly jetstream: JetStreamClient
  readonly jsm: JetStreamManager
  readonly copy: BucketCopy
  readonly head: BucketHead
  readonly clock: Clock
  readonly warn: (line: string) => void
}

/** All that the bucket has, on its way into the copy. */
interface Load {
  readonly revisions: Map<string, Revision>
  readonly startedAt: number
  /** The newest message of the bucket; undefined before the leader has said it. */
  target: number | undefined
  seen: number
}

/**
 * Keeps the copy as the bucket is, through one ordered consumer.
 *
 *     load     all that the bucket has, up to what its leader has, goes into the copy at once
 *     follow   then message by message
 *
 * A consumer lives on one server. While a new one is made after that server was lost, which takes a leader of the whole
 * cluster, what somebody waits for is fetched message by message from the bucket's own leader.
 *
 * Whatever interrupts it, it begins again with a load: what was missed, and what is gone without a message (a bucket
 * that was made anew, a marker that was removed), is found by comparing. A load takes effect when it is complete, so that
 * a server that is behind does not bring back what was revoked.
 */
export class BucketWatch {
  private messages: ConsumerMessages | undefined
  private load: Load | undefined
  private applied = 0
  private created: string | undefined
  private heardAt = 0
  private isTold = false
  private stopped = false
  private isLoaded = false
  private readonly waiting = new Set<{ readonly sequence: number; readonly done: () => void }>()
  private fetching: Promise<void> | undefined
  private readonly ended: Promise<void>
  constructor(private readonly deps: BucketWatchDeps) {
    this.ended = this.run()
  }

  /** True once the copy has all that the bucket had; false when it has not after `ms`. */
  hasLoaded(ms: number): Promise<boolean> {
    return this.reached(0, ms)
  }

  /** True once the copy has the message, or what came in its place; false when it has not after `ms`. */
  reached(sequence: number, ms: number): Promise<boolean> {
    if (this.isLoaded && sequence <= this.applied) return Promise.resolve(true)
    let done = () => {}
    const reached = new Promise<boolean>((resolve) => {
      done = () => resolve(true)
    })
    const waiter = { sequence, done }
    this.waiting.add(waiter)
    const isFollowing = this.messages !== undefined && this.load === undefined
    const cancelFetch = this.deps.clock.after(isFollowing ? FETCH_AFTER_MS : 0, () => this.fetch())
    return within(this.deps.clock, ms, reached, () => false).finally(() => {
      cancelFetch()
      this.waiting.delete(waiter)
    })
  }

  async stop(): Promise<void> {
    this.stopped = true
    this.messages?.stop()
    await Promise.all([this.ended, this.fetching])
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      try {
        await this.watch()
      } catch (error) {
        this.report(error)
      }
      if (!this.stopped) await pause(this.deps.clock, AGAIN_MS)
    }
  }

  /** Loads and follows until the consumer is lost. */
  private async watch(): Promise<void> {
    const { jetstream, jsm, clock } = this.deps
    const { created } = await this.inTime(jsm.streams.info(BUCKET_STREAM))
    const consumer = await this.inTime(
      jetstream.consumers.get(BUCKET_STREAM, { inactive_threshold: ABANDONED_MS * NANOS_PER_MS }),
    )
    const messages = await consumer.consume({ max_messages: MESSAGES_MAX, idle_heartbeat: HEARTBEAT_MS })
    this.messages = messages
    this.heardAt = clock.monotonic()
    this.load = { revisions: new Map(), startedAt: clock.monotonic(), target: undefined, seen: 0 }
    const endLooking = this.look(messages, created)
    try {
      for await (const message of messages) {
        if (this.stopped) break
        this.heardAt = clock.monotonic()
        this.take(revisionOf(message), created)
      }
    } finally {
      endLooking()
      this.messages = undefined
      this.load = undefined
      messages.stop()
      // It ends by itself if its server cannot be asked.
      consumer.delete().catch(() => {})
    }
  }

  private take(revision: Revision, created: string): void {
    const { load } = this
    if (load) {
      // In the order of the stream: of a key's messages the last one counts, and stands last.
      load.revisions.delete(revision.subject)
      load.revisions.set(revision.subject, revision)
      load.seen = revision.sequence
      this.completeLoad(load, created)
      return
    }
    this.apply(revision)
  }

  private apply(revision: Revision): void {
    // It may have been fetched already.
    if (revision.sequence <= this.applied) return
    this.deps.copy.apply(revision)
    this.advance(revision.sequence)
  }

  private fetch(): void {
    this.fetching ??= this.fetchAwaited().finally(() => {
      this.fetching = undefined
    })
  }

  /** Brings the copy on for as long as somebody waits for more than it has. */
  private async fetchAwaited(): Promise<void> {
    const { jsm, clock } = this.deps
    while (!this.stopped && this.isLoaded && [...this.waiting].some(({ sequence }) => sequence > this.applied)) {
      try {
        const next = { seq: this.applied + 1, next_by_subj: BUCKET_SUBJECTS }
        const message = await this.inTime(jsm.streams.getMessage(BUCKET_STREAM, next))
        if (message) {
          this.apply(revisionOf(message))
          continue
        }
      } catch {
        // The consumer, or the next attempt, does better.
      }
      await pause(clock, AGAIN_MS)
    }
  }

  private completeLoad(load: Load, created: string): void {
    const { clock, copy, warn } = this.deps
    const { target, seen, revisions, startedAt } = load
    if (target === undefined || seen < target) return
    const isAnother = this.created !== undefined && this.created !== created
    const wentBack = !isAnother && seen < this.applied
    if (wentBack && clock.monotonic() - startedAt < BACK_MS) return
    this.load = undefined
    const gone = copy.replace(revisions)
    if (isAnother) warn(`The bucket ${BUCKET} was made anew; ${gone} of its records are gone`)
    else if (wentBack)
      warn(`The bucket ${BUCKET} went back from message ${this.applied} to ${seen}; ${gone} records are gone`)
    this.created = created
    this.isTold = false
    this.isLoaded = true
    this.advance(seen)
  }

  private advance(sequence: number): void {
    this.applied = sequence
    for (const { sequence: awaited, done } of this.waiting) if (awaited <= sequence) done()
  }

  /** Asks how far a load has to go, and stops a consumer that is lost. */
  private look(messages: ConsumerMessages, created: string): () => void {
    const { clock, head } = this.deps
    let cancel = () => {}
    let isOver = false
    const again = () => {
      if (!isOver) cancel = clock.after(LOOK_MS, look)
    }
    const look = () => {
      const { load } = this
      if (clock.monotonic() - this.heardAt > SILENT_MS_MAX) return messages.stop()
      if (!load) return again()
      // Again and again: the message that it has to come to may be removed meanwhile, and what has been fetched may have
      // overtaken it.
      if (load.seen < this.applied) load.target = undefined
      const told = (target: number) => {
        load.target = target
        if (this.load === load) this.completeLoad(load, created)
      }
      const failed = (error: unknown) => this.report(error)
      void head.ask().then(told, failed).then(again)
    }
    look()
    void this.listen(messages)
    return () => {
      isOver = true
      cancel()
    }
  }

  private async listen(messages: ConsumerMessages): Promise<void> {
    for await (const { type } of messages.status()) {
      if (type === 'heartbeat') this.heardAt = this.deps.clock.monotonic()
      else if (LOST.has(type)) messages.stop()
    }
  }

  private inTime<T>(promise: Promise<T>): Promise<T> {
    return within(this.deps.clock, REQUEST_MS_MAX, promise, () => {
      throw new Error('the servers do not answer')
    })
  }

  /** Once until it goes well again. */
  private report(error: unknown): void {
    if (this.isTold || this.stopped) return
    this.isTold = true
    this.deps.warn(`The bucket ${BUCKET} cannot be followed for now: ${(error as Error).message}`)
  }
}
