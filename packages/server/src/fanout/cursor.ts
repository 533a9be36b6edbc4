import {
  type Catalogue,
  type FailureCode,
  formatPosition,
  limits,
  type Position,
  SwitchboardError,
} from '@switchboard/contract'
import type { Channel, Log, Page } from '../log/log.js'
import { type CursorEvent, type CursorState, next } from './cursor-state.js'
import { type Gap, gapOf } from './gap.js'
import { replay } from './replay.js'
import type { Ring } from './ring.js'
import type { View } from './view.js'

/** Where a cursor's bytes go: one subscriber's socket. */
export interface Sink {
  /** Takes shared bytes, which are whole frames and are never changed. After `full`, nothing more until it has drained. */
  write(bytes: Buffer): 'more' | 'full'
  /** Calls the one listener each time it can take more after having been full. */
  onDrain(listener: () => void): void
}

export interface CursorOptions {
  /** Begin after this entry. */
  readonly after: Position
  readonly view: View
  readonly sink: Sink
  /** The frame that tells the subscriber of a gap met on the way; `resumeFrom` is a point beyond it, if there is one. */
  gapFrame(gap: Gap, resumeFrom: Position | undefined): Buffer
  /** Called each time nothing is left to hand over. */
  onSettled?(): void
  /** Called when an entry of this type was handed over. */
  readonly watch?: { readonly type: string; passed(): void }
  /** The log cannot be read: the cursor has closed itself. */
  onFailed(code: FailureCode, cause: unknown): void
}

/** A subscriber's place in a channel. */
export interface Cursor {
  /** All up to it was handed to the sink or did not pass the view: a safe point to resume from. */
  readonly position: Position
  /** Events that were handed to the sink. */
  readonly delivered: number
  /** Asks for `onSettled` once nothing is left to hand over. */
  nudge(): void
  /** Nothing is written after this returns. */
  close(): void
}

/** What a cursor is given by its tail. */
export interface CursorSource {
  readonly channel: Channel
  readonly log: Log
  readonly catalogue: Catalogue
  readonly ring: Ring
  /** Asks for `flush` on the next turn. */
  wake(cursor: ChannelCursor): void
  leave(cursor: ChannelCursor): void
  delivered(events: number, bytes: number): void
  gap(): void
}

/**
 * Reads the ring while it stands on the tail, and pages the log while it does not. Between the log and the socket there
 * is no queue: what the socket does not take is read again.
 *
 * The handover has no seam, in either direction, because both sides go by sequence: a ring holds everything after
 * `since`, and a cursor takes from it only when it has everything up to `since`.
 */
export class ChannelCursor implements Cursor {
  readonly #source: CursorSource
  readonly #options: CursorOptions
  #state: CursorState
  #reading = false
  #delivered = 0

