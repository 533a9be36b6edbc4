import { createHash } from 'node:crypto'
import { formatPosition, parsePosition } from '@switchboard/contract'
import type { Json } from '../kit.js'
import type { Seen, Stamp } from './checker.js'

const DIGEST_CHARS = 12
const PADDING = 'abcdefghijklmnopqrstuvwxyz'

/**
 * The text of an event: `channel|publisher|number|padding|digest of all that`. Its length goes round with its number, so that
 * blocks of the log have many sizes.
 */
export function stamped(stamp: Stamp, charsMax: number): string {
  const chars = (stamp.n * 37) % charsMax
  const text = `${stamp.channel}|${stamp.publisher}|${stamp.n}|${PADDING.repeat(Math.ceil(chars / PADDING.length)).slice(0, chars)}`
  return `${text}|${digest(text)}`
}

/** What an event says of itself, or undefined when its text is not what it was made as. */
export function stampOf(text: unknown): Stamp | undefined {
  if (typeof text !== 'string') return undefined
  const end = text.lastIndexOf('|')
  if (end < 0 || digest(text.slice(0, end)) !== text.slice(end + 1)) return undefined
  const [channel = '', publisher, n] = text.split('|')
  return { channel: sameText(channel), publisher: Number(publisher), n: Number(n) }
}

/** The event of a workspace that carries a text. */
export const workspaceEvent = (text: string): Json => ({
  event_type: 'pipeline.error',
  data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05',
  error: text,
})

/** The same, of a call. */
export const callEvent = (text: string): Json => ({ type: 'user_transcript', transcript: text })

/** An event as it was handed out, whichever kind it is. */
export function seenOf(id: string, event: Json): Seen {
  const position = parsePosition(id)
  // An id that is none is worse than any other: it is before all of them.
  const { time, sequence } = position && formatPosition(position) === id ? position : { time: -1, sequence: -1 }
  return { time, sequence, stamp: stampOf(event.error ?? event.transcript) }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, DIGEST_CHARS)
}

const texts = new Map<string, string>()

/** One string for all that are equal: a piece of a longer one would keep the whole of it in memory, a million times. */
function sameText(text: string): string {
  const known = texts.get(text)
  if (known !== undefined) return known
  const own = Buffer.from(text).toString()
  texts.set(own, own)
  return own
}
