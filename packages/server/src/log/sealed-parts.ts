import { decrypt, encrypt } from '../cipher.js'
import { type Subject, subjectKinds } from './subject.js'

/**
 * What an entry's frame has that its masked frame does not: both begin and end alike, and differ in one piece, from the
 * first personal value to the last. That piece is what is sealed; the masked frame is stored as it is.
 *
 *     masked    id: 1-1⏎event: call.started⏎data: {"event_type":"call.started",…,"caller_id":"[masked]"}⏎⏎
 *     piece     ◀──────────────── same ────────────────────────────────────────▶ +15550142 ◀─ same ─▶
 */
export interface Piece {
  /** Of the entry, in its block. */
  readonly index: number
  /** Bytes that both frames begin and end with. */
  readonly same: readonly [atStart: number, atEnd: number]
  readonly bytes: Buffer
}

/** Pieces of one subject. */
export interface Sealable {
  readonly subject: Subject
  /** Without a key, which is destroyed or lost, the pieces are gone, and that they were there is what is stored. */
  readonly key: { readonly generation: number; readonly key: Buffer | undefined }
  readonly pieces: Piece[]
}

/**
 * Pieces as stored, little endian, a group for each subject:
 *
 *     u8   kind of subject; u16 length, its id
 *     u32  generation of its key
 *     u32  pieces; each: u32 index, u32 and u32 bytes that are the same, u32 bytes of the piece
 *     u32  length; the pieces end to end, encrypted
 */
export function encodePieces(place: Buffer, groups: Iterable<Sealable>): Buffer {
  const parts: Buffer[] = []
  for (const { subject, key, pieces } of groups) {
    const id = Buffer.from(subject.id)
    const head = Buffer.allocUnsafe(3 + id.length + 8 + PIECE_BYTES * pieces.length + 4)
    let at = head.writeUInt8(subjectKinds.indexOf(subject.kind), 0)
    at = head.writeUInt16LE(id.length, at)
    head.set(id, at)
    at = head.writeUInt32LE(key.generation, at + id.length)
    at = head.writeUInt32LE(pieces.length, at)
    for (const { index, same, bytes } of pieces) {
      at = head.writeUInt32LE(index, at)
      at = head.writeUInt32LE(same[0], at)
      at = head.writeUInt32LE(same[1], at)
      at = head.writeUInt32LE(bytes.length, at)
    }
    const [only] = pieces
    const text = pieces.length === 1 && only ? only.bytes : Buffer.concat(pieces.map(({ bytes }) => bytes))
    const sealed = key.key === undefined ? NOTHING : encrypt(key.key, place, text)
    head.writeUInt32LE(sealed.length, at)
    parts.push(head, sealed)
  }
  return Buffer.concat(parts)
}

/** What a piece takes in the table before the ciphertext. */
const PIECE_BYTES = 16
const NOTHING = Buffer.alloc(0)

/** Who opens what was sealed: the key, `erased` when it was destroyed, undefined when it is lost. */
export type Opener = (subject: Subject, generation: number) => Buffer | 'erased' | undefined

/** A group as read: without pieces' bytes where they can be read no more. */
export interface OpenedGroup {
  readonly subject: Subject
  readonly generation: number
  /** Undefined when the key was destroyed, or is lost. */
  readonly key: Buffer | undefined
  readonly isLost: boolean
  readonly pieces: readonly (Omit<Piece, 'bytes'> & { readonly bytes: Buffer | undefined })[]
}

/** Reads what `encodePieces` wrote; undefined when it is something else. Never throws. */
export function decodePieces(place: Buffer, bytes: Buffer, open: Opener): OpenedGroup[] | undefined {
  const groups: OpenedGroup[] = []
  try {
    for (let at = 0; at < bytes.length; ) {
      const kind = subjectKinds[bytes.readUInt8(at)]
      if (kind === undefined) return undefined
      const idEnd = at + 3 + bytes.readUInt16LE(at + 1)
      const subject: Subject = { kind, id: bytes.toString('utf8', at + 3, idEnd) }
      const generation = bytes.readUInt32LE(idEnd)
      const count = bytes.readUInt32LE(idEnd + 4)
      const table = idEnd + 8
      const sealedAt = table + PIECE_BYTES * count + 4
      const end = sealedAt + bytes.readUInt32LE(sealedAt - 4)
      if (end > bytes.length) return undefined
      const key = open(subject, generation)
      const text = key instanceof Buffer ? decrypt(key, place, bytes.subarray(sealedAt, end)) : undefined
      groups.push({
        subject,
        generation,
        key: text && (key as Buffer),
        isLost: text === undefined && key !== 'erased',
        pieces: piecesOf(bytes.subarray(table, sealedAt), count, text),
      })
      at = end
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
  return groups
}

function piecesOf(table: Buffer, count: number, text: Buffer | undefined): OpenedGroup['pieces'] {
  let from = 0
  return Array.from({ length: count }, (_, nth) => {
    const at = PIECE_BYTES * nth
    const bytes = text?.subarray(from, from + table.readUInt32LE(at + 12))
    from += bytes?.length ?? 0
    return {
      index: table.readUInt32LE(at),
      same: [table.readUInt32LE(at + 4), table.readUInt32LE(at + 8)] as const,
      bytes,
    }
  })
}
