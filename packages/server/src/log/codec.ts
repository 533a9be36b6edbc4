import type { ChannelKind, JsonObject, Position } from '@switchboard/contract'
import { Block, encodeFrame } from './block.js'
import { numbered, numberOf } from './keys.js'
import { SEAL_BYTES, sealInPlace, unseal } from './seal.js'

/**
 * A block as stored, little endian:
 *
 *     0   u32  CRC-32C of the key and all that follows (seal.ts)
 *     4   u8   format of the block, 2
 *     5   u8   kind of channel: 0 workspace, 1 observer
 *     6   u16  distinct types
 *     8   u32  entries
 *     12  u32  where the frames begin
 *     16  f64  time of the first entry, unix ms
 *     24  f64  sequence of the entry before the first, 0 = there was none
 *     32       types: u8 length, name; once each
 *              per entry: u16 type, u32 ms and u32 sequences since the first entry, u32 end of its frame
 *              frames, end to end, as they go on the wire: a replay copies slices
 *
 * The first sequence is the key's. Sequences may have holes; that each block names the entry before it is what shows
 * that one in between is missing.
 */
const FORMAT = 2
const HEADER_BYTES = 32
const ENTRY_BYTES = 14
const PREVIOUS_AT = 24
/** What a block's entries may be apart from its first, in ms and in sequences. */
const APART_MAX = 2 ** 32 - 1

/** Entries in one block. */
export const BLOCK_ENTRIES_MAX = 1000
/**
 * Bytes of frames in one block, unless a single frame is longer. LMDB needs that many neighbouring free pages, which
 * get rare in an old file; and it is what one damaged byte can cost.
 */
export const BLOCK_BYTES_MAX = 64 * 1024

/** An accepted event, not yet encoded. */
export interface Draught {
  readonly type: string
  readonly event: JsonObject
  /** The event as one line of JSON. */
  readonly json: string
}

/** One with its place given. */
export interface PlacedDraught extends Draught {
  readonly position: Position
}

export interface EncodedBlock {
  readonly key: Buffer
  readonly value: Buffer
  /** The same as readers will see it, with the parsed events. Its bytes are those of `value`. */
  readonly block: Block
}

/** Entries of one channel as blocks. `previous` is the sequence of the entry before them, 0 = there is none. */
export function encodeBlocks(
  channel: Buffer,
  kind: ChannelKind,
  previous: number,
  entries: readonly PlacedDraught[],
): EncodedBlock[] {
  const blocks: EncodedBlock[] = []
  let frames: string[] = []
  let ends: number[] = []
  let bytes = 0
  let from = 0
  const flush = (to: number) => {
    const part = entries.length === to - from ? entries : entries.slice(from, to)
    const before = from === 0 ? previous : (entries[from - 1] as PlacedDraught).position.sequence
    const key = numbered(channel, (part[0] as PlacedDraught).position.sequence)
    blocks.push(encodeBlock(key, kind, before, part, frames, ends))
    frames = []
    ends = []
    bytes = 0
    from = to
  }
  entries.forEach((entry, index) => {
    const frame = encodeFrame(kind, entry.position, entry.type, entry.json)
    const length = Buffer.byteLength(frame)
    const full = ends.length >= BLOCK_ENTRIES_MAX || bytes + length > BLOCK_BYTES_MAX
    if (ends.length > 0 && (full || isFar(entries[from] as PlacedDraught, entry))) flush(index)
    bytes += length
    frames.push(frame)
    ends.push(bytes)
  })
  if (ends.length > 0) flush(entries.length)
  return blocks
}

function isFar({ position: first }: PlacedDraught, { position }: PlacedDraught): boolean {
  return position.sequence - first.sequence > APART_MAX || position.time - first.time > APART_MAX
}

function encodeBlock(
  key: Buffer,
  kind: ChannelKind,
  previous: number,
  entries: readonly PlacedDraught[],
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
  const first = (entries[0] as PlacedDraught).position
  value.writeDoubleLE(first.time, 16)
  value.writeDoubleLE(previous, PREVIOUS_AT)
  let at = HEADER_BYTES
  for (const name of names) {
    value.writeUInt8(name.length, at)
    value.set(name, at + 1)
    at += 1 + name.length
  }
  let frameAt = framesAt
  entries.forEach(({ type, position }, index) => {
    const end = ends[index] as number
    value.writeUInt16LE(indexes.get(type) as number, at)
    value.writeUInt32LE(position.time - first.time, at + 2)
    value.writeUInt32LE(position.sequence - first.sequence, at + 6)
    value.writeUInt32LE(end, at + 10)
    at += ENTRY_BYTES
    value.write(frames[index] as string, frameAt, 'utf8')
    frameAt = framesAt + end
  })
  sealInPlace(key, value)
  const block = new Block(
    kind,
    entries.map(({ position }) => position.sequence),
    entries.map(({ position }) => position.time),
    entries.map(({ type }) => type),
    ends,
    value.subarray(framesAt),
    entries.map(({ event }) => event),
  )
  return { key, value, block }
}

/** The block, or undefined when it is not what was stored. Its bytes are those of `value`. Never throws. */
export function decodeBlock(key: Buffer, value: Buffer): Block | undefined {
  if (unseal(key, value) === undefined || value.length < HEADER_BYTES || value[SEAL_BYTES] !== FORMAT) return undefined
  // Once the checksum has held, the rest is what was written; but whether all that is spoken of is there is looked at all the
  // same: something else may have sealed it.
  const typesCount = value.readUInt16LE(6)
  const count = value.readUInt32LE(8)
  const framesAt = value.readUInt32LE(12)
  if (count === 0 || framesAt > value.length) return undefined
  const first = numberOf(key)
  const firstTime = value.readDoubleLE(16)
  const names: string[] = []
  let at = HEADER_BYTES
  for (let index = 0; index < typesCount; index++) {
    if (at >= framesAt) return undefined
    const end = at + 1 + value.readUInt8(at)
    names.push(value.toString('utf8', at + 1, end))
    at = end
  }
  if (at + ENTRY_BYTES * count !== framesAt) return undefined
  const sequences = new Array<number>(count)
  const times = new Array<number>(count)
  const types = new Array<string>(count)
  const ends = new Array<number>(count)
  for (let index = 0; index < count; index++, at += ENTRY_BYTES) {
    const type = names[value.readUInt16LE(at)]
    if (type === undefined) return undefined
    types[index] = type
    times[index] = firstTime + value.readUInt32LE(at + 2)
    sequences[index] = first + value.readUInt32LE(at + 6)
    ends[index] = value.readUInt32LE(at + 10)
  }
  if (framesAt + (ends[count - 1] as number) !== value.length) return undefined
  const kind = value[5] === 0 ? 'workspace' : 'observer'
  return new Block(kind, sequences, times, types, ends, value.subarray(framesAt))
}

/** The sequence of the entry before a block's first, 0 = there was none. To be asked of what `decodeBlock` took. */
export function previousOf(value: Buffer): number {
  return value.readDoubleLE(PREVIOUS_AT)
}

/** A stored block without its entries up to a sequence, as it is to be stored. There must be later ones. */
export function encodeRest(channel: Buffer, block: Block, after: number): EncodedBlock {
  const rest = trimBlock(block, after)
  const entries = [...rest.entries()].map(({ position, type, event }) => ({ position, type, event, json: '' }))
  const frames = entries.map((_, index) => rest.frame(index).toString())
  return encodeBlock(numbered(channel, rest.first), rest.kind, after, entries, frames, rest.ends)
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
