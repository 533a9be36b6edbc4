import { channelKind, erasedEvent, lineJson } from '../block.js'
import { channelKey } from '../keys.js'
import type { Projection } from '../log.js'
import { decodePieces, encodePieces, type OpenedGroup, pieceOf, type Sealable, unmasked } from '../sealed-parts.js'
import { nameOfSubject, type Subject, type SubjectKey, subjectOf } from '../subject.js'
import { type CarriedRow, type Carry, decodeRows, encodeRow } from './carry.js'
import { type AppendMessage, type CarryMessage, type OutgoingAppend, parseEvent } from './message.js'
import type { SubjectKeys } from './subject-keys.js'

/** An append before its personal data is sealed. */
export interface ClearAppend extends Omit<OutgoingAppend, 'events' | 'sealed'> {
  readonly events: AppendMessage['events']
}

interface MaskedLine {
  readonly index: number
  readonly subject: Subject
  readonly json: string
}

/**
 * The append as it is stored: lines masked, and what they lack sealed with the keys of those it is about. At once when the
 * keys are known; else when they have been made.
 */
export function sealAppend(keys: SubjectKeys, append: ClearAppend): OutgoingAppend | Promise<OutgoingAppend> {
  const { channel } = append
  const masked = maskedLines(keys, append)
  if (masked.length === 0) return append
  const subjects = new Map(masked.map(({ subject }) => [nameOfSubject(subject), subject]))
  const missing = [...subjects.values()].filter((subject) => keys.current(channel.workspace, subject) === undefined)
  if (missing.length === 0) return sealed(keys, append, masked, new Map())
  const making = missing.map(
    async (subject) => [nameOfSubject(subject), await keys.make(channel.workspace, subject)] as const,
  )
  return Promise.all(making).then((made) => sealed(keys, append, masked, new Map(made)))
}

function maskedLines(keys: SubjectKeys, { channel, events }: ClearAppend): readonly MaskedLine[] {
  const kind = channelKind(channel)
  return events.flatMap(({ type, event }, index) => {
    const masked = keys.mask(kind, type, event)
    return masked === event ? [] : [{ index, subject: subjectOf(channel, event), json: lineJson(masked) }]
  })
}

function sealed(
  keys: SubjectKeys,
  append: ClearAppend,
  masked: readonly MaskedLine[],
  made: ReadonlyMap<string, SubjectKey>,
): OutgoingAppend {
  const { channel } = append
  const events: { type: string; json: string }[] = [...append.events]
  const groups = new Map<string, Sealable>()
  for (const { index, subject, json } of masked) {
    const event = append.events[index] as AppendMessage['events'][number]
    const name = nameOfSubject(subject)
    // One that was known, or made, and is void by now: it is an erasure's, and what comes with it counts as before that.
    const key = made.get(name) ?? keys.current(channel.workspace, subject) ?? { generation: 0, key: undefined }
    const group = groups.get(name) ?? { subject, key, pieces: [] }
    groups.set(name, group)
    group.pieces.push(pieceOf(index, Buffer.from(event.json), Buffer.from(json)))
    events[index] = { ...event, json }
  }
  return { ...append, events, sealed: encodePieces(placeOf(append), groups.values()) }
}

/** The same of records: with the newest keys, for they last. */
export async function sealCarry(keys: SubjectKeys, projections: readonly Projection[], carry: Carry): Promise<Carry> {
  const { workspace } = carry
  const rows = [...carry.rows]
  const groups = new Map<string, Sealable>()
  for (const [index, row] of carry.rows.entries()) {
    const personal =
      row.kind === 'record' ? projections.find(({ name }) => name === row.projection)?.personal : undefined
    if (row.kind !== 'record' || row.record === undefined || personal === undefined) continue
    const masked: CarriedRow = { ...row, record: personal.mask(row.record) }
    if (masked.record === row.record) continue
    const subject: Subject = { kind: personal.subject, id: personal.subject === 'workspace' ? '' : row.key }
    const name = nameOfSubject(subject)
    const key = keys.lasting(workspace, subject) ?? (await keys.make(workspace, subject))
    const group = groups.get(name) ?? { subject, key, pieces: [] }
    groups.set(name, group)
    group.pieces.push(pieceOf(index, Buffer.from(encodeRow(row)), Buffer.from(encodeRow(masked))))
    rows[index] = masked
  }
  return groups.size === 0 ? carry : { ...carry, rows, sealed: encodePieces(placeOf(carry), groups.values()) }
}

/** True when a key is needed that is not known: the store is to be asked before it is called destroyed. */
export function lacksKeys(keys: SubjectKeys, message: Content): boolean {
  if (message.sealed === undefined) return false
  let isLacking = false
  decodePieces(placeOf(message), message.sealed, (subject, generation) => {
    isLacking ||= !keys.isSettled(workspaceOf(message), subject, generation)
    return 'erased'
  })
  return isLacking
}

/**
 * The message as it was accepted: masked where its keys are destroyed, and events say so.
 * @param keys Undefined where nothing is sealed: what others have sealed stays as it is stored.
 */
export function openContent<T extends Content>(keys: SubjectKeys | undefined, message: T): T
export function openContent(keys: SubjectKeys | undefined, message: Content): Content {
  const open = keys?.opener(workspaceOf(message))
  const groups = message.sealed && open && decodePieces(placeOf(message), message.sealed, open)
  if (groups === undefined) return message
  const pieces = groups.flatMap((group) => group.pieces)
  return message.kind === 'append' ? openEvents(message, pieces) : openRows(message, pieces)
}

type Pieces = OpenedGroup['pieces']

function openEvents(message: AppendMessage, pieces: Pieces): AppendMessage {
  const events = [...message.events]
  for (const piece of pieces) {
    const masked = events[piece.index]
    if (masked === undefined) continue
    const opened = lineOf(masked.json, piece, (json) => ({ json, event: parseEvent(message.channel, json) }))
    events[piece.index] = opened
      ? { ...masked, ...opened }
      : { ...masked, ...erasedEvent(masked.event, masked.json), isErased: true }
  }
  return { ...message, events, sealed: undefined }
}

function openRows(message: CarryMessage, pieces: Pieces): CarryMessage {
  const rows = [...message.rows]
  for (const piece of pieces) {
    const masked = rows[piece.index]
    const row = masked && lineOf(encodeRow(masked), piece, (line) => decodeRows([line])[0])
    if (row) rows[piece.index] = row
  }
  return { ...message, rows, sealed: undefined }
}

/** Undefined when the piece is gone, or is another line's: somebody who may publish there has moved it. */
function lineOf<T>(masked: string, { same, bytes }: Pieces[number], parse: (line: string) => T): T | undefined {
  try {
    return bytes && parse(Buffer.concat(unmasked(Buffer.from(masked), { same }, bytes)).toString())
  } catch {
    return undefined
  }
}

type Content = AppendMessage | CarryMessage

function workspaceOf(content: Content): string {
  return content.kind === 'append' ? content.channel.workspace : content.workspace
}

/** Where pieces belong: they open in no other channel. */
function placeOf(content: Pick<AppendMessage, 'channel'> | Pick<Carry, 'workspace'>): Buffer {
  return channelKey('channel' in content ? content.channel : { workspace: content.workspace })
}
