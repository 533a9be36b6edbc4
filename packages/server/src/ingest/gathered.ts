/** A piece from this size on is kept as it came; smaller ones are copied together. */
const KEPT_BYTES_MIN = 4096
/** What is set aside for small pieces at a time: it doubles from the one to the other. */
const ROOM_BYTES = { min: 512, max: 64 * 1024 }

/**
 * Bytes that arrive in pieces and are wanted whole. A piece costs a few hundred bytes of bookkeeping, so 5 MiB that come
 * in chunks of one byte would take gigabytes: small pieces are therefore copied together. What comes as one piece is not
 * copied.
 */
export class Gathered {
  private readonly done: Buffer[] = []
  private room: Buffer | undefined
  private used = 0

  get isEmpty(): boolean {
    return this.done.length === 0 && this.room === undefined
  }

  add(piece: Buffer): void {
    if (piece.length >= KEPT_BYTES_MIN || this.isEmpty) {
      this.close()
      this.done.push(piece)
      return
    }
    let from = 0
    while (from < piece.length) {
      if (this.room === undefined || this.used === this.room.length) this.open()
      const copied = piece.copy(this.room as Buffer, this.used, from)
      this.used += copied
      from += copied
    }
  }

  /** What was added, in that order. */
  whole(): Buffer {
    this.close()
    return this.done.length === 1 ? (this.done[0] as Buffer) : Buffer.concat(this.done)
  }

  private open(): void {
    const bytes = this.room === undefined ? ROOM_BYTES.min : Math.min(this.room.length * 2, ROOM_BYTES.max)
    this.close()
    this.room = Buffer.allocUnsafe(bytes)
    this.used = 0
  }

  private close(): void {
    if (this.room !== undefined && this.used > 0) this.done.push(this.room.subarray(0, this.used))
    this.room = undefined
  }
}
