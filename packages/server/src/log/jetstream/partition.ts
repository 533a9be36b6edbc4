import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import { type JsonObject, SwitchboardError } from '@switchboard/contract'
import { type Entering, entering } from '../append.js'
import { Draft } from '../draft.js'
import { channelKey } from '../keys.js'
import type { LmdbLog } from '../lmdb-log.js'
import type { Appended, Channel, Erasure, Fault, Idempotency, NewEvent, StoredName } from '../log.js'
import type { Subject } from '../subject.js'
import type { Outcome } from './applying.js'
import { Audit } from './audit.js'
import type { CarriedRow } from './carry.js'
import { newestCheckpoint } from './checkpoint.js'
import { type CopyOptions, discardLater, openCopy, timeOf } from './copy.js'
import { Follower } from './follower.js'
import { encodeAppend, encodeCarry, encodeErase, encodeForget, encodeRetain, type OutgoingAppend } from './message.js'
import { channelSubject, controlSubject, eventStream } from './names.js'
import { Pace } from './pace.js'
import { Publisher } from './publisher.js'
import { Pulse } from './pulse.js'
import { Replica } from './replica.js'
import { type ClearAppend, sealAppend, sealCarry } from './sealed-lines.js'
import { APPEND_EVENTS_MAX } from './sequences.js'
import type { StreamClock } from './stream-clock.js'
import type { SubjectKeys } from './subject-keys.js'
import { Upkeep } from './upkeep.js'

export interface PartitionOptions extends CopyOptions {
  readonly partition: number
  /** What personal data in the stream is sealed with. Default: it is in clear text. */
  readonly keys?: SubjectKeys | undefined
  readonly jetstream: JetStreamClient
  readonly jsm: JetStreamManager
  readonly payloadBytesMax: () => number
  readonly givesBatches: () => boolean
  readonly isConnected: () => boolean
  readonly retentionMs: number
  readonly purgeAfterMs?: number | undefined
  /** Told again and again of an append that the servers have not acknowledged for `ms`. */
  readonly onStruggle: (ms: number) => void
  /** The stream is not what this gateway has read of it: nothing more can be served from here. */
  readonly onLost: (error: SwitchboardError) => void
}

/** What is under way when the log closes has this long to be acknowledged, in ms. */
const CLOSE_MS_MAX = 3_000
/** Retention that is due goes in steps of a part of the time that events are kept, within bounds in ms. */
const RETAIN_STEPS = 20
const RETAIN_STEP_MS_MIN = 50
const RETAIN_STEP_MS_MAX = 60_000

/** An entry of another log. */
export interface ImportedEntry {
  readonly type: string
  /** The event as one line of JSON. */
  readonly json: string
  /** When it was first stored, unix ms. */
  readonly time: number
}

/** One stream, and this gateway's copy of it. */
export class Partition {
  private readonly publisher: Publisher
  private readonly follower: Follower
  private readonly pace: Pace
  private readonly upkeep: Upkeep
  private readonly audit: Audit
  /** Workspaces with an append that waits for keys, and the end of the last one's wait. */
  private readonly sealing = new Map<string, Promise<void>>()
  private closed = false

  /** @throws what a copy cannot be opened for. */
  static async open(options: PartitionOptions): Promise<Partition> {
    const { jsm, partition, clock, warn } = options
    let opened: Partition | undefined
    const pulse = new Pulse(jsm, eventStream(partition), clock, () => opened?.pace.beat())
    try {
      const { log, applied, clock: streamClock } = await openCopy(options, () => pulse.ask(), options)
      const foreign = (sequence: number) =>
        warn(`Message ${sequence} of ${eventStream(partition)} is none of Switchboard's and is passed over`)
      const replica = new Replica(log, applied, streamClock, foreign, options.keys)
      opened = new Partition(options, log, replica, pulse, streamClock)
      return opened
    } catch (error) {
      pulse.close()
      throw error
    }
  }

