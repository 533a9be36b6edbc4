import {
  type ConsumerMessages,
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  type StoredMsg,
} from '@nats-io/jetstream'
import { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../../clock.js'
import type { StreamMessage } from './applying.js'
import { pause, within } from './patience.js'
import type { Pulse } from './pulse.js'
import type { Replica } from './replica.js'

/** Messages asked for at a time. */
const MESSAGES_MAX = 256
/** The servers say this often that they are there, in ms. */
const HEARTBEAT_MS = 1_000
/** Without a word for this long the consumer is given up, in ms: its server may be gone. */
const SILENT_MS_MAX = 2_500
const WATCH_MS = 250
const AGAIN_MS = 200
const LOOK_AGAIN_MS = 1_000
/** What a new consumer gives in this time, in ms, is held against the stream's leader; */
const PROBATION_MS = 5_000
/** but not what comes so many messages before the stream's last: a newcomer reads the whole stream. */
const RECENT = 256
const REQUEST_MS_MAX = 1_500
/** Messages fetched with one request, where servers give several. */
const BATCH_MAX = 256
/** How long a consumer outlives its gateway, in ms. */
const ABANDONED_MS = 10_000
const NANOS_PER_MS = 1_000_000
const MSG_ID = 'Nats-Msg-Id'

export interface FollowerDeps {
  readonly jetstream: JetStreamClient
  readonly jsm: JetStreamManager
  readonly stream: string
  readonly replica: Replica
  readonly pulse: Pulse
  readonly clock: Clock
  /** True when the server we are connected to gives several messages for one request (2.11). */
  readonly givesBatches: () => boolean
  /**
   * Asked when the stream goes on at `sequence` and lacks what comes before: true when the copy may pass over that.
   */
  readonly mayPassOver: (sequence: number) => Promise<boolean>
  /** Told once of each time that the stream could not be followed. */
  readonly onError: (error: unknown) => void
}

/**
 * Hands the stream's messages to the copy, each once and in their order, through one ordered consumer: for the whole
 * process, however many subscribe.
 *
 * A consumer lives on one server. While a new one is made after that server was lost, which takes a leader of the whole
 * cluster, messages are fetched from any server that has them: whoever waits for an append waits no longer
 * than for the stream itself.
 */
export class Follower {
  private stopped = false
  private isLost = false
  private messages: ConsumerMessages | undefined
  private heardAt = 0
  private fetching: Promise<void> | undefined
  private wanted = 0
  /** The message handed over last: what is handed over next follows on it. */
  private handed: { readonly sequence: number; readonly time: number }
  private readonly ended: Promise<void>

  constructor(private readonly deps: FollowerDeps) {
    this.handed = deps.replica.newest
    this.ended = this.run()
  }

  /** Sees to it that a message which is in the stream reaches the copy, whatever becomes of the consumer. */
  fetch(sequence: number): void {
    this.wanted = Math.max(this.wanted, sequence)
    if (this.wanted <= this.deps.replica.takenSequence || this.stopped) return
    this.fetching ??= this.fetchWanted().finally(() => {
      this.fetching = undefined
    })
  }

  async stop(): Promise<void> {
    this.stopped = true
    this.messages?.stop()
    await this.ended
    await this.fetching
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      try {
        await this.consume()
      } catch (error) {
        if (!this.stopped && !this.isLost) this.deps.onError(error)
        this.isLost = true
      }
      if (this.stopped) return
      this.mend()
      await pause(this.deps.clock, AGAIN_MS)
    }
  }

  /** Follows until the consumer is lost, or the copy cannot go on. */
  private async consume(): Promise<void> {
    const { jetstream, stream, replica, clock } = this.deps
    const consumer = await within(
      clock,
      REQUEST_MS_MAX,
      jetstream.consumers.get(stream, {
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: replica.takenSequence + 1,
        inactive_threshold: ABANDONED_MS * NANOS_PER_MS,
      }),
      () => {
        throw new Error('no consumer could be made in time')
      },
    )
    const messages = await consumer.consume({ max_messages: MESSAGES_MAX, idle_heartbeat: HEARTBEAT_MS })
    this.messages = messages
    if (this.stopped) messages.stop()
    this.heardAt = clock.monotonic()
    const endWatch = this.watch(messages)
    // The client makes the consumer anew by itself when its server was lost, under another name.
    let proven: string | undefined
    let provenAt = 0
    try {
      for await (const received of messages) {
        this.heardAt = clock.monotonic()
        const { consumer: name } = received.info
        if (name !== proven) {
          if (!(await this.isSame())) throw new Error('it does not hold what was read of it')
          proven = name
          provenAt = clock.monotonic()
        }
        const message = fromConsumer(received)
        if (!(await this.isNext(message.sequence))) {
          throw new Error('the server that was asked lacks a message that its leader has')
        }
        if (clock.monotonic() - provenAt < PROBATION_MS && !(await this.isTrue(message))) {
          throw new Error('the server that was asked holds another message than its leader')
        }
        this.isLost = false
        await this.hand(message)
        if (this.stopped || replica.fault) break
      }
    } finally {
      endWatch()
      this.messages = undefined
      messages.stop()
      void consumer.delete().catch(() => {})
    }
  }

  private async hand(message: StreamMessage): Promise<void> {
    const { replica, mayPassOver } = this.deps
    const isHole = message.sequence > replica.takenSequence + 1
    if (isHole && !(await mayPassOver(message.sequence))) {
      this.stopped = true
      return
    }
    replica.take(message)
    this.handed = message
    await replica.hasRoom()
  }

  /**
   * True when the stream's leader still holds the message that was handed over last, or has purged it. Servers may come
   * back from a fault without one that they had given away, and give its place to another: what follows on that one does
   * not follow on what the copy has. Whether that is so for good is found out elsewhere (`Audit`, `Pace`); until then
   * nothing is handed over.
   * @throws SwitchboardError `unavailable` without an answer.
   */
  async isSame(): Promise<boolean> {
    const { pulse, clock } = this.deps
    const { sequence, time } = this.handed
    if (sequence === 0) return true
    // Before the message: one that is missing now may be there a moment later, and be another.
    const { first, last } = await pulse.ask()
    if (last < sequence) return false
    let stored = await this.timeOf(sequence)
    if (stored === undefined && first <= sequence) {
      // Purged from the middle; or a leader that has only just become one.
      await pause(clock, LOOK_AGAIN_MS)
      stored = await this.timeOf(sequence)
    }
    return stored === undefined || stored === time
  }

  /**
   * True when the leader holds this very message, or it is an old one. A server that comes back may have one that its
   * leader does not have, or has in another's place, and keep it: a consumer lives on one server, and gives what that has.
   */
  private async isTrue({ sequence, time }: StreamMessage): Promise<boolean> {
    const { last = 0 } = this.deps.pulse.state ?? {}
    return sequence < last - RECENT || (await this.timeOf(sequence)) === time
  }

  /** When the leader stored a message, unix ms; undefined when it does not have it. */
  private async timeOf(seq: number): Promise<number | undefined> {
    const { jsm, stream, clock } = this.deps
    const stored = await within(clock, REQUEST_MS_MAX, jsm.streams.getMessage(stream, { seq }), () => {
      throw new SwitchboardError('unavailable', 'the stream has no leader that answers', { retryAfterSeconds: 2 })
    })
    return stored?.time.getTime()
  }

  /** Stops a consumer that says nothing any more. */
  private watch(messages: ConsumerMessages): () => void {
    const { clock, pulse, replica } = this.deps
    let cancel = () => {}
    void this.listen(messages)
    const look = () => {
      const { state } = pulse
      const isBehind = state !== undefined && state.last > replica.takenSequence
      const silentMs = clock.monotonic() - this.heardAt
      if (isBehind && silentMs > HEARTBEAT_MS / 2) this.fetch(state.last)
      if (silentMs > SILENT_MS_MAX || replica.fault) messages.stop()
      else cancel = clock.after(WATCH_MS, look)
    }
    cancel = clock.after(WATCH_MS, look)
    return () => cancel()
  }

  private async listen(messages: ConsumerMessages): Promise<void> {
    for await (const { type } of messages.status()) {
      if (type === 'heartbeat' || type === 'next') this.heardAt = this.deps.clock.monotonic()
    }
  }

  /** After a fault of the copy: goes back to what is written, once there is a place to write again. */
  private mend(): void {
    const { replica } = this.deps
    if (replica.fault && replica.log.health().writable) replica.restart()
  }

  private async fetchWanted(): Promise<void> {
    const { replica, clock, givesBatches } = this.deps
    let isProven = false
    while (!this.stopped && !replica.fault && replica.takenSequence < this.wanted) {
      // What fails here, the consumer or the next attempt does better.
      isProven ||= await this.isSame().catch(() => false)
      if (isProven && givesBatches() && (await this.fetchBatch().catch(() => false))) continue
      if (isProven && (await this.fetchOne().catch(() => false))) continue
      // Whoever was asked is behind, or away; and may come back as another.
      isProven = false
      await pause(clock, AGAIN_MS)
    }
  }

  /** Takes the next message; false when there was none. */
  private async fetchOne(): Promise<boolean> {
    const { jsm, stream, clock } = this.deps
    const message = await within(clock, REQUEST_MS_MAX, jsm.direct.getMessage(stream, this.next()), () => null)
    return message !== null && this.handStored(message)
  }

  /** Takes the next messages; false when there were none. Proven against a stand-in alone: there was no such server. */
  private async fetchBatch(): Promise<boolean> {
    const { jsm, stream, clock } = this.deps
    const messages = await jsm.direct.getBatch(stream, { ...this.next(), batch: BATCH_MAX })
    let cancel = () => {}
    const wait = () => {
      cancel()
      cancel = clock.after(REQUEST_MS_MAX, () => messages.stop())
    }
    let isAny = false
    wait()
    try {
      for await (const message of messages) {
        if (this.stopped || !(await this.handStored(message))) break
        isAny = true
        wait()
      }
    } finally {
      cancel()
      messages.stop()
    }
    return isAny
  }

  private next() {
    return { seq: this.deps.replica.takenSequence + 1, next_by_subj: '>' }
  }

  private async handStored(message: StoredMsg): Promise<boolean> {
    const stored = fromStore(message)
    if (!(await this.isNext(message.seq)) || !(await this.isTrue(stored))) return false
    await this.hand(stored)
    return true
  }

  /**
   * True when the stream has nothing between what the copy has and a message. Any server may answer for the stream, also
   * one that lacks a part: what seems to have been purged is only believed of the leader.
   */
  private async isNext(sequence: number): Promise<boolean> {
    const { jsm, stream, replica, clock } = this.deps
    const seq = replica.takenSequence + 1
    if (sequence <= seq) return true
    return within(
      clock,
      REQUEST_MS_MAX,
      jsm.streams.getMessage(stream, { seq }).then((found) => found === null),
      () => false,
    )
  }
}

function fromConsumer(message: JsMsg) {
  return {
    sequence: message.seq,
    // Exact: as a number, the last digits would round a millisecond up here and not there.
    time: Number(message.timestampNanos / 1_000_000n),
    id: message.headers?.get(MSG_ID) ?? '',
    data: message.data,
  }
}

function fromStore(message: StoredMsg) {
  return {
    sequence: message.seq,
    time: message.time.getTime(),
    id: message.header?.get(MSG_ID) ?? '',
    data: message.data,
  }
}
