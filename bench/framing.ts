/** Takes a part of a buffer, whose memory is another's again afterwards. */
export type Take = (bytes: Buffer, from: number, to: number) => void

const LF = 10
const CRLF_BYTES = 2
const FIN = 0x80
const MASKED = 0x80
const LENGTH_BITS = 0x7f
const OPCODE_BITS = 0x0f
const FIRST_CONTROL_OPCODE = 8
const LENGTH_16 = 126
const LENGTH_64 = 127
const HEAD_BYTES_MAX = 10
const MASK_BYTES = 4

export const CLOSE = 8
export const PING = 9
export const PONG = 10

/** What stands in chunks of `transfer-encoding: chunked`, in pieces of any size. */
export class Chunks {
  private size = 0
  private left = 0
  /** Of the line end behind a chunk. */
  private skipped = CRLF_BYTES
  private isInSize = true
  private isInExtension = false

  constructor(private readonly take: Take) {}

  push(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      if (this.left > 0) {
        const end = Math.min(to, at + this.left)
        this.take(bytes, at, end)
        this.left -= end - at
        at = end
      } else if (this.skipped < CRLF_BYTES) {
        this.skipped += 1
        at += 1
        if (this.skipped === CRLF_BYTES) this.isInSize = true
      } else if (this.isInSize) this.takeSize(bytes[at++] ?? 0)
      else this.skipped = 0
    }
  }

  private takeSize(byte: number): void {
    if (byte === LF) {
      this.left = this.size
      this.size = 0
      this.isInSize = this.isInExtension = false
      return
    }
    const digit = this.isInExtension ? Number.NaN : Number.parseInt(String.fromCharCode(byte), 16)
    if (Number.isNaN(digit)) this.isInExtension = true
    else this.size = this.size * 16 + digit
  }
}

/** What stands in the messages that a WebSocket server sends (RFC 6455, section 5.2), in pieces of any size. */
export class Messages {
  private readonly head = new Uint8Array(HEAD_BYTES_MAX)
  private had = 0
  private left = 0
  private control: number[] = []

  /** @param onControl Hears of close, ping and pong. */
  constructor(
    private readonly take: Take,
    private readonly onControl: (opcode: number, payload: Uint8Array) => void,
  ) {}

  push(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      if (this.left > 0) {
        const end = Math.min(to, at + this.left)
        if (this.isControl) this.control.push(...bytes.subarray(at, end))
        else this.take(bytes, at, end)
        this.left -= end - at
        at = end
      } else {
        this.head[this.had++] = bytes[at++] ?? 0
        if (this.had < this.headBytes) continue
        this.left = this.length
      }
      if (this.left === 0) this.endFrame()
    }
  }

  private get isControl(): boolean {
    return this.opcode >= FIRST_CONTROL_OPCODE
  }

  private get opcode(): number {
    return (this.head[0] ?? 0) & OPCODE_BITS
  }

  private get headBytes(): number {
    if (this.had < 2) return 2
    const short = (this.head[1] ?? 0) & LENGTH_BITS
    if (short < LENGTH_16) return 2
    return short === LENGTH_64 ? HEAD_BYTES_MAX : 4
  }

  private get length(): number {
    if (this.headBytes === 2) return (this.head[1] ?? 0) & LENGTH_BITS
    let length = 0
    for (let at = 2; at < this.headBytes; at++) length = length * 256 + (this.head[at] ?? 0)
    return length
  }

  private endFrame(): void {
    if (this.isControl) {
      this.onControl(this.opcode, Uint8Array.from(this.control))
      this.control = []
    }
    this.had = 0
  }
}

/** A control frame as a client must send it. Its mask is that of zeros, which changes nothing. */
export function clientFrame(opcode: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([FIN | opcode, MASKED | payload.length]), Buffer.alloc(MASK_BYTES), payload])
}
