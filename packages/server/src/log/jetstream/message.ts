import type { JsonObject } from '@switchboard/contract'
import type { Entering, Moved } from '../append.js'
import type { Channel } from '../channel.js'
import type { Idempotency } from '../log.js'
import { type Carry, decodeRows, encodeRow } from './carry.js'

/**
 * What one JetStream message says. An append is one message, so that it is stored whole or not at all; one that is
 * longer than the servers take comes in parts, and counts when the last one is there.
 *
 *     {"v":1,"w":"…","c":"…","t":["call.started"],…}\n       a header of one line
 *     {"event_type":"call.started",…}\n                       an event a line, as it was accepted
 *     {"event_type":"call.started",…}
 */
export type Message =
  | AppendMessage
  | CarryMessage
  | RemovalMessage
  | { readonly kind: 'part'; readonly part: Part; readonly bytes: Buffer }

/** What was stored before it goes: of a channel, or what is older than a time (unix ms) everywhere. */
export type RemovalMessage =
  | { readonly kind: 'erase'; readonly channel: Channel }
  | { readonly kind: 'retain'; readonly before: number }

export interface AppendMessage {
  readonly kind: 'append'
  readonly channel: Channel
  readonly events: readonly Entering[]
  readonly request: Idempotency | undefined
  readonly moved: Moved | undefined
}

export interface CarryMessage extends Carry {
  readonly kind: 'carry'
}

export interface Part {
  readonly id: string
  readonly index: number
  readonly of: number
}

/** An append on its way: events as their line of JSON. */
export interface OutgoingAppend {
  readonly channel: Channel
  readonly events: readonly Pick<Entering, 'type' | 'json' | 'idempotency'>[]
  readonly request?: Idempotency | undefined
  readonly moved?: Moved | undefined
}

interface Header {
  /** Version of the form. */
  readonly v: 1
  /** Workspace, and call. */
  readonly w?: string
  readonly c?: string
  /** Types: one for all events, or one each. */
  readonly t?: readonly string[]
  /** Idempotency of the request, and of single events by their index: key, fingerprint. */
  readonly k?: readonly [string, string]
  readonly e?: readonly (readonly [number, string, string])[]
  /** Of entries from another log: their times, and what they or a carry come after. */
  readonly at?: readonly number[]
  readonly after?: number
  /** What it is, when it is no append. */
  readonly x?: 'carry' | 'erase' | 'retain' | 'part'
  readonly before?: number
  readonly p?: readonly [string, number, number]
}

