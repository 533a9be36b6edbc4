import { channelKind, erasedEvent } from '../block.js'
import { channelKey } from '../keys.js'
import { decodePieces, encodePieces, type Opener, pieceOf, type Sealable, unmasked } from '../sealed-parts.js'
import { nameOfSubject, type Subject, subjectOf } from '../subject.js'
import type { SubjectKey } from '../vault.js'
import { type AppendMessage, isEventLine, type OutgoingAppend } from './message.js'
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
    return masked === event ? [] : [{ index, subject: subjectOf(channel, event), json: JSON.stringify(masked) }]
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
  return { ...append, events, sealed: encodePieces(channelKey(channel), groups.values()) }
}

/** True when a key is needed that is not known: the store is to be asked before it is called destroyed. */
export function lacksKeys(keys: SubjectKeys, { channel, sealed: bytes }: AppendMessage): boolean {
  if (bytes === undefined) return false
  let isLacking = false
  decodePieces(channelKey(channel), bytes, (subject, generation) => {
    isLacking ||= !keys.isSettled(channel.workspace, subject, generation)
    return 'erased'
  })
  return isLacking
}

/** The append as it was accepted; masked and saying so where its keys are destroyed. */
export function openAppend(message: AppendMessage, open: Opener): AppendMessage {
  const { channel, sealed: bytes } = message
  const groups = bytes && decodePieces(channelKey(channel), bytes, open)
  if (groups === undefined) return message
  const events = [...message.events]
  for (const { index, same, bytes: piece } of groups.flatMap(({ pieces }) => pieces)) {
    const masked = events[index]
    if (masked === undefined) continue
    const json = piece && Buffer.concat(unmasked(Buffer.from(masked.json), { same }, piece)).toString()
    events[index] =
      json !== undefined && isEventLine(json)
        ? { ...masked, event: JSON.parse(json), json }
        : { ...masked, ...erasedEvent(masked.event, masked.json), isErased: true }
  }
  return { ...message, events, sealed: undefined }
}
