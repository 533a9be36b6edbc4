import type { Duplex } from 'node:stream'
import { DefaultSerializer, deserialize } from 'node:v8'

/** Bytes before a message: its length, u32 little endian. */
const LENGTH_BYTES = 4

/** A message as it goes over a pipe. The same frame may go over many: it is encoded once, however many workers there are. */
export type Frame = Buffer

/** @throws Error when something in the message cannot be cloned, such as a function. */
export function encodeMessage(message: unknown): Frame {
  const serializer = new DefaultSerializer()
  serializer.writeRawBytes(Buffer.alloc(LENGTH_BYTES))
  serializer.writeHeader()
  serializer.writeValue(message)
  const frame = serializer.releaseBuffer()
  frame.writeUInt32LE(frame.length - LENGTH_BYTES, 0)
  return frame
}

/**
 * Messages between two processes, in order, over a stream of bytes of their own.
 *
 * Not over Node's IPC channel: that one is the cluster module's, and lets nothing pass while a connection that it hands to
 * a worker has not been confirmed; and it neither sends one encoded message to many nor tells how much it holds.
 */
export class Pipe {
  private held: Buffer[] = []
  private heldBytes = 0
  private isCorked = false

  /** @param onMessage Called for each message, in order. It must not throw. */
  constructor(
    private readonly stream: Duplex,
    private readonly onMessage: (message: unknown) => void,
    onClose: () => void,
  ) {
    stream.on('data', (bytes: Buffer) => this.take(bytes))
    // Its end follows; what was wrong with a pipe whose other end has died is no news.
    stream.on('error', () => {})
    stream.once('close', onClose)
    // A half of it is of no use: the other process has ended, or is about to.
    stream.once('end', () => stream.destroy())
  }

  /** Bytes that the other process has not taken off yet, as far as this process still holds them. */
  get waitingBytes(): number {
    return this.stream.writableLength
  }

  send(frame: Frame): void {
    if (this.stream.destroyed) return
    // All that one turn of the event loop has to say goes in one write.
    if (!this.isCorked) {
      this.isCorked = true
      this.stream.cork()
      setImmediate(() => {
        this.isCorked = false
        this.stream.uncork()
      })
    }
    this.stream.write(frame)
  }

  /** Sends what waits, then ends it. */
  end(): void {
    this.stream.end()
  }

  /** Ends it at once. */
  destroy(): void {
    this.stream.destroy()
  }

  private take(bytes: Buffer): void {
    this.held.push(bytes)
    this.heldBytes += bytes.length
    if (this.heldBytes < this.frameBytes()) return
    let rest = this.held.length === 1 ? bytes : Buffer.concat(this.held, this.heldBytes)
    for (;;) {
      if (rest.length < LENGTH_BYTES) break
      const end = LENGTH_BYTES + rest.readUInt32LE(0)
      if (rest.length < end) break
      this.onMessage(deserialize(rest.subarray(LENGTH_BYTES, end)))
      rest = rest.subarray(end)
    }
    this.held = rest.length === 0 ? [] : [rest]
    this.heldBytes = rest.length
  }

  /** How long the frame is that has begun to arrive, as far as its length has arrived whole. */
  private frameBytes(): number {
    const [first] = this.held
    return first !== undefined && first.length >= LENGTH_BYTES ? LENGTH_BYTES + first.readUInt32LE(0) : LENGTH_BYTES
  }
}
