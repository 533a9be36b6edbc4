/**
 * Where an event stands in its channel: `<unix ms>-<sequence>`, for example `1763788800123-42`. Sequences strictly
 * increase within a channel; positions of different channels are not comparable.
 */
export interface Position {
  /** Unix time in milliseconds at which the server took the event. */
  readonly time: number
  /** Place in the channel: a safe integer above 0. */
  readonly sequence: number
}

const POSITION = /^(\d{1,15})-(\d{1,16})$/
const INSTANT = /^\d{1,15}$/

/** The position a text names, or undefined when it is not one. Never throws. */
export function parsePosition(text: string): Position | undefined {
  const match = POSITION.exec(text)
  if (match === null) return undefined
  const position = { time: Number(match[1]), sequence: Number(match[2]) }
  return Number.isSafeInteger(position.sequence) ? position : undefined
}

/** Negative, zero or positive as `a` stands before, at or after `b` in the same channel. */
export function comparePositions(a: Position, b: Position): number {
  return a.sequence - b.sequence
}

/** True for what the server accepts as a place to resume from: a position, or a bare unix time in milliseconds. */
export function isResumePoint(text: string): boolean {
  return parsePosition(text) !== undefined || INSTANT.test(text)
}

/**
 * Tells repeats from news while one channel is read over several connections: a position at or before the last one
 * that was new is a repeat.
 */
export class RepeatFilter {
  #last: Position | undefined

  /** @param after the position that the reader already has, if it has one. */
  constructor(after?: string) {
    this.#last = after === undefined ? undefined : parsePosition(after)
  }

  /** True when the position is news; it then counts as seen. What is not a position cannot be compared, so is news. */
  isNew(position: Position | undefined): boolean {
    if (position === undefined) return true
    if (this.#last !== undefined && comparePositions(position, this.#last) <= 0) return false
    this.#last = position
    return true
  }

  /** After a gap the log may have begun anew, with sequences that were seen before. */
  forget(): void {
    this.#last = undefined
  }
}
