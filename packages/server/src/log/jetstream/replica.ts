import type { SwitchboardError } from '@switchboard/contract'
import type { Draft } from '../draft.js'
import type { LmdbLog } from '../lmdb-log.js'
import type { Applied } from './applied.js'
import { Applying, asFailure, type Outcome, type StreamMessage } from './applying.js'
import { type AppendMessage, type CarryMessage, decodeMessage, type RemovalMessage } from './message.js'
import { forgetPartials } from './partial.js'
import { Parts } from './parts.js'
import { rememberPurge } from './purges.js'
import { lacksKeys, openContent } from './sealed-lines.js'
import type { StreamClock } from './stream-clock.js'
import type { SubjectKeys } from './subject-keys.js'

/** Messages taken in and not yet written, in bytes. Above it the follower waits. */
export const BACKLOG_BYTES_MAX = 16 * 1024 * 1024

/**
 * A copy of one partition, made by applying its stream's messages in their order. All it does depends on the messages
 * alone, not on clocks and not on who publishes: every copy comes to the same entries, the same positions, the same
 * repeats and the same records.
 *
 *     stream     [ 7 ][ 8 ][ 9 ][ 10 ]
 *     taken                       ▲         handed over by the follower, in order, each once
 *     applied          ▲                    written, and so to be read and told to followers
 */
export class Replica {
  private applied: Applied
  private taken: number
  private backlog = 0
  private readonly parts = new Parts()
  private readonly queue: StreamMessage[] = []
  private isPumping = false
  private isEnded = false
  private readonly outcomes = new Map<string, (outcome: Outcome) => void>()
  private waiting: { readonly sequence: number; readonly resolve: () => void }[] = []
  private readonly room: (() => void)[] = []
  /** Raised when what was taken and not written must be taken again. */
  private generation = 0
  private stopped: SwitchboardError | undefined
  private retained = 0

  constructor(
    readonly log: LmdbLog,
    start: Applied,
    private readonly clock: StreamClock,
    /** Told of messages that are none of ours. */
    private readonly onForeign: (sequence: number) => void,
    /** What personal data in messages is sealed with; undefined where it is in clear text. */
    private readonly keys?: SubjectKeys | undefined,
  ) {
    this.applied = start
    this.taken = start.from - 1
  }

  /** The last message whose effects can be read. */
  get appliedSequence(): number {
    return this.applied.sequence
  }

  /** When the stream was made that it is a copy of. */
  get stream(): string {
    return this.applied.stream
  }

  /** The last message whose effects can be read, with the stream's time of it in unix ms. */
  get newest(): { readonly sequence: number; readonly time: number } {
    return this.applied
  }

  /** The last message taken in: the follower goes on behind it. */
  get takenSequence(): number {
    return this.taken
  }

  /** What is older than this is gone; unix ms. 0 while nothing was removed since the start. */
  get retainedBefore(): number {
    return this.retained
  }

  /** Why nothing is written any more, for example because the disk is full; undefined when all is well. */
  get fault(): SwitchboardError | undefined {
    return this.stopped
  }

  /** Takes the stream's next message. One that was taken before is passed over, so that two sources may feed it. */
  take(message: StreamMessage): void {
    if (message.sequence <= this.taken || this.stopped) return
    this.taken = message.sequence
    this.backlog += message.data.length
    this.queue.push(message)
    if (!this.isPumping) void this.pump()
  }

  /** Resolves when there is room for more. */
  async hasRoom(): Promise<void> {
    if (this.backlog <= BACKLOG_BYTES_MAX || this.stopped) return
    await new Promise<void>((resolve) => void this.room.push(resolve))
  }

  /** Begins again behind what is written, after a fault. Whoever feeds it must go back there too. */
  restart(): void {
    this.generation += 1
    this.queue.length = 0
    this.backlog = 0
    this.taken = this.applied.from - 1
    this.stopped = undefined
  }

  /** Waits for nobody any more. */
  end(): void {
    this.isEnded = true
  }

  /** Asks for the outcome of the message that will be called `id`. The answer takes the question back. */
  expect(id: string, told: (outcome: Outcome) => void): () => void {
    this.outcomes.set(id, told)
    return () => this.outcomes.delete(id)
  }

  /** Resolves when the effects of a message, and of all before it, can be read. `cancel` ends the wait. */
  reached(sequence: number): { readonly promise: Promise<void>; readonly cancel: () => void } {
    if (this.applied.sequence >= sequence) return { promise: Promise.resolve(), cancel() {} }
    let entry: { sequence: number; resolve: () => void } | undefined
    const promise = new Promise<void>((resolve) => {
      entry = { sequence, resolve }
      this.waiting.push(entry)
    })
    return {
      promise,
      cancel: () => {
        this.waiting = this.waiting.filter((each) => each !== entry)
      },
    }
  }

  /**
   * The stream holds nothing between what was taken and `sequence`: the messages that were there have been purged. Whoever
   * waits for one of them waits no longer.
   */
  passOver(sequence: number): void {
    this.take({ sequence, time: this.applied.time, id: '', data: EMPTY })
  }

  private async pump(): Promise<void> {
    this.isPumping = true
    const { generation } = this
    try {
      await this.drain(generation)
    } catch (error) {
      // Its disk is full, or a key is not the deployment's.
      this.failed(asFailure(error), generation)
    }
    this.isPumping = false
    // Begun again meanwhile.
    if (this.queue.length > 0 && !this.stopped) void this.pump()
  }

