import { type Marks, syncCompleted } from './events.js'

const ID_MARK = '\nid: '
const ZERO = 48
const NINE = 57
/** More than any frame has: a number may come in two pieces, and so may the id before it. */
const KEPT_BYTES_MAX = 1024
/** Of one stream. What is missing beyond is counted, and not known by its number. */
const MISSING_KNOWN_MAX = 20_000
const NOTHING = Buffer.alloc(0)

export interface NumbersOptions {
  /** Who take the numbers in turn, each with an order of its own. Default: 1. */
  readonly lanes?: number
  /** The lanes that come on this stream. Default: all. */
  readonly only?: readonly number[]
  /** The number before the first that must come. Default: 0. */
  readonly after?: number
  /** Default: those of `syncCompleted`. */
  readonly marks?: Marks
  /** Whether `lastId` is wanted, which costs a little. Default: false. */
  readonly remembersId?: boolean
  /** Hears of every event as it is found. */
  onEvent?(number: number, sent: number): void
}

/**
 * Finds the numbers of events in the bytes of one stream, as they come and however they are cut, and holds them against
 * their order: that of 1, 2, 3, …, or with several lanes, that take the numbers in turn, each lane's own.
 * It reads nothing else, so that a thousand of them cost less than the server that feeds them.
 *
 *     3 lanes      1 · · 4 · · 7        · 2 · · 5 · · 8        · · 3 · · 6 · · 9
 */
export class Numbers {
  /** Events seen. */
  count = 0
  /** Numbers that came again. */
  repeats = 0
  /** Numbers that came after a later one. */
  late = 0
  /** Numbers of lanes that should not come here. */
  strays = 0
  /** Position of the last event, to resume from. Empty unless it is wanted. */
  lastId = ''
  private kept: Buffer = NOTHING
  private readonly last: number[]
  private readonly missing = new Set<number>()
  private missingUnknown = 0
  private readonly needle: Needle
  private readonly sentMark: Buffer
  private readonly lanes: number
  private readonly only: readonly number[] | undefined
  private readonly after: number
  private readonly remembersId: boolean
  private readonly onEvent: NumbersOptions['onEvent']

  constructor({
    lanes = 1,
    only,
    after = 0,
    marks = syncCompleted.marks,
    remembersId = false,
    onEvent,
  }: NumbersOptions = {}) {
    this.lanes = lanes
    this.only = only
    this.after = after
    this.remembersId = remembersId
    this.onEvent = onEvent
    this.needle = Needle.of(marks.number)
    this.sentMark = Buffer.from(marks.sent)
    // The last numbers up to it, each at its lane's place.
    this.last = this.ownLanes().map((lane) => after - ((((after - lane) % lanes) + lanes) % lanes))
  }

  /** Numbers passed over, and not come since. */
  get gaps(): number {
    return this.missing.size + this.missingUnknown
  }

  /** How many events have come of those that should, each counted once. */
  get had(): number {
    return this.count - this.repeats - this.strays
  }

  /** How many events up to a number should come. */
  expected(upTo: number): number {
    const { lanes, after } = this
    return this.ownLanes().reduce(
      (sum, lane) => sum + Math.floor((upTo - lane) / lanes) - Math.floor((after - lane) / lanes),
      0,
    )
  }

  /** @param bytes The caller may use its memory again afterwards. */
  push(bytes: Buffer, from = 0, to = bytes.length): void {
    if (this.kept.length === 0) {
      this.scan(bytes, from, to)
      return
    }
    const text = Buffer.concat([this.kept, bytes.subarray(from, to)])
    this.kept = NOTHING
    this.scan(text, 0, text.length)
  }

  /** A new connection begins: what was cut off on the old one comes again as a whole. */
  restart(): void {
    this.kept = NOTHING
  }

  private ownLanes(): readonly number[] {
    return this.only ?? Array.from({ length: this.lanes }, (_, lane) => lane)
  }

  private scan(text: Buffer, begin: number, to: number): void {
    const { needle, sentMark } = this
    let from = begin
    let lastMark = -1
    let mark = needle.find(text, from, to)
    for (; mark >= 0; mark = needle.find(text, from, to)) {
      let end = mark + needle.bytes.length
      let number = 0
      for (let digit = text[end] ?? 0; end < to && isDigit(digit); digit = text[++end] ?? 0) {
        number = number * 10 + digit - ZERO
      }
      end += sentMark.length
      let sent = 0
      for (let digit = text[end] ?? 0; end < to && isDigit(digit); digit = text[++end] ?? 0) {
        sent = sent * 10 + digit - ZERO
      }
      // It may go on with the next piece.
      if (end >= to) break
      this.take(number, sent)
      lastMark = mark
      from = end
    }
    if (this.remembersId) {
      if (lastMark >= 0) {
        const id = text.lastIndexOf(ID_MARK, lastMark) + ID_MARK.length
        this.lastId = text.toString('latin1', id, text.indexOf('\n', id))
      }
      // An id stands before its number.
      this.keep(text, Math.max(from, to - KEPT_BYTES_MAX), to)
    } else this.keep(text, mark >= 0 ? mark : needle.beginsAt(text, from, to), to)
  }

  private keep(text: Buffer, from: number, to: number): void {
    if (from < to) this.kept = Buffer.from(text.subarray(from, to))
  }

  private take(number: number, sent: number): void {
    this.count += 1
    const { lanes, only, last, missing } = this
    const lane = lanes === 1 ? 0 : number % lanes
    const place = only === undefined ? lane : only.indexOf(lane)
    if (place < 0) {
      this.strays += 1
      return
    }
    this.onEvent?.(number, sent)
    const before = last[place] ?? 0
    if (number <= before) {
      if (missing.delete(number)) this.late += 1
      else this.repeats += 1
      return
    }
    for (let passed = before + lanes; passed < number; passed += lanes) {
      if (missing.size < MISSING_KNOWN_MAX) missing.add(passed)
      else this.missingUnknown += 1
    }
    last[place] = number
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE
}

/**
 * A text to be found in bytes that stand in a frame a few times at most: it looks at every tenth byte or so, by Horspool's
 * rule, in the language itself. `Buffer.indexOf` takes longer to be called than this to look through a frame.
 */
class Needle {
  private static readonly made = new Map<string, Needle>()
  readonly bytes: Buffer
  /** How far to go on from a byte, by the byte. */
  private readonly skips: Uint8Array

  private constructor(text: string) {
    this.bytes = Buffer.from(text)
    const last = this.bytes.length - 1
    this.skips = new Uint8Array(256).fill(this.bytes.length)
    for (let index = 0; index < last; index++) this.skips[this.bytes[index] ?? 0] = last - index
  }

  static of(text: string): Needle {
    const needle = Needle.made.get(text) ?? new Needle(text)
    Needle.made.set(text, needle)
    return needle
  }

  /** Where it stands first; -1 when it does not. */
  find(text: Buffer, from: number, to: number): number {
    const { bytes, skips } = this
    const last = bytes.length - 1
    for (let end = from + last; end < to; end += skips[text[end] ?? 0] ?? 1) {
      let back = 0
      while (back <= last && text[end - back] === bytes[last - back]) back += 1
      if (back > last) return end - last
    }
    return -1
  }

  /** Where it may begin at the end of a piece; the end when it cannot. */
  beginsAt(text: Buffer, from: number, to: number): number {
    const { bytes } = this
    for (let at = Math.max(from, to - bytes.length + 1); at < to; at++) {
      let same = 0
      while (at + same < to && text[at + same] === bytes[same]) same += 1
      if (at + same === to) return at
    }
    return to
  }
}
