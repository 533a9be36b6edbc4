import type { JsonObject } from '@switchboard/contract'
import type { Entering, Moved } from '../append.js'
import type { Channel } from '../channel.js'
import type { Idempotency } from '../log.js'
import { type Subject, subjectKinds } from '../subject.js'
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
  | ForgetMessage

/** A subject's keys up to a generation are destroyed: every copy does the same with its own. */
export interface ForgetMessage {
  readonly kind: 'forget'
  readonly workspace: string
  readonly subject: Subject
  readonly through: number
}

export interface AppendMessage {
  readonly kind: 'append'
  readonly channel: Channel
  /** As stored: without their personal data, when it is sealed. */
  readonly events: readonly Entering[]
  readonly request: Idempotency | undefined
  readonly moved: Moved | undefined
  /** What the events lack, as `encodePieces` gives it. */
  readonly sealed?: Buffer | undefined
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
  readonly sealed?: Buffer | undefined
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
  /**
   * What the lines lack, sealed (sealed-parts.ts), base64. A gateway of a version that does not know it reads the lines
   * masked, at the same positions.
   */
  readonly z?: string
  /** Of entries from another log: their times, and what they or a carry come after. */
  readonly at?: readonly number[]
  readonly after?: number
  /** What it is, when it is no append. */
  readonly x?: 'carry' | 'erase' | 'retain' | 'forget' | 'part'
  readonly before?: number
  /** Whose keys are destroyed, and up to which generation. */
  readonly s?: readonly [string, string, number]
  readonly p?: readonly [string, number, number]
}

const NEW_LINE = 10
/** Parts of one message, at most. */
const PARTS_MAX = 99_999
/** What a type may look like: it stands in a line of a frame. */
const TYPE = /^[\w.-]{1,64}$/
/** An object as `JSON.stringify` writes it, as far as frames rely on it: a member first, and nothing that ends a line. */
const EVENT_LINE = /^\{"[^\0-\x1f]*\}$/

export function encodeAppend({ channel, events, request, moved, sealed }: OutgoingAppend): Buffer {
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
    ...zOf(sealed),
  }
  return Buffer.from([JSON.stringify(header), ...events.map(({ json }) => json)].join('\n'))
}

export function encodeCarry({ workspace, after, rows, sealed }: Carry): Buffer {
  const header: Header = { v: 1, x: 'carry', w: workspace, after, ...zOf(sealed) }
  return Buffer.from([JSON.stringify(header), ...rows.map(encodeRow)].join('\n'))
}

export function encodeErase(channel: Channel): Buffer {
  return encodeHeader({ v: 1, x: 'erase', ...namesOf(channel) })
}

export function encodeRetain(before: number): Buffer {
  return encodeHeader({ v: 1, x: 'retain', before })
}

export function encodeForget({ workspace, subject, through }: Omit<ForgetMessage, 'kind'>): Buffer {
  return encodeHeader({ v: 1, x: 'forget', w: workspace, s: [subject.kind, subject.id, through] })
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
  const { w, c, t, k, e = [], at, after, x, before, p, s = [], z } = header
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
  if (x === 'forget') {
    const [given, id, through] = s
    const kind = subjectKinds.find((each) => each === given)
    if (kind === undefined || typeof id !== 'string' || !isSequence(through)) return undefined
    return { kind: 'forget', workspace: w, subject: { kind, id }, through }
  }
  const lines = rest.length === 0 ? [] : rest.toString('utf8').split('\n')
  const sealed = z === undefined ? undefined : Buffer.from(z, 'base64')
  if (x === 'carry')
    return isSequence(after) ? { kind: 'carry', workspace: w, after, rows: decodeRows(lines), sealed } : undefined
  if (x !== undefined || t === undefined) return undefined
  const moved = at && { times: at, after: after ?? 0 }
  if (moved && !(isSequence(moved.after) && areTimes(moved.times, lines.length))) return undefined
  const keys = new Map(e.map(([index, key, fingerprint]) => [index, { key, fingerprint }]))
  const events = lines.map((json, index): Entering => {
    const type = t[t.length === 1 ? 0 : index]
    if (typeof type !== 'string' || !TYPE.test(type)) throw new TypeError('An event has no type')
    return { type, event: parseEvent(channel, json), json, idempotency: keys.get(index) }
  })
  return { kind: 'append', channel, events, request: k && { key: k[0], fingerprint: k[1] }, moved, sealed }
}

/** @throws Error for what is no event of that channel. */
export function parseEvent({ call }: Channel, json: string): JsonObject {
  if (!EVENT_LINE.test(json)) throw new TypeError('An event is no line of JSON that is an object')
  const event = JSON.parse(json) as JsonObject
  // Its frame has the position there.
  if (call !== undefined && event.id !== undefined) throw new TypeError("A call's event has an id of its own")
  return event
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

function zOf(sealed: Buffer | undefined): { z?: string } {
  return sealed ? { z: sealed.toString('base64') } : {}
}

function encodeHeader(header: Header): Buffer {
  return Buffer.from(JSON.stringify(header))
}
