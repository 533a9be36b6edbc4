/**
 * Reads an event stream as the HTML standard says (https://html.spec.whatwg.org/multipage/server-sent-events.html,
 * "Parsing an event stream" and "Interpreting an event stream"). Pure: chunks of bytes go in, messages come out; it
 * knows no socket, clock or framework. Any cutting of the same bytes into chunks gives the same messages, in time
 * linear in the bytes.
 *
 *     bytes ──UTF-8──▶ text ──CR, LF, CRLF──▶ lines ──blank line──▶ messages
 *                                 │
 *                         the unfinished line and block stay here, within `eventCharsMax`
 */

/** One dispatched block of an event stream. */
export interface EventStreamMessage {
  /** The `event:` field, or `message` when the block had none or an empty one. */
  readonly type: string
  /** The `data:` lines, joined by LF. May be empty. */
  readonly data: string
  /** The last event id in force when the block ended, whether this block set it or an earlier one; `''` for none. */
  readonly lastEventId: string
}

export interface EventStreamReaderOptions {
  /**
   * UTF-16 units that one unfinished block may hold (its data, its type and the line that is being read) before the
   * reader fails. Default 4 Mi, 64 times the largest Switchboard event.
   */
  readonly eventCharsMax?: number
}

/** Default of `eventCharsMax`. */
export const EVENT_CHARS_MAX: number = 4 * 1024 * 1024

/** A block grew beyond `eventCharsMax`. The reader stays failed: every later `push` throws this again. */
export class EventStreamLimitError extends Error {
  override readonly name = 'EventStreamLimitError'
  readonly code = 'event_too_large'
  /** The limit, in UTF-16 units. */
  readonly eventCharsMax: number
  /** Messages of the failing `push` that were complete before the limit was passed, so that none is lost. */
  readonly messages: readonly EventStreamMessage[]

  constructor(eventCharsMax: number, messages: readonly EventStreamMessage[]) {
    super(`[event_too_large] a block of the event stream holds more than ${eventCharsMax} characters`)
    this.eventCharsMax = eventCharsMax
    this.messages = messages
  }
}

const BOM = '\uFEFF'
const CR = 13
const LF = 10
const SPACE = 32
const DIGITS = /^[0-9]+$/

/** One reader reads one stream. After `end()` it may read another; the id buffer then starts empty, as the standard says. */
export class EventStreamReader {
  readonly #eventCharsMax: number
  #lastEventId = ''
  #reconnectionTime: number | undefined
  #decoder = newDecoder()
  #atStart = true
  /** The last character was a CR that ended a line, so a LF that follows belongs to it. */
  #afterCr = false
  /** Pieces of the unfinished line. Joined once, at its end: joining at every chunk would take quadratic time. */
  #pieces: string[] = []
  #piecesChars = 0
  #data: string[] = []
  #dataChars = 0
  #type = ''
  #id = ''
  #failed: EventStreamLimitError | undefined

  constructor(options: EventStreamReaderOptions = {}) {
    const max = options.eventCharsMax ?? EVENT_CHARS_MAX
    if (!(max > 0)) throw new RangeError(`eventCharsMax is ${max}; accepted is a positive number`)
    this.#eventCharsMax = max
  }

  /**
   * The last event id string: what a reconnection sends as `Last-Event-ID`. It changes when a block ends, also a block
   * of nothing but an id; an id in an unfinished block does not count. `''` when there is none.
   */
  get lastEventId(): string {
    return this.#lastEventId
  }

  /** Milliseconds of the last valid `retry:` line, in force from that line on; undefined before the first. */
  get reconnectionTime(): number | undefined {
    return this.#reconnectionTime
  }

