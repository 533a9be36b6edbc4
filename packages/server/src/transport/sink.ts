import { limits } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import type { Sink } from '../fanout/cursor.js'

/** The part of a socket, or of a response, that a sink writes to. */
export interface WritableEnd {
  write(bytes: Buffer): boolean
  on(event: 'drain', listener: () => void): unknown
  removeListener(event: 'drain', listener: () => void): unknown
  /** Bytes that wait in this process. */
  readonly writableLength?: number | undefined
}

/** What Node has below a socket. */
interface Handle {
  readonly writeQueueSize?: number
  readonly _parent?: Handle | null
}

/** How often a full socket is looked at before it counts as stalled. */
const LOOKS = 4

/**
 * One subscriber's socket as a cursor sees it. At most one write and a few small frames ever wait in this process: a
 * full sink is given nothing until it has drained, and one that takes nothing for `limits.stalledMsMax` is given up.
 */
export class SocketSink implements Sink {
  readonly #end: WritableEnd
  readonly #wrap: (bytes: Buffer) => Buffer
  readonly #clock: Clock
  readonly #onStalled: () => void
  readonly #isOpen: () => boolean
  #drained: () => void = () => {}
  #full = false
  #cancelLook: (() => void) | undefined
  #closed = false
  /** Monotonic milliseconds of the last write: silence is counted from here. */
  lastWriteAt: number

  constructor(
    end: WritableEnd,
    options: {
      readonly clock: Clock
      readonly onStalled: () => void
      readonly wrap?: (bytes: Buffer) => Buffer
      /** False once nothing may follow what was written, as after a close frame: bytes are then dropped. */
      readonly isOpen?: () => boolean
    },
  ) {
    this.#end = end
    this.#clock = options.clock
    this.#wrap = options.wrap ?? ((bytes) => bytes)
    this.#onStalled = options.onStalled
    this.#isOpen = options.isOpen ?? (() => true)
    this.lastWriteAt = options.clock.monotonic()
    end.on('drain', this.#onSocketDrain)
  }

  get full(): boolean {
    return this.#full
  }

  write(bytes: Buffer): 'more' | 'full' {
    if (this.#closed || !this.#isOpen()) return 'full'
    this.lastWriteAt = this.#clock.monotonic()
    const below = this.#end.write(this.#wrap(bytes))
    // A large write is "above the high-water mark" even when the kernel took it at once: then nothing waits.
    if (below || this.#end.writableLength === 0) return 'more'
    if (!this.#full) {
      this.#full = true
      this.#look(LOOKS, this.#progress())
    }
    return 'full'
  }

  onDrain(listener: () => void): void {
    this.#drained = listener
  }

  /** Nothing is written, and nobody is told of a drain, after this. */
  close(): void {
    this.#closed = true
    this.#cancelLook?.()
    this.#end.removeListener('drain', this.#onSocketDrain)
  }

  readonly #onSocketDrain = (): void => {
    if (!this.#full) return
    this.#full = false
    this.#cancelLook?.()
    this.#drained()
  }

  #look(left: number, before: string): void {
    this.#cancelLook = this.#clock.after(limits.stalledMsMax / LOOKS, () => {
      const now = this.#progress()
      if (now !== before) this.#look(LOOKS, now)
      else if (left > 1) this.#look(left - 1, now)
      else this.#onStalled()
    })
  }

  /** Changes whenever the peer takes something: a slow reader is not a stalled one. */
  #progress(): string {
    const { _handle: handle } = this.#end as { _handle?: Handle | null }
    // TLS lets go of what it has encrypted in large parts: what moves in between is the socket below it.
    const queues = [handle?.writeQueueSize, handle?._parent?.writeQueueSize]
    return [this.#end.writableLength, ...queues].join(':')
  }
}