  private async drain(generation: number): Promise<void> {
    for (let message = this.queue.shift(); message; message = this.queue.shift()) {
      const read = message.data.length === 0 ? undefined : decodeMessage(message.data)
      if (read === undefined) {
        if (message.data.length > 0) this.onForeign(message.sequence)
        this.push(message, undefined)
      } else if (read.kind === 'append' || read.kind === 'carry') {
        const opened = this.opened(message, read)
        // Mostly at once: what is pushed in one turn is written in one group.
        const content = opened instanceof Promise ? await opened : opened
        if (generation !== this.generation) break
        this.push(message, content)
      } else if (read.kind === 'part') {
        const whole = this.parts.add(read.part, read.bytes, message.sequence, message.time)
        const batch = whole && decodeMessage(whole)
        const isContent = batch?.kind === 'append' || batch?.kind === 'carry'
        const opened = isContent ? this.opened(message, batch) : undefined
        const content = opened instanceof Promise ? await opened : opened
        if (generation !== this.generation) break
        this.push(message, content)
      } else if (message.sequence <= this.applied.sequence) {
        // Read again for the sake of a batch: what came after it must not go as well.
        this.push(message, undefined)
      } else {
        // What removes must see exactly what came before it, and nothing that comes after.
        await this.settled()
        if (this.stopped) break
        const entries = await this.remove(read)
        if (generation !== this.generation) break
        const also = (draft: Draft) => {
          if (read.kind === 'retain') forgetPartials(this.log.environment, draft, read.before)
          else if (read.kind === 'erase') {
            rememberPurge(draft, { channel: read.channel, sequence: message.sequence, time: message.time })
          }
        }
        this.push(message, undefined, { kind: 'removed', entries }, also)
      }
    }
  }

  /** What a message says, with the personal data whose keys there are. */
  private opened(
    { sequence }: StreamMessage,
    content: AppendMessage | CarryMessage,
  ): AppendMessage | CarryMessage | Promise<AppendMessage | CarryMessage> {
    const { keys } = this
    if (content.sealed === undefined || sequence <= this.applied.sequence) return content
    if (keys === undefined || !lacksKeys(keys, content)) return openContent(keys, content)
    return this.refreshed(keys).then(() => openContent(keys, content))
  }

  /** A key was put before the append that needs it: whatever is not there then was destroyed. */
  private async refreshed(keys: SubjectKeys): Promise<void> {
    const { generation } = this
    for (;;) {
      try {
        return await keys.refresh()
      } catch (error) {
        if (this.isEnded || this.stopped || generation !== this.generation) throw error
      }
    }
  }

  /** Answers how many entries went, as far as that is counted. */
  private async remove(message: RemovalMessage): Promise<number> {
    if (message.kind === 'retain') {
      this.retained = Math.max(this.retained, message.before)
      return this.log.retain(message.before)
    }
    if (message.kind === 'forget') {
      const { workspace, subject, through } = message
      this.keys?.void(workspace, subject, through)
      if (this.keys) await this.log.eraseData(workspace, subject)
      return 0
    }
    await this.log.erase(message.channel)
    return 0
  }

  private push(
    message: StreamMessage,
    content: AppendMessage | CarryMessage | undefined,
    outcome?: Outcome,
    also: (draft: Draft) => void = () => {},
  ): void {
    this.parts.forget(message.time)
    const { sequence } = message
    const { generation } = this
    this.log.push(
      new Applying(message, content, outcome, {
        log: this.log,
        isCurrent: () => generation === this.generation && this.stopped === undefined,
        isNew: sequence > this.applied.sequence,
        also,
        applied: { ...this.applied, sequence, time: message.time, from: this.parts.oldest ?? sequence + 1 },
        done: (result, applied) => this.done(message, result, applied),
        failed: (error) => this.failed(error, generation),
      }),
    )
  }

  private done({ id, data }: StreamMessage, outcome: Outcome | undefined, applied: Applied): void {
    if (applied.sequence > this.applied.sequence) {
      this.applied = applied
      this.clock.time = Math.max(this.clock.time, applied.time)
    }
    this.backlog -= data.length
    if (outcome && this.outcomes.size > 0) {
      const told = this.outcomes.get(id)
      this.outcomes.delete(id)
      told?.(outcome)
    }
    if (this.waiting.length > 0) {
      const { sequence } = this.applied
      const met = this.waiting.filter((each) => each.sequence <= sequence)
      this.waiting = this.waiting.filter((each) => each.sequence > sequence)
      for (const { resolve } of met) resolve()
    }
    if (this.room.length > 0 && this.backlog <= BACKLOG_BYTES_MAX) this.makeRoom()
  }

  private failed(error: SwitchboardError, generation: number): void {
    if (generation !== this.generation || this.stopped) return
    this.stopped = error
    this.makeRoom()
  }

  private makeRoom(): void {
    for (const resolve of this.room.splice(0)) resolve()
  }

  /** Resolves when everything pushed so far is written, or has failed. */
  private settled(): Promise<void> {
    return new Promise((resolve) => {
      const noted = {
        entries: 0,
        chars: 0,
        alone: false,
        whenFull: true,
        prepare() {},
        done: resolve,
        failed: () => resolve(),
      }
      this.log.push(noted)
    })
  }
}

const EMPTY = new Uint8Array()