  /**
   * Takes the next bytes and returns the messages they complete, in order.
   *
   * @throws EventStreamLimitError when a block grows beyond `eventCharsMax`.
   */
  push(bytes: Uint8Array): EventStreamMessage[] {
    if (this.#failed !== undefined) throw this.#failed
    let text = this.#decoder.decode(bytes, { stream: true })
    const messages: EventStreamMessage[] = []
    if (text === '') return messages
    if (this.#atStart) {
      this.#atStart = false
      // One byte order mark, and only as the very first character. A second one is part of the first field's name.
      if (text.startsWith(BOM)) text = text.slice(1)
    }
    this.#readText(text, messages)
    return messages
  }

  /** The stream ended. An unfinished line or block is discarded, never dispatched. */
  end(): void {
    this.#decoder = newDecoder()
    this.#atStart = true
    this.#afterCr = false
    this.#pieces = []
    this.#piecesChars = 0
    this.#clearBlock()
    this.#id = ''
    this.#failed = undefined
  }

  #readText(text: string, messages: EventStreamMessage[]): void {
    let start = 0
    if (this.#afterCr && text.length > 0) {
      this.#afterCr = false
      if (text.charCodeAt(0) === LF) start = 1
    }
    // Each search runs on from where the last one ended, and a character that is not there is not searched again, so
    // that a long stretch without CR is walked once and not once a line.
    let cr = text.indexOf('\r', start)
    let lf = text.indexOf('\n', start)
    while (cr !== -1 || lf !== -1) {
      const end = cr === -1 ? lf : lf === -1 ? cr : Math.min(cr, lf)
      this.#endLine(text.slice(start, end), messages)
      start = end + 1
      if (text.charCodeAt(end) === CR) {
        // A CR ends the line at once; whether a LF belongs to it may only show in the next chunk.
        if (start === text.length) this.#afterCr = true
        else if (text.charCodeAt(start) === LF) start += 1
      }
      if (cr !== -1 && cr < start) cr = text.indexOf('\r', start)
      if (lf !== -1 && lf < start) lf = text.indexOf('\n', start)
    }
    if (start === text.length) return
    this.#pieces.push(start === 0 ? text : text.slice(start))
    this.#piecesChars += text.length - start
    this.#checkLimit(this.#piecesChars, messages)
  }

  #endLine(rest: string, messages: EventStreamMessage[]): void {
    let line = rest
    if (this.#piecesChars > 0) {
      this.#pieces.push(rest)
      line = this.#pieces.join('')
      this.#pieces = []
      this.#piecesChars = 0
    }
    if (line === '') {
      const message = this.#endBlock()
      if (message !== undefined) messages.push(message)
      return
    }
    this.#checkLimit(line.length, messages)
    const colon = line.indexOf(':')
    // A comment.
    if (colon === 0) return
    // A line without a colon is a field's name alone; of a value, one leading space is left out.
    const value = line.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1
    if (colon === -1) this.#field(line, '')
    else this.#field(line.slice(0, colon), line.slice(value))
  }

  /** Names are compared as they are: upper case or spaces make another, unknown field. */
  #field(name: string, value: string): void {
    switch (name) {
      case 'data':
        this.#data.push(value)
        this.#dataChars += value.length + 1
        return
      case 'event':
        this.#type = value
        return
      case 'id':
        if (!value.includes('\0')) this.#id = value
        return
      case 'retry':
        if (DIGITS.test(value)) this.#reconnectionTime = Math.min(Number(value), Number.MAX_SAFE_INTEGER)
        return
    }
  }

  #endBlock(): EventStreamMessage | undefined {
    this.#lastEventId = this.#id
    // No data line: nothing to dispatch. A single empty one is a message with empty data.
    const message =
      this.#data.length === 0
        ? undefined
        : { type: this.#type || 'message', data: this.#data.join('\n'), lastEventId: this.#id }
    this.#clearBlock()
    return message
  }

  #clearBlock(): void {
    if (this.#data.length > 0) this.#data = []
    this.#dataChars = 0
    this.#type = ''
  }

  #checkLimit(lineChars: number, messages: EventStreamMessage[]): void {
    if (this.#dataChars + this.#type.length + lineChars <= this.#eventCharsMax) return
    this.#pieces = []
    this.#piecesChars = 0
    this.#clearBlock()
    this.#failed = new EventStreamLimitError(this.#eventCharsMax, messages)
    throw this.#failed
  }
}

/** Streams are UTF-8 whatever the headers say. The byte order mark is ours to handle, in `push`. */
function newDecoder(): TextDecoder {
  return new TextDecoder('utf-8', { ignoreBOM: true })
}