  constructor(source: CursorSource, options: CursorOptions) {
    this.#source = source
    this.#options = options
    this.#state = { kind: 'reading-log', place: { position: options.after, through: options.after.sequence } }
    options.sink.onDrain(() => {
      this.#become({ kind: 'drained-socket' })
      if (this.#state.kind !== 'closed') source.wake(this)
    })
  }

  get kind(): CursorState['kind'] {
    return this.#state.kind
  }

  get position(): Position {
    const { kind, place } = this.#state
    // On the tail with nothing left to take: all that was examined since did not pass the view.
    const { ring } = this.#source
    const idle = kind === 'on-tail' && ring.covers(place.through) && !ring.hasAfter(place.through)
    const { examined } = ring
    return idle && examined && examined.sequence > place.through ? examined : place.position
  }

  get delivered(): number {
    return this.#delivered
  }

  nudge(): void {
    if (this.#state.kind !== 'closed') this.#source.wake(this)
  }

  close(): void {
    this.#end('client')
  }

  /** Hands over what the ring has, at most one write of it. Called once per turn. */
  flush(): void {
    if (this.#state.kind === 'reading-log' && !this.#reading) this.#enterTail()
    if (this.#state.kind === 'reading-log') {
      if (!this.#reading) void this.#readLog()
      return
    }
    if (this.#state.kind !== 'on-tail') return
    const { ring } = this.#source
    const { through } = this.#state.place
    if (!ring.covers(through)) {
      this.#become({ kind: 'fell-behind' })
      void this.#readLog()
      return
    }
    const slice = ring.after(through)
    if (slice === undefined) {
      if (ring.examined && ring.examined.sequence > through) {
        this.#become({ kind: 'advanced', position: ring.examined })
      }
      this.#options.onSettled?.()
      return
    }
    this.#write(slice.bytes, slice.count, slice.last, slice)
    // Whatever is left waits for the next turn, so that no subscriber holds up the others.
    if (this.kind === 'on-tail') {
      if (ring.hasAfter(slice.last.sequence)) this.#source.wake(this)
      else this.#options.onSettled?.()
    }
  }

  /** Pages the log until the tail is reached or the socket is full. */
  async #readLog(): Promise<void> {
    const { log, channel, ring } = this.#source
    this.#reading = true
    try {
      while (this.#state.kind === 'reading-log') {
        const { through } = this.#state.place
        const page = await log.read(channel, through, limits.writeBytesMax)
        if (this.#state.kind !== 'reading-log') break
        if ((page.blocks[0]?.first ?? 0) !== through + 1) await this.#tellOfRemoved()
        if (this.#state.kind !== 'reading-log') break
        await this.#sendPage(page)
        if (this.#state.kind !== 'reading-log') break
        // Nothing came after this page when it was read, and the tail is fed since before that.
        if (page.reachedHead) ring.beginAfter(this.#state.place.through)
        this.#enterTail()
      }
    } catch (error) {
      const code =
        error instanceof SwitchboardError && error.code === 'unavailable' ? 'stream_unavailable' : 'stream_error'
      this.fail(code, error)
    } finally {
      this.#reading = false
    }
    // On the tail there may be news already. And if the socket filled and drained meanwhile, the next turn reads on.
    if (this.#state.kind !== 'closed') this.#source.wake(this)
  }

  #enterTail(): void {
    if (this.#state.kind === 'reading-log' && this.#source.ring.covers(this.#state.place.through)) {
      this.#become({ kind: 'reached-tail' })
    }
  }

  async #sendPage(page: Page): Promise<void> {
    const { catalogue } = this.#source
    for (const step of replay(catalogue, this.#options.view, page.blocks, this.#state.place.through)) {
      if (step.kind === 'entries') {
        if (step.bytes) this.#write(step.bytes, step.count, step.reached, step)
        else this.#become({ kind: 'advanced', position: step.reached })
      } else {
        await this.#tellOfDamage(step.from, step.to)
      }
      if (this.#state.kind !== 'reading-log') return
    }
  }

  #write(bytes: Buffer, events: number, reached: Position, passed: { readonly types: readonly string[] }): void {
    const { sink, watch } = this.#options
    this.#become({ kind: 'advanced', position: reached })
    this.#delivered += events
    this.#source.delivered(events, bytes.length)
    if (sink.write(bytes) === 'full') this.#become({ kind: 'filled-socket' })
    if (watch !== undefined && passed.types.includes(watch.type)) watch.passed()
  }

  /** Retention or an erasure was faster than this reader: it is told, and goes on with the oldest kept. */
  async #tellOfRemoved(): Promise<void> {
    const { log, channel } = this.#source
    const bounds = await log.bounds(channel)
    const { removed } = bounds
    const { place, kind } = this.#state
    if (kind !== 'reading-log' || removed === undefined || removed.sequence <= place.through) return
    const gap = gapOf('history_truncated', formatPosition(place.position), bounds, channel.workspace)
    this.#become({ kind: 'advanced', position: removed })
    this.#tell(gap, removed)
  }

  async #tellOfDamage(from: number, to: number): Promise<void> {
    const { log, channel } = this.#source
    const bounds = await log.bounds(channel)
    const { place, kind } = this.#state
    if (kind !== 'reading-log') return
    const gap = gapOf('history_damaged', formatPosition(place.position), bounds, channel.workspace)
    this.#become({ kind: 'skipped', through: to })
    // No position to resume from: whoever comes back before the next entry is told again.
    this.#tell({ ...gap, damaged: { from, to } }, undefined)
  }

  #tell(gap: Gap, resumeFrom: Position | undefined): void {
    const { sink, gapFrame } = this.#options
    this.#source.gap()
    if (sink.write(gapFrame(gap, resumeFrom)) === 'full') this.#become({ kind: 'filled-socket' })
  }

  fail(code: FailureCode, cause: unknown): void {
    if (this.#state.kind === 'closed') return
    this.#end(code)
    this.#options.onFailed(code, cause)
  }

  #end(why: FailureCode | 'client'): void {
    if (this.#state.kind === 'closed') return
    this.#become({ kind: 'ended', why })
    this.#source.leave(this)
  }

  #become(event: CursorEvent): void {
    this.#state = next(this.#state, event)
  }
}
