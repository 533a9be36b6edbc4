import { type ChannelKind, type JsonObject, type Position, SwitchboardError } from '@switchboard/contract'
import { Block, encodeFrame, erasedFrame } from './block.js'
import { numbered, numberOf } from './keys.js'
import { SEAL_BYTES, sealInPlace, unseal } from './seal.js'
import { decodePieces, encodePieces, type OpenedGroup, type Opener, type Piece, type Sealable } from './sealed-parts.js'
import { nameOfSubject, type Subject } from './subject.js'
import type { SubjectKey } from './vault.js'

/**
 * A block as stored, little endian:
 *
 *     0   u32  CRC-32C of the key and all that follows (seal.ts)
 *     4   u8   format of the block, 2; or 3, with sealed pieces
 *     5   u8   kind of channel: 0 workspace, 1 observer
 *     6   u16  distinct types
 *     8   u32  entries
 *     12  u32  where the frames begin
 *     16  f64  time of the first entry, unix ms
 *     24  f64  sequence of the entry before the first, 0 = there was none
 *     32  u32  in format 3 alone: where the sealed pieces begin
 *              types: u8 length, name; once each
 *              per entry: u16 type, u32 ms and u32 sequences since the first entry, u32 end of its frame
 *              frames, end to end, as they go on the wire: a replay copies slices
 *              in format 3 alone: what the frames lack, being masked, encrypted (sealed-parts.ts)
 *
 * The first sequence is the key's. Sequences may have holes; that each block names the entry before it is what shows
 * that one in between is missing.
 */
const FORMAT = 2
const FORMAT_SEALED = 3
const HEADER_BYTES = 32
const SEALED_HEADER_BYTES = 36
const SEALED_AT = 32
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

/** How the personal data of a channel is sealed. */
export interface Sealing {
  /** The event without its personal data; the same object when it holds none. */
  mask(type: string, event: JsonObject): JsonObject
  /** Whose data it is, and the key for an entry of that time. */
  keyOf(event: JsonObject, time: number): { readonly subject: Subject; readonly key: SubjectKey }
}

/**
 * Entries of one channel as blocks. `previous` is the sequence of the entry before them, 0 = there is none. Without
 * `sealing` personal data is stored in clear text.
 */
export function encodeBlocks(
  channel: Buffer,
  kind: ChannelKind,
  previous: number,
  entries: readonly PlacedDraught[],
  sealing?: Sealing,
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
    blocks.push(encodeBlock(key, kind, before, part, frames, ends, sealing))
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
  sealing: Sealing | undefined,
): EncodedBlock {
  const sequences = entries.map(({ position }) => position.sequence)
  const times = entries.map(({ position }) => position.time)
  const types = entries.map(({ type }) => type)
  const masked = sealing && maskedFrames(kind, entries, sealing)
  if (sealing === undefined || masked === undefined) {
    const { value, framesAt } = tableOf(key, kind, previous, { sequences, times, types, ends }, 0)
    writeFrames(value, framesAt, frames, ends)
    sealInPlace(key, value)
    const events = entries.map(({ event }) => event)
    return { key, value, block: new Block(kind, sequences, times, types, ends, value.subarray(framesAt), events) }
  }
  // 1. As subscribers see it.
  const bytes = Buffer.allocUnsafe(ends[ends.length - 1] as number)
  writeFrames(bytes, 0, frames, ends)
  const block = new Block(
    kind,
    sequences,
    times,
    types,
    ends,
    bytes,
    entries.map(({ event }) => event),
  )
  // 2. As it is stored: masked, and what the masks cover in pieces of its own.
  const stored = frames.map((_, index) => masked[index] ?? block.frame(index))
  const groups = new Map<string, Sealable>()
  for (const [index, frame] of masked.entries()) {
    if (frame === undefined) continue
    const { event, position } = entries[index] as PlacedDraught
    const { subject, key: subjectKey } = sealing.keyOf(event, position.time)
    const name = `${nameOfSubject(subject)} ${subjectKey.generation}`
    const group = groups.get(name) ?? { subject, key: subjectKey, pieces: [] }
    groups.set(name, group)
    group.pieces.push(pieceOf(index, block.frame(index), frame))
  }
  const value = encodeSealed(
    key,
    kind,
    previous,
    { sequences, times, types },
    stored,
    encodePieces(key, groups.values()),
  )
  return { key, value, block }
}

/** The frames of entries that hold personal data, without it; undefined when none does. */
function maskedFrames(
  kind: ChannelKind,
  entries: readonly PlacedDraught[],
  sealing: Sealing,
): (Buffer | undefined)[] | undefined {
  let found: (Buffer | undefined)[] | undefined
  for (const [index, { type, event, position }] of entries.entries()) {
    const masked = sealing.mask(type, event)
    if (masked === event) continue
    found ??= new Array<Buffer | undefined>(entries.length).fill(undefined)
    found[index] = Buffer.from(encodeFrame(kind, position, type, JSON.stringify(masked)))
  }
  return found
}