const NEW_LINE = 10
/** Parts of one message, at most. */
const PARTS_MAX = 99_999
/** What a type may look like: it stands in a line of a frame. */
const TYPE = /^[\w.-]{1,64}$/
/** An object as `JSON.stringify` writes it, as far as frames rely on it: a member first, and nothing that ends a line. */
const EVENT_LINE = /^\{"[^\0-\x1f]*\}$/

export function encodeAppend({ channel, events, request, moved }: OutgoingAppend): Buffer {
  const [first] = events
  const same = first !== undefined && events.every(({ type }) => type === first.type)
  const keys = events.flatMap(({ idempotency }, index): [number, string, string][] =>
    idempotency ? [[index, idempotency.key, idempotency.fingerprint]] : [],
  )
  const header: Header = {
    v: 1,
    ...namesOf(channel),
    t: same ? [first.type] : events.map(({ type }) => type),
    ...(request && { k: [request.key, request.fingerprint] }),
    ...(keys.length > 0 && { e: keys }),
    ...(moved && { at: moved.times, after: moved.after }),
  }
  return Buffer.from([JSON.stringify(header), ...events.map(({ json }) => json)].join('\n'))
}

export function encodeCarry({ workspace, after, rows }: Carry): Buffer {
  const header: Header = { v: 1, x: 'carry', w: workspace, after }
  return Buffer.from([JSON.stringify(header), ...rows.map(encodeRow)].join('\n'))
}

export function encodeErase(channel: Channel): Buffer {
  return encodeHeader({ v: 1, x: 'erase', ...namesOf(channel) })
}

export function encodeRetain(before: number): Buffer {
  return encodeHeader({ v: 1, x: 'retain', before })
}

/** A message as parts of at most `bytesMax` bytes, its header included. */
export function encodeParts(id: string, message: Buffer, bytesMax: number): Buffer[] {
  // Numbers in the header may have a few digits.
  const room = bytesMax - encodeHeader({ v: 1, x: 'part', p: [id, PARTS_MAX, PARTS_MAX] }).length - 1
  const of = Math.ceil(message.length / room)
  return Array.from({ length: of }, (_, index) =>
    Buffer.concat([
      encodeHeader({ v: 1, x: 'part', p: [id, index, of] }),
      Buffer.from('\n'),
      message.subarray(index * room, (index + 1) * room),
    ]),
  )
}

/** What a message says, or undefined when it is none of ours: anybody who may publish there can put anything in. */
export function decodeMessage(data: Uint8Array): Message | undefined {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const end = bytes.indexOf(NEW_LINE)
  try {
    const header = JSON.parse(bytes.toString('utf8', 0, end < 0 ? bytes.length : end)) as Header
    const rest = end < 0 ? Buffer.alloc(0) : bytes.subarray(end + 1)
    return header.v === 1 ? read(header, rest) : undefined
  } catch {
    return undefined
  }
}

function read(header: Header, rest: Buffer): Message | undefined {
  const { w, c, t, k, e = [], at, after, x, before, p } = header
  if (x === 'retain') return typeof before === 'number' ? { kind: 'retain', before } : undefined
  if (x === 'part') {
    const [id, index, of] = p ?? []
    if (typeof id !== 'string' || !isSequence(index) || !isSequence(of) || index >= of || of > PARTS_MAX)
      return undefined
    return { kind: 'part', part: { id, index, of }, bytes: rest }
  }
  if (typeof w !== 'string') return undefined
  const channel: Channel = c === undefined ? { workspace: w } : { workspace: w, call: c }
  if (x === 'erase') return { kind: 'erase', channel }
  const lines = rest.length === 0 ? [] : rest.toString('utf8').split('\n')
  if (x === 'carry')
    return isSequence(after) ? { kind: 'carry', workspace: w, after, rows: decodeRows(lines) } : undefined
  if (x !== undefined || t === undefined) return undefined
  const moved = at && { times: at, after: after ?? 0 }
  if (moved && !(isSequence(moved.after) && areTimes(moved.times, lines.length))) return undefined
  const keys = new Map(e.map(([index, key, fingerprint]) => [index, { key, fingerprint }]))
  const events = lines.map((json, index): Entering => {
    const type = t[t.length === 1 ? 0 : index]
    if (typeof type !== 'string' || !TYPE.test(type)) throw new TypeError('An event has no type')
    if (!EVENT_LINE.test(json)) throw new TypeError('An event is no line of JSON that is an object')
    const event = JSON.parse(json) as JsonObject
    // Its frame has the position there.
    if (c !== undefined && event.id !== undefined) throw new TypeError("A call's event has an id of its own")
    return { type, event, json, idempotency: keys.get(index) }
  })
  return { kind: 'append', channel, events, request: k && { key: k[0], fingerprint: k[1] }, moved }
}

function isSequence(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Times that run backwards, or are none, would not fit a block. */
function areTimes(times: readonly unknown[], count: number): boolean {
  return (
    times.length === count &&
    times.every((time, index) => isSequence(time) && time >= ((times[index - 1] as number) ?? 0))
  )
}

function namesOf({ workspace, call }: Channel): { w: string; c?: string } {
  return call === undefined ? { w: workspace } : { w: workspace, c: call }
}

function encodeHeader(header: Header): Buffer {
  return Buffer.from(JSON.stringify(header))
}
