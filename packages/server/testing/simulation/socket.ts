import type { WritableEnd } from '../../src/transport/sink.js'

/** The other end of a connection. */
export interface Peer {
  received(bytes: Buffer): void
  /** Nothing more will come. */
  ended(): void
}

/** Room in the network and in what a socket holds before it calls itself full. */
export interface SocketRoom {
  readonly networkBytes: number
  readonly highWaterBytes: number
  /** What may ever wait in the process: one write, and the few small frames that may be written beside it. */
  readonly waitingBytesMax: number
  /** Told when more waits. */
  onCrowded(bytes: number): void
}

/**
 * A connection whose bytes move when the schedule says so.
 *
 *     write ──▶ waiting in the process ──▶ network ──deliver──▶ peer
 */
export class SimulatedSocket implements WritableEnd {
  readonly #room: SocketRoom
  readonly #peer: Peer
  #waiting: Buffer[] = []
  #network: Buffer[] = []
  #waitingBytes = 0
  #networkBytes = 0
  #needsDrain = false
  #drain: () => void = () => {}
  #gone: () => void = () => {}
  #state: 'open' | 'finished' | 'cut' = 'open'
  /** The peer has left, and the process has not heard of it. */
  #left = false

  constructor(room: SocketRoom, peer: Peer) {
    this.#room = room
    this.#peer = peer
  }

  get writableLength(): number {
    return this.#waitingBytes
  }

  get isGone(): boolean {
    return this.#state !== 'open'
  }

  /** True when the network has something for the peer. */
  get hasMail(): boolean {
    return !this.#left && (this.#networkBytes > 0 || this.#state !== 'open')
  }

  write(bytes: Buffer): boolean {
    if (this.#state !== 'open') return false
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    this.#fillNetwork()
    if (this.#waitingBytes > this.#room.waitingBytesMax) this.#room.onCrowded(this.#waitingBytes)
    const isFull = this.#waitingBytes >= this.#room.highWaterBytes
    this.#needsDrain ||= isFull
    return !isFull
  }

  on(_: 'drain', listener: () => void): void {
    this.#drain = listener
  }

  removeListener(): void {
    this.#drain = () => {}
  }

  onGone(listener: () => void): void {
    this.#gone = listener
  }

  /** The process ends it after what was written. */
  finish(): void {
    if (this.#state === 'open') this.#state = 'finished'
  }

  /** The process, or its death, ends it at once: what waits there is lost. */
  cut(): void {
    if (this.#state === 'cut') return
    this.#state = 'cut'
    this.#waiting = []
    this.#waitingBytes = 0
    this.#gone()
  }

  /** The peer goes without a word. */
  leave(): void {
    this.#left = true
  }

  /** The network hands over some bytes. */
  deliver(bytesMax: number): void {
    let left = bytesMax
    while (left > 0 && this.#network.length > 0) {
      const first = this.#network[0] as Buffer
      const part = first.subarray(0, left)
      if (part.length === first.length) this.#network.shift()
      else this.#network[0] = first.subarray(part.length)
      left -= part.length
      this.#networkBytes -= part.length
      this.#peer.received(part)
    }
    if (this.#state !== 'cut') this.#fillNetwork()
    if (this.#networkBytes === 0 && this.#waitingBytes === 0 && this.#state !== 'open') this.#end()
  }

  #end(): void {
    if (this.#left) return
    this.#left = true
    this.#peer.ended()
    this.cut()
  }

  #fillNetwork(): void {
    while (this.#waiting.length > 0 && this.#networkBytes < this.#room.networkBytes) {
      const first = this.#waiting[0] as Buffer
      const part = first.subarray(0, this.#room.networkBytes - this.#networkBytes)
      if (part.length === first.length) this.#waiting.shift()
      else this.#waiting[0] = first.subarray(part.length)
      this.#waitingBytes -= part.length
      this.#network.push(part)
      this.#networkBytes += part.length
    }
    if (!this.#needsDrain || this.#waitingBytes > 0) return
    this.#needsDrain = false
    // Whoever writes is told on its own turn, as Node does.
    queueMicrotask(() => this.#drain())
  }
}
