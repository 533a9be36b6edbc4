import { type ChannelKind, formatPosition, type JsonObject, type Position } from '@switchboard/contract'
import type { Channel } from './channel.js'

/** One event with its position, as kept. */
export interface Entry {
  readonly position: Position
  readonly type: string
  /** The event as it was accepted, parsed when first asked for. */
  readonly event: JsonObject
  /** The bytes that go on the wire: an SSE frame, or an observer message's JSON text. */
  readonly frame: Buffer
}

export function channelKind(channel: Channel): ChannelKind {
  return channel.call === undefined ? 'workspace' : 'observer'
}

/**
 * The bytes of one entry on the wire.
 *
 *     workspace   id: <position>\nevent: <type>\ndata: <event as one line of JSON>\n\n
 *     observer    {"id":"<position>",<members of the event>}
 *
 * JSON.stringify escapes CR, LF and NUL, so no value can end a line; types are checked by the catalogue's grammar.
 */
export function encodeFrame(kind: ChannelKind, position: Position, type: string, json: string): string {
  return kind === 'workspace'
    ? `id: ${formatPosition(position)}\nevent: ${type}\ndata: ${json}\n\n`
    : `{"id":"${formatPosition(position)}",${json.slice(1)}`
}

const ERASED = Buffer.from(',"erased":true')

/** A masked frame that says that what it masks was erased for good. */
export function erasedFrame(kind: ChannelKind, masked: Buffer): Buffer {
  // The object's closing brace is the last byte of its text.
  const end = masked.length - (kind === 'workspace' ? 3 : 1)
  return Buffer.concat([masked.subarray(0, end), ERASED, masked.subarray(end)])
}

/** The event inside a frame. */
export function decodeFrame(kind: ChannelKind, frame: Buffer): JsonObject {
  if (kind === 'workspace') return JSON.parse(frameJson(kind, frame))
  const { id: _, ...event } = JSON.parse(frame.toString('utf8'))
  return event
}

/** The event inside a frame as its line of JSON, as it was when the frame was made. */
export function frameJson(kind: ChannelKind, frame: Buffer): string {
  if (kind === 'workspace') return frame.toString('utf8', frame.indexOf('\ndata: ') + 7, frame.length - 2)
  // A position holds no comma.
  return `{${frame.toString('utf8', frame.indexOf(',') + 1)}`
}

/**
 * Entries of one channel in order, their frames end to end, so that an unfiltered replay is one slice.
 *
 *     sequences:  s0       s1           s2          strictly increasing; not always without holes
 *     ends:            e0           e1          e2
 *     bytes:     [frame0][frame1     ][frame2]
 */
export class Block {
  constructor(
    readonly kind: ChannelKind,
    readonly sequences: readonly number[],
    readonly times: readonly number[],
    readonly types: readonly string[],
    /** Where each frame ends in `bytes`. */
    readonly ends: readonly number[],
    readonly bytes: Buffer,
    /** The parsed events, when they are at hand (a fresh append). */
    readonly events?: readonly JsonObject[],
    /** Set when a stored block failed its checksum: it then holds no entries, only the range that is lost to readers. */
    readonly damaged?: { readonly from: number; readonly to: number },
  ) {}

  get first(): number {
    return this.damaged ? this.damaged.from : (this.sequences[0] as number)
  }

  get last(): number {
    return this.damaged ? this.damaged.to : (this.sequences[this.sequences.length - 1] as number)
  }

  get count(): number {
    return this.ends.length
  }

  /** Index of the first entry after a sequence; `count` when there is none. */
  indexAfter(after: number): number {
    let low = 0
    let high = this.sequences.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.sequences[middle] as number) <= after) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Frames of all entries after a sequence, as one slice of the shared bytes. */
  slice(after: number): Buffer {
    const index = this.indexAfter(after)
    return index === 0 ? this.bytes : this.bytes.subarray(this.ends[index - 1])
  }

  position(index: number): Position {
    return { time: this.times[index] as number, sequence: this.sequences[index] as number }
  }

  frame(index: number): Buffer {
    return this.bytes.subarray(index === 0 ? 0 : this.ends[index - 1], this.ends[index])
  }

  entry(index: number): Entry {
    const block = this
    let parsed = this.events?.[index]
    return {
      position: this.position(index),
      type: this.types[index] as string,
      frame: this.frame(index),
      get event() {
        parsed ??= decodeFrame(block.kind, block.frame(index))
        return parsed
      },
    }
  }

  /** Entries after a sequence. */
  *entries(after = 0): Generator<Entry> {
    for (let index = this.indexAfter(after); index < this.ends.length; index++) yield this.entry(index)
  }
}
