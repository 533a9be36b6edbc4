/**
 * Where an entry stands in its channel: `<unix ms>-<sequence>`, for example `1763788800123-42`.
 *
 * Properties that everything else may rely on (wire contract, "Workspace stream"):
 * 1. Within a channel, sequences strictly increase in append order, with or without holes. 0 means "before the first".
 * 2. The time is the log's own time of the entry and never runs backwards within a channel.
 * 3. The text form is ASCII, at most 64 bytes, and safe in a header, a URL and an SSE `id:` line.
 * 4. Positions of different channels are not comparable.
 */
export interface Position {
  /** Unix time in milliseconds. */
  readonly time: number
  /** Place in the channel: a safe integer above 0. */
  readonly sequence: number
}

/**
 * What a resume token may ask for: the entries after a position, or those from an instant on, inclusive.
 * A bare millisecond number is the second kind, as clients of the public Platform API send it.
 */
export type ResumePoint =
  | { readonly kind: 'after'; readonly position: Position }
  | { readonly kind: 'from'; readonly time: number }

/** Longest text form accepted, in bytes: longer ids make browsers send a CORS preflight. */
export const POSITION_BYTES_MAX = 64

// 15 digits of milliseconds reach the year 33658 and stay a safe integer. Of 16 of a sequence not all do.
const POSITION = /^(\d{1,15})-(\d{1,16})$/
const INSTANT = /^\d{1,15}$/

export function formatPosition(position: Position): string {
  return `${position.time}-${position.sequence}`
}

/** The position a text names, or undefined when it is not one. Never throws. */
export function parsePosition(text: string): Position | undefined {
  const match = POSITION.exec(text)
  if (match === null) return undefined
  const position = { time: Number(match[1]), sequence: Number(match[2]) }
  return Number.isSafeInteger(position.sequence) ? position : undefined
}

/** What a `Last-Event-ID` or `after=` asks for, or undefined when it is malformed. Never throws. */
export function parseResumePoint(text: string): ResumePoint | undefined {
  if (INSTANT.test(text)) return { kind: 'from', time: Number(text) }
  const position = parsePosition(text)
  return position && { kind: 'after', position }
}

/** Negative, zero or positive as `a` stands before, at or after `b` in the same channel. */
export function comparePositions(a: Position, b: Position): number {
  return a.sequence - b.sequence
}
