import { limits, type Position } from '@switchboard/contract'
import type { Block } from '../log/block.js'

/** Frames end to end, ready for one write, shared by every cursor that stands at the same place. */
export interface Slice {
  readonly bytes: Buffer
  /** How many frames. */
  readonly count: number
  /** Position of its last frame. */
  readonly last: Position
  readonly types: readonly string[]
}

/** Blocks of at least this size become a segment as they are; smaller ones are copied together, to be written together. */
const OWN_SEGMENT_BYTES_MIN = 32 * 1024
/** A new ring begins small: most views of a quiet channel never need more. */
const FIRST_SEGMENT_BYTES = 4 * 1024

/** Append-only: what was once sliced never changes, so a slice may wait in a socket for as long as it takes. */
interface Segment {
  readonly bytes: Buffer
  filled: number
  readonly sequences: number[]
  readonly times: number[]
  readonly types: string[]
  /** Where each frame ends in `bytes`. */
  readonly ends: number[]
}

/**
 * What one view lets through of a channel's recent entries, as bytes.
 *
 *     since       segment          segment (being filled)
 *       ▼  [frame][frame][frame] [frame][frame]····· ◄── push
 *
 * It holds everything the view lets through after `since`. Dropped segments are freed by the garbage collector once no
 * socket has a slice of them any more; they are never used again.
 */
export class Ring {
  readonly #segments: Segment[] = []
  #bytes = 0
  #segmentBytesMax: number = limits.writeBytesMax
  #since: number | undefined
  #examined: Position | undefined
  /** Slices already cut, by the sequence they begin after: cursors that stand together get the very same buffer. */
  readonly #slices = new Map<number, Slice>()

  /** Bytes of memory held. */
  get bytes(): number {
    return this.#bytes
  }

  /** The newest entry that was offered to it, whether the view let it through or not. */
  get examined(): Position | undefined {
    return this.#examined
  }

  /** True when it holds frames after a sequence. */
  hasAfter(sequence: number): boolean {
    const newest = this.#segments[this.#segments.length - 1]
    return newest !== undefined && (newest.sequences[newest.sequences.length - 1] as number) > sequence
  }

  /** True when it holds all that comes after a sequence. */
  covers(after: number): boolean {
    return this.#since !== undefined && after >= this.#since
  }

  /**
   * Tells an empty ring where it begins: whoever says so has read the log up to `sequence` and found nothing after it
   * since the ring is fed, so whatever follows will be pushed.
   */
  beginAfter(sequence: number): void {
    this.#since ??= sequence
  }

  /** Notes that a block was offered. Call it once per block, after pushing what passed. */
  examine(block: Block): void {
    this.beginAfter(block.first - 1)
    this.#examined = block.position(block.count - 1)
    this.#slices.clear()
  }

  push(frame: Buffer, position: Position, type: string): void {
    const segment = this.#room(frame.length)
    frame.copy(segment.bytes, segment.filled)
    this.#append(segment, frame.length, position, type)
  }

  /** Pushes a whole block whose frames are socket bytes already. */
  pushBlock(block: Block): void {
    const { bytes, count } = block
    const own = bytes.length >= OWN_SEGMENT_BYTES_MIN
    const segment = own ? this.#add(bytes) : this.#room(bytes.length)
    if (!own) bytes.copy(segment.bytes, segment.filled)
    let start = 0
    for (let index = 0; index < count; index++) {
      const end = block.ends[index] as number
      this.#append(segment, end - start, block.position(index), block.types[index] as string)
      start = end
    }
  }

  /** Drops the oldest segments until no more than `bytesMax` is held; the newest always stays. */
  trim(bytesMax: number): void {
    // Several segments to what it may hold, or dropping one would drop nearly all.
    this.#segmentBytesMax = Math.min(limits.writeBytesMax, Math.max(FIRST_SEGMENT_BYTES, bytesMax >>> 2))
    while (this.#bytes > bytesMax && this.#segments.length > 1) {
      const dropped = this.#segments.shift() as Segment
      this.#bytes -= dropped.bytes.length
      this.#since = dropped.sequences[dropped.sequences.length - 1] as number
      this.#slices.clear()
    }
  }

  /** Drops everything. What comes next is held again. */
  forget(): void {
    this.#segments.length = 0
    this.#slices.clear()
    this.#bytes = 0
    this.#since = this.#examined?.sequence ?? this.#since
  }

  /** The frames after a sequence, up to about `limits.writeBytesMax`; undefined when there are none. */
  after(sequence: number): Slice | undefined {
    if (!this.hasAfter(sequence)) return undefined
    const known = this.#slices.get(sequence)
    if (known !== undefined) return known
    const slice = this.#cut(sequence)
    if (slice !== undefined) this.#slices.set(sequence, slice)
    return slice
  }

  #cut(sequence: number): Slice | undefined {
    let found: Segment | undefined
    for (let index = this.#segments.length - 1; index >= 0; index--) {
      const segment = this.#segments[index] as Segment
      if ((segment.sequences[segment.sequences.length - 1] as number) <= sequence) break
      found = segment
    }
    if (found === undefined) return undefined
    const from = firstAfter(found.sequences, sequence)
    const start = from === 0 ? 0 : (found.ends[from - 1] as number)
    // At least one frame, and no more than one write may carry.
    const to = Math.max(from + 1, firstAfter(found.ends, start + limits.writeBytesMax))
    const segment = found
    return {
      bytes: segment.bytes.subarray(start, segment.ends[to - 1]),
      count: to - from,
      last: { time: segment.times[to - 1] as number, sequence: segment.sequences[to - 1] as number },
      get types() {
        return segment.types.slice(from, to)
      },
    }
  }

  #append(segment: Segment, length: number, position: Position, type: string): void {
    segment.filled += length
    segment.ends.push(segment.filled)
    segment.sequences.push(position.sequence)
    segment.times.push(position.time)
    segment.types.push(type)
  }

  #room(length: number): Segment {
    const newest = this.#segments[this.#segments.length - 1]
    if (newest !== undefined && newest.bytes.length - newest.filled >= length) return newest
    const grown = Math.min(this.#segmentBytesMax, Math.max(FIRST_SEGMENT_BYTES, (newest?.bytes.length ?? 0) * 2))
    return this.#add(Buffer.allocUnsafeSlow(Math.max(length, grown)))
  }

  #add(bytes: Buffer): Segment {
    const segment: Segment = { bytes, filled: 0, sequences: [], times: [], types: [], ends: [] }
    this.#segments.push(segment)
    this.#bytes += bytes.length
    return segment
  }
}

/** Index of the first number above `limit` in an ascending list; its length when there is none. */
function firstAfter(ascending: readonly number[], limit: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] as number) <= limit) low = middle + 1
    else high = middle
  }
  return low
}