  private constructor(
    private readonly options: PartitionOptions,
    /** The copy. */
    readonly log: LmdbLog,
    private readonly replica: Replica,
    private readonly pulse: Pulse,
    private readonly streamClock: StreamClock,
  ) {
    const { partition, warn, clock } = options
    const stream = eventStream(partition)
    const parts = { ...options, stream, replica, pulse }
    this.follower = new Follower({
      ...parts,
      mayPassOver: (sequence) => this.mayPassOver(sequence),
      onError: (error) => warn(`The stream ${stream} is followed anew: ${(error as Error).message}`),
    })
    this.publisher = new Publisher({ ...parts, fetch: (sequence) => this.follower.fetch(sequence) })
    this.pace = new Pace(replica, pulse, clock, (why) => this.lose(why))
    this.audit = new Audit({
      replica,
      clock,
      timeOf: (sequence) => timeOf(options, sequence),
      onSplit: () =>
        this.lose("the servers' copies of the stream differ: its leader holds other messages than were read"),
    })
    this.upkeep = new Upkeep({ ...options, log, streamClock, isWell: () => this.fault === undefined })
  }

  append(channel: Channel, events: readonly NewEvent[], request?: Idempotency): Promise<Appended> {
    return this.store(channel, entering(events), request)
  }

  /** See `JetStreamLog.import`. */
  import(channel: Channel, entries: readonly ImportedEntry[], after: number): Promise<Appended> {
    const times = entries.map(({ time }) => time)
    const events = entries.map(({ type, json }) => ({ type, json, event: JSON.parse(json) as JsonObject }))
    return this.send({ channel, events, moved: { times, after } })
  }

  /** See `JetStreamLog.carry`. */
  async carry(workspace: string, rows: readonly CarriedRow[], after: number): Promise<void> {
    const { keys, partition, projections } = this.options
    const carry = { workspace, rows, after }
    const stored = keys ? await sealCarry(keys, projections, carry) : carry
    await this.publish(controlSubject(partition), encodeCarry(stored))
  }

  /** See `Log.catchUp`. */
  async catchUp(): Promise<void> {
    this.assertOpen()
    await this.pace.catchUp()
  }

  async erase(channel: Channel): Promise<void> {
    await this.publish(controlSubject(this.options.partition), encodeErase(channel))
  }

  /** See `Log.eraseData`. */
  async eraseData(workspace: string, subject: Subject, unless?: StoredName): Promise<Erasure> {
    this.assertOpen()
    const { keys, partition } = this.options
    if (keys === undefined) throw new SwitchboardError('unavailable', 'Personal data is kept in clear text here.')
    // 1. Nobody can open what is sealed with them from here on, nor seal more with them.
    const erasure = await keys.destroy(workspace, subject, unless, this.log.holdsData(workspace, subject))
    if (erasure === undefined) return { erasedAt: keys.erasureOf(workspace, subject)?.at, isNew: false }
    // 2. Every copy destroys what it has sealed with keys of its own, at the same place in the stream.
    const { through, at } = erasure
    await this.publish(controlSubject(partition), encodeForget({ workspace, subject, through }))
    // 3. Whoever asks again after a crash before here goes through it all once more.
    await keys.finish(workspace, subject, erasure)
    return { erasedAt: at, isNew: true }
  }

  /** Retention is a message too, so that every copy removes the same at the same place in the stream. */
  async retain(before: number): Promise<number> {
    this.assertOpen()
    const { clock, partition } = this.options
    const step = Math.min(RETAIN_STEP_MS_MAX, Math.max(RETAIN_STEP_MS_MIN, (clock.now() - before) / RETAIN_STEPS))
    if (before - this.replica.retainedBefore < step || !this.log.hasOlder(before)) return 0
    const outcome = await this.publish(controlSubject(partition), encodeRetain(before))
    return outcome.kind === 'removed' ? outcome.entries : 0
  }

  /** Why nothing can be acknowledged here now; undefined when it can. */
  get fault(): Fault | undefined {
    return this.pace.fault
  }