function pieceOf(index: number, frame: Buffer, masked: Buffer): Piece {
  const most = Math.min(frame.length, masked.length)
  let atStart = 0
  while (atStart < most && frame[atStart] === masked[atStart]) atStart++
  let atEnd = 0
  while (atEnd < most - atStart && frame[frame.length - 1 - atEnd] === masked[masked.length - 1 - atEnd]) atEnd++
  return { index, same: [atStart, atEnd], bytes: frame.subarray(atStart, frame.length - atEnd) }
}

/** What is known of a block's entries beside their frames. */
type Places = Pick<Block, 'sequences' | 'times' | 'types'>

function encodeSealed(
  key: Buffer,
  kind: ChannelKind,
  previous: number,
  places: Places,
  frames: readonly Buffer[],
  sealed: Buffer,
): Buffer {
  let end = 0
  const ends = frames.map(({ length }) => {
    end += length
    return end
  })
  const { value, framesAt } = tableOf(key, kind, previous, { ...places, ends }, sealed.length)
  let at = framesAt
  for (const frame of frames) {
    value.set(frame, at)
    at += frame.length
  }
  if (sealed.length > 0) value.set(sealed, at)
  return sealInPlace(key, value)
}

function writeFrames(to: Buffer, from: number, frames: readonly string[], ends: readonly number[]): void {
  let at = from
  for (const [index, frame] of frames.entries()) {
    to.write(frame, at, 'utf8')
    at = from + (ends[index] as number)
  }
}

/** A block whose frames are still to be written, with room for the sealed pieces behind them. */
function tableOf(
  key: Buffer,
  kind: ChannelKind,
  previous: number,
  { sequences, times, types, ends }: Places & Pick<Block, 'ends'>,
  sealedBytes: number,
): { value: Buffer; framesAt: number } {
  const indexes = new Map<string, number>()
  for (const type of types) if (!indexes.has(type)) indexes.set(type, indexes.size)
  const names = Array.from(indexes.keys(), (name) => Buffer.from(name))
  const headerBytes = sealedBytes > 0 ? SEALED_HEADER_BYTES : HEADER_BYTES
  const entriesAt = headerBytes + names.reduce((sum, name) => sum + 1 + name.length, 0)
  const framesAt = entriesAt + ENTRY_BYTES * sequences.length
  const sealedAt = framesAt + (ends[ends.length - 1] as number)
  const value = Buffer.allocUnsafe(sealedAt + sealedBytes)
  value[SEAL_BYTES] = sealedBytes > 0 ? FORMAT_SEALED : FORMAT
  value[5] = kind === 'workspace' ? 0 : 1
  value.writeUInt16LE(names.length, 6)
  value.writeUInt32LE(sequences.length, 8)
  value.writeUInt32LE(framesAt, 12)
  const firstTime = times[0] as number
  const firstSequence = numberOf(key)
  value.writeDoubleLE(firstTime, 16)
  value.writeDoubleLE(previous, PREVIOUS_AT)
  if (sealedBytes > 0) value.writeUInt32LE(sealedAt, SEALED_AT)
  let at = headerBytes
  for (const name of names) {
    value.writeUInt8(name.length, at)
    value.set(name, at + 1)
    at += 1 + name.length
  }
  for (const [index, sequence] of sequences.entries()) {
    value.writeUInt16LE(indexes.get(types[index] as string) as number, at)
    value.writeUInt32LE((times[index] as number) - firstTime, at + 2)
    value.writeUInt32LE(sequence - firstSequence, at + 6)
    value.writeUInt32LE(ends[index] as number, at + 10)
    at += ENTRY_BYTES
  }
  return { value, framesAt }
}

/** A block as it is stored: its frames masked where something of them is sealed. */
interface Stored {
  readonly block: Block
  /** Empty when nothing is. */
  readonly sealed: Buffer
}

/** How a block is read that has sealed pieces. */
export interface Reveal {
  readonly open: Opener
  /** Told of a subject whose pieces cannot be read although nobody destroyed their key. */
  readonly lost: (subject: Subject) => void
}

/**
 * The block, or undefined when it is not what was stored. Its bytes are those of `value` where nothing is sealed. Never
 * throws.
 * @param reveal Left out: what is sealed stays masked, which is enough for whoever wants to know positions alone.
 */
