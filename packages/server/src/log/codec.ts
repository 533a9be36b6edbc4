import type { ChannelKind, JsonObject } from '@switchboard/contract'
import { Block, encodeFrame } from './block.js'
import { numbered, numberOf } from './keys.js'
import { SEAL_BYTES, sealInPlace, unseal } from './seal.js'

/**
 * A block as stored, little endian:
 *
 *     0   u32  CRC-32C of the key and all that follows (seal.ts)
 *     4   u8   format of the block, 1
 *     5   u8   kind of channel: 0 workspace, 1 observer
 *     6   u16  distinct types
 *     8   u32  entries
 *     12  u32  where the frames begin
 *     16  f64  time of the first entry, unix ms
 *     24       types: u8 length, name; once each
 *              per entry: u16 type, u32 ms since the first entry, u32 end of its frame
 *              frames, end to end, as they go on the wire: a replay copies slices
 *
 * The first sequence is the key's; the others follow it without holes.
 */
const FORMAT = 1
const HEADER_BYTES = 24
const ENTRY_BYTES = 10

/** Entries in one block. */
export const BLOCK_ENTRIES_MAX = 1000
/**
 * Bytes of frames in one block, unless a single frame is longer. LMDB needs that many neighbouring free pages, which
 * get rare in an old file; and it is what one damaged byte can cost.
 */
export const BLOCK_BYTES_MAX = 64 * 1024

/** An accepted event with its place given, not yet encoded. */
export interface Draught {
  readonly type: string
  readonly event: JsonObject
  /** The event as one line of JSON. */
  readonly json: string
}

export interface EncodedBlock {
  readonly key: Buffer
  readonly value: Buffer
  /** The same as readers will see it, with the parsed events. Its bytes are those of `value`. */
  readonly block: Block
}

/** Entries of one channel and one instant as blocks, the first at `sequence`. */
export function encodeBlocks(
  channel: Buffer,
  kind: ChannelKind,
  time: number,
  sequence: number,
  entries: readonly Draught[],
): EncodedBlock[] {
  const blocks: EncodedBlock[] = []
  let frames: string[] = []
  let ends: number[] = []
  let bytes = 0
  let from = 0
  const flush = (to: number) => {
    const part = entries.length === to - from ? entries : entries.slice(from, to)
    blocks.push(encodeBlock(numbered(channel, sequence + from), kind, time, part, frames, ends))
    frames = []
    ends = []
    bytes = 0
    from = to
  }
  entries.forEach((entry, index) => {
    const frame = encodeFrame(kind, { time, sequence: sequence + index }, entry.type, entry.json)
    const length = Buffer.byteLength(frame)
    if (ends.length > 0 && (ends.length >= BLOCK_ENTRIES_MAX || bytes + length > BLOCK_BYTES_MAX)) flush(index)
    bytes += length
    frames.push(frame)
    ends.push(bytes)
  })
  if (ends.length > 0) flush(entries.length)
  return blocks
}

function encodeBlock(
  key: Buffer,
  kind: ChannelKind,
  time: number,
  entries: readonly Draught[],
  frames: readonly string[],
  ends: readonly number[],
): EncodedBlock {
  const indexes = new Map<string, number>()
  for (const { type } of entries) if (!indexes.has(type)) indexes.set(type, indexes.size)
  const names = Array.from(indexes.keys(), (name) => Buffer.from(name))
  const entriesAt = HEADER_BYTES + names.reduce((sum, name) => sum + 1 + name.length, 0)
  const framesAt = entriesAt + ENTRY_BYTES * entries.length
  const value = Buffer.allocUnsafe(framesAt + (ends[ends.length - 1] as number))
  value[4] = FORMAT
  value[5] = kind === 'workspace' ? 0 : 1
  value.writeUInt16LE(names.length, 6)
  value.writeUInt32LE(entries.length, 8)
  value.writeUInt32LE(framesAt, 12)
  value.writeDoubleLE(time, 16)
  let at = HEADER_BYTES
  for (const name of names) {
    value.writeUInt8(name.length, at)
    value.set(name, at + 1)
    at += 1 + name.length
  }
  let frameAt = framesAt
  entries.forEach(({ type }, index) => {
    const end = ends[index] as number
    value.writeUInt16LE(indexes.get(type) as number, at)
    value.writeUInt32LE(0, at + 2)
    value.writeUInt32LE(end, at + 6)
    at += ENTRY_BYTES
    value.write(frames[index] as string, frameAt, 'utf8')
    frameAt = framesAt + end
  })
  sealInPlace(key, value)
  const first = numberOf(key)
  const block = new Block(
    kind,
    entries.map((_, index) => first + index),
    entries.map(() => time),
    entries.map(({ type }) => type),
    ends,
    value.subarray(framesAt),
    entries.map(({ event }) => event),
  )
  return { key, value, block }
}

/** The block, or undefined when it is not what was stored. Its bytes are those of `value`. Never throws. */
export function decodeBlock(key: Buffer, value: Buffer): Block | undefined {
  // Once the checksum has held, the rest is what encodeBlock wrote.
  if (unseal(key, value) === undefined || value.length < HEADER_BYTES || value[SEAL_BYTES] !== FORMAT) return undefined
  const typesCount = value.readUInt16LE(6)
  const count = value.readUInt32LE(8)
  const first = numberOf(key)
  const firstTime = value.readDoubleLE(16)
  const names: string[] = []
  let at = HEADER_BYTES
  for (let index = 0; index < typesCount; index++) {
    const end = at + 1 + value.readUInt8(at)
    names.push(value.toString('utf8', at + 1, end))
    at = end
  }
  const sequences = new Array<number>(count)
  const times = new Array<number>(count)
  const types = new Array<string>(count)
  const ends = new Array<number>(count)
  for (let index = 0; index < count; index++, at += ENTRY_BYTES) {
    sequences[index] = first + index
    types[index] = names[value.readUInt16LE(at)] as string
    times[index] = firstTime + value.readUInt32LE(at + 2)
    ends[index] = value.readUInt32LE(at + 6)
  }
  const kind = value[5] === 0 ? 'workspace' : 'observer'
  return new Block(kind, sequences, times, types, ends, value.subarray(value.readUInt32LE(12)))
}

/** The entries of a block after a sequence. */
export function trimBlock(block: Block, after: number): Block {
  const index = block.indexAfter(after)
  if (index === 0) return block
  const start = block.ends[index - 1] as number
  return new Block(
    block.kind,
    block.sequences.slice(index),
    block.times.slice(index),
    block.types.slice(index),
    block.ends.slice(index).map((end) => end - start),
    block.bytes.subarray(start),
    block.events?.slice(index),
  )
}