  /** Appends in the stream that this copy does not have yet, as far as it was told. */
  get behind(): number {
    return this.pace.behind
  }

  /** Finishes what is under way, then closes. */
  async close(): Promise<void> {
    this.closed = true
    await this.publisher.finish(CLOSE_MS_MAX)
    await this.upkeep.close()
    this.audit.close()
    this.pulse.close()
    await this.follower.stop()
    this.replica.end()
    await this.log.close()
  }

  private async store(
    channel: Channel,
    events: readonly Entering[],
    request: Idempotency | undefined,
  ): Promise<Appended> {
    const known = request && this.recall(channel, request)
    if (known && (await this.isHeld())) return { positions: known, replayed: events.length }
    return this.send({ channel, events, request })
  }

  /** Whether the stream holds what this copy has read: to repeat an answer is to acknowledge, which is the leader's to do. */
  private isHeld(): Promise<boolean> {
    return this.follower.isSame().catch(() => false)
  }

  private async send(append: ClearAppend): Promise<Appended> {
    const { channel, events } = append
    if (events.length > APPEND_EVENTS_MAX) {
      throw new SwitchboardError('too_many_events', `an append holds at most ${APPEND_EVENTS_MAX} events`)
    }
    const types = events.map(({ type }) => type)
    const subject = channelSubject(this.options.partition, channel, types)
    const sealed = this.sealed(append)
    const message = encodeAppend(sealed instanceof Promise ? await sealed : sealed)
    const outcome = await this.publish(subject, message)
    return outcome.kind === 'appended' ? outcome.appended : { positions: [], replayed: 0 }
  }

  /** Appends of a workspace keep the order they came in, also where one of them waits for a new key. */
  private sealed(append: ClearAppend): OutgoingAppend | Promise<OutgoingAppend> {
    const { keys } = this.options
    if (keys === undefined) return append
    const { workspace } = append.channel
    const before = this.sealing.get(workspace)
    const sealing = sealAppend(keys, append)
    if (before === undefined && !(sealing instanceof Promise)) return sealing
    // Keys are made beside one another; what is sealed with them goes in turn.
    const outgoing = Promise.all([sealing, before]).then(([sealed]) => sealed)
    const turn = Promise.allSettled([outgoing, before]).then(() => {
      if (this.sealing.get(workspace) === turn) this.sealing.delete(workspace)
    })
    this.sealing.set(workspace, turn)
    return outgoing
  }

  private async publish(subject: string, message: Buffer): Promise<Outcome> {
    this.assertOpen()
    return this.publisher.publish(subject, message)
  }

  /** A repeat that is known here needs no message of its own. One that is not yet is found out when its message is applied. */
  private recall(channel: Channel, request: Idempotency) {
    const draft = new Draft(this.log.environment)
    return this.log.keys.recall(draft, channel, channelKey(channel), 'request', request, this.streamClock.now())
  }

  /**
   * What the stream lacks, and this copy has not read, was purged or has become too old. If a checkpoint knows what it
   * came to, the copy begins anew with that; if none does, nobody knows any more.
   */
  private async mayPassOver(sequence: number): Promise<boolean> {
    const { warn, partition } = this.options
    const checkpoint = await newestCheckpoint(this.options)
    const missing = `${this.replica.takenSequence + 1} to ${sequence - 1}`
    if (checkpoint === undefined || checkpoint.applied.sequence < sequence - 1) {
      warn(`${eventStream(partition)} has no messages ${missing}: what they held is passed over`)
      return true
    }
    this.lose(`messages ${missing} were gone before this gateway read them, and are in a checkpoint`)
    return false
  }

  private lose(why: string): void {
    if (this.closed) return
    this.closed = true
    discardLater(this.options.dir)
    this.options.onLost(
      new SwitchboardError('storage_fault', `this gateway must start again, to make its copy anew: ${why}`),
    )
  }

  private assertOpen(): void {
    if (this.closed) throw new SwitchboardError('unavailable', 'the log is closing')
  }
}
