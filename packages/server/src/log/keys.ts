import { SwitchboardError } from '@switchboard/contract'
import type { Channel } from './log.js'

/**
 * How things are found in the embedded log. Keys are bytes and ordered as bytes.
 *
 *     part       u16 length, UTF-8                    so that no id can run into the next one ("w", "w2")
 *     channel    part(workspace) 0                    the workspace's own channel
 *                part(workspace) 1 part(call)         a call's
 *
 *     heads        channel                            what the channel has given, keeps and removed: see head.ts
 *     blocks       channel u64(first sequence)        entries: see codec.ts
 *     aging        u64(time of the oldest) channel    channels that keep something, the oldest first, for retention
 *     idempotency  channel 'r'|'e' key                of a request, or of one event
 *     expiry       u64(expires) idempotency-key       what to forget, the first to go first
 *     projections  part(workspace) part(name) key
 *     store        part(kind) key
 *     vault        see vault.ts
 *     meta         name
 */
export const tableNames = [
  'meta',
  'heads',
  'blocks',
  'aging',
  'idempotency',
  'expiry',
  'projections',
  'store',
  'vault',
] as const
export type TableName = (typeof tableNames)[number]

/** The longest id, in UTF-8 bytes: any of `limits.idCharsMax` characters. Two and an idempotency key fit LMDB's key. */
export const PART_BYTES_MAX = 512

/** Bytes of a time or sequence in a key, which is a safe integer. */
export const NUMBER_BYTES = 8

const WORD = 2 ** 32

const MARK_WORKSPACE = Buffer.from([0])
const MARK_CALL = Buffer.from([1])

export function channelKey(channel: Channel): Buffer {
  return channel.call === undefined
    ? Buffer.concat([part(channel.workspace), MARK_WORKSPACE])
    : Buffer.concat([part(channel.workspace), MARK_CALL, part(channel.call)])
}

/** What the keys of all channels of a workspace begin with. */
export function workspacePrefix(workspace: string): Buffer {
  return part(workspace)
}

/** The channel a key begins with, or undefined when damage has made the key unreadable. */
export function parseChannelKey(key: Buffer, from = 0): Channel | undefined {
  const workspace = readPart(key, from)
  if (workspace === undefined) return undefined
  const mark = key[workspace.end]
  if (mark === 0) return { workspace: workspace.text }
  if (mark !== 1) return undefined
  const call = readPart(key, workspace.end + 1)
  return call && { workspace: workspace.text, call: call.text }
}

/** `prefix` with a number behind it, or before it for an index by time. */
export function numbered(prefix: Buffer, number: number): Buffer {
  const key = Buffer.allocUnsafe(prefix.length + NUMBER_BYTES)
  prefix.copy(key)
  writeNumber(key, number, prefix.length)
  return key
}

export function timed(time: number, suffix: Buffer): Buffer {
  const key = Buffer.allocUnsafe(NUMBER_BYTES + suffix.length)
  writeNumber(key, Math.max(0, time), 0)
  suffix.copy(key, NUMBER_BYTES)
  return key
}

/** The last key a channel's blocks can have, which none has. */
export function endOfChannel(channel: Buffer): Buffer {
  return numbered(channel, Number.MAX_SAFE_INTEGER)
}

/** The number a key ends with. */
export function numberOf(key: Buffer): number {
  return readNumber(key, key.length - NUMBER_BYTES)
}

export function timeOf(key: Buffer): number {
  return readNumber(key, 0)
}

function writeNumber(key: Buffer, number: number, at: number): void {
  key.writeUInt32BE(Math.floor(number / WORD), at)
  key.writeUInt32BE(number % WORD, at + 4)
}

function readNumber(key: Buffer, at: number): number {
  return key.readUInt32BE(at) * WORD + key.readUInt32BE(at + 4)
}

/** Written in one go: every event that changes a record needs one. */
export function projectionKey(workspace: string, projection: string, key: string): Buffer {
  const [first, second, third] = [partBytes(workspace), partBytes(projection), partBytes(key)]
  const bytes = Buffer.allocUnsafe(2 + first + 2 + second + third)
  let at = bytes.writeUInt16BE(first, 0)
  at += bytes.write(workspace, at)
  at = bytes.writeUInt16BE(second, at)
  at += bytes.write(projection, at)
  bytes.write(key, at)
  return bytes
}

/** The parts of a projection's or a store's key, the last of which runs to its end. */
export function parseParts(key: Buffer, count: number): string[] | undefined {
  const parts: string[] = []
  let at = 0
  for (let index = 0; index < count; index++) {
    const read = readPart(key, at)
    if (read === undefined) return undefined
    parts.push(read.text)
    at = read.end
  }
  parts.push(key.toString('utf8', at))
  return parts
}

export function storeKey(kind: string, key: string): Buffer {
  return Buffer.concat([part(kind), rest(key)])
}

export function idempotencyKey(channel: Buffer, scope: 'request' | 'event', key: string): Buffer {
  return Buffer.concat([channel, Buffer.from(scope === 'request' ? 'r' : 'e'), rest(key)])
}

/** What a range of everything that begins with `prefix` ends before. */
export function endOf(prefix: Buffer): Buffer {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const byte = prefix[at] as number
    if (byte === 255) continue
    const end = Buffer.from(prefix.subarray(0, at + 1))
    end[at] = byte + 1
    return end
  }
  throw new RangeError('A prefix of nothing but 255 has no end')
}

export function part(text: string): Buffer {
  const bytes = rest(text)
  const length = Buffer.allocUnsafe(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

function rest(text: string): Buffer {
  partBytes(text)
  return Buffer.from(text)
}

/** In UTF-8 bytes. @throws SwitchboardError `invalid_parameter` for a text that no key has room for. */
function partBytes(text: string): number {
  const bytes = Buffer.byteLength(text)
  if (bytes <= PART_BYTES_MAX) return bytes
  throw new SwitchboardError('invalid_parameter', `an id or key of ${bytes} bytes; at most ${PART_BYTES_MAX}`)
}

export function readPart(key: Buffer, at: number): { text: string; end: number } | undefined {
  if (at + 2 > key.length) return undefined
  const end = at + 2 + key.readUInt16BE(at)
  return end > key.length ? undefined : { text: key.toString('utf8', at + 2, end), end }
}