export function decodeBlock(key: Buffer, value: Buffer, reveal?: Reveal): Block | undefined {
  const stored = decodeStored(key, value)
  if (stored === undefined || reveal === undefined || stored.sealed.length === 0) return stored?.block
  const groups = openedGroups(key, stored, reveal)
  return groups && revealed(stored.block, groups)
}

function decodeStored(key: Buffer, value: Buffer): Stored | undefined {
  if (unseal(key, value) === undefined || value.length < HEADER_BYTES) return undefined
  const format = value[SEAL_BYTES]
  if (format !== FORMAT && (format !== FORMAT_SEALED || value.length < SEALED_HEADER_BYTES)) return undefined
  // Once the checksum has held, the rest is what was written; but whether all that is spoken of is there is looked at all the
  // same: something else may have sealed it.
  const typesCount = value.readUInt16LE(6)
  const count = value.readUInt32LE(8)
  const framesAt = value.readUInt32LE(12)
  if (count === 0 || framesAt > value.length) return undefined
  const first = numberOf(key)
  const firstTime = value.readDoubleLE(16)
  const names: string[] = []
  let at = format === FORMAT ? HEADER_BYTES : SEALED_HEADER_BYTES
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
  const sealedAt = format === FORMAT ? value.length : value.readUInt32LE(SEALED_AT)
  if (framesAt + (ends[count - 1] as number) !== sealedAt || sealedAt > value.length) return undefined
  const kind = value[5] === 0 ? 'workspace' : 'observer'
  const bytes = value.subarray(framesAt, sealedAt)
  return { block: new Block(kind, sequences, times, types, ends, bytes), sealed: value.subarray(sealedAt) }
}

/** Undefined when what is sealed is not what was stored. */
function openedGroups(key: Buffer, { block, sealed }: Stored, { open, lost }: Reveal): OpenedGroup[] | undefined {
  const groups = decodePieces(key, sealed, open)
  if (groups === undefined) return undefined
  for (const { isLost, subject, pieces } of groups) {
    if (isLost) lost(subject)
    for (const { index, same } of pieces) {
      if (index >= block.count || same[0] + same[1] > block.frame(index).length) return undefined
    }
  }
  return groups
}

/** The frames as they were accepted; those that can be no more as they are stored, and saying so. */
function revealed(block: Block, groups: readonly OpenedGroup[]): Block {
  const pieces = new Map(groups.flatMap((group) => group.pieces.map((piece) => [piece.index, piece] as const)))
  const frames: Buffer[] = []
  const ends: number[] = []
  let end = 0
  for (let index = 0; index < block.count; index++) {
    const stored = block.frame(index)
    const piece = pieces.get(index)
    const parts =
      piece === undefined
        ? [stored]
        : piece.bytes === undefined
          ? [erasedFrame(block.kind, stored)]
          : [stored.subarray(0, piece.same[0]), piece.bytes, stored.subarray(stored.length - piece.same[1])]
    for (const part of parts) {
      frames.push(part)
      end += part.length
    }
    ends.push(end)
  }
  return new Block(block.kind, block.sequences, block.times, block.types, ends, Buffer.concat(frames, end))
}

/** The sequence of the entry before a block's first, 0 = there was none. To be asked of what `decodeBlock` took. */
export function previousOf(value: Buffer): number {
  return value.readDoubleLE(PREVIOUS_AT)
}

/** A stored block without its entries up to a sequence, as it is to be stored. There must be later ones. */
export function encodeRest(
  channel: Buffer,
  row: { readonly key: Buffer; readonly value: Buffer },
  after: number,
  reveal: Reveal | undefined,
): { readonly key: Buffer; readonly value: Buffer } {
  const stored = decodeStored(row.key, row.value) as Stored
  const { block, sealed } = stored
  if (sealed.length > 0 && reveal === undefined) {
    throw new SwitchboardError('storage_fault', 'sealed entries cannot be written again without their keys')
  }
  const rest = trimBlock(block, after)
  const gone = block.count - rest.count
  const key = numbered(channel, rest.first)
  const frames = rest.sequences.map((_, index) => rest.frame(index))
  const groups = sealed.length === 0 || reveal === undefined ? [] : (openedGroups(row.key, stored, reveal) ?? [])
  const left = groups.flatMap(({ subject, generation, key: subjectKey, pieces }): Sealable[] => {
    const later = pieces
      .filter(({ index }) => index >= gone)
      .map(({ index, same, bytes = NOTHING }) => ({ index: index - gone, same, bytes }))
    return later.length === 0 ? [] : [{ subject, key: { generation, key: subjectKey }, pieces: later }]
  })
  return { key, value: encodeSealed(key, rest.kind, after, rest, frames, encodePieces(key, left)) }
}

const NOTHING = Buffer.alloc(0)

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
