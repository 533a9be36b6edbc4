import type { Clock } from './clock.js'
import type { Ending } from './connection-state.js'
import { SwitchboardError } from './errors.js'
import { type Gap, readGap } from './gap.js'
import {
  buildUrl,
  endingOfStatus,
  errorOf,
  type Fetch,
  type JsonObject,
  parseObject,
  type Query,
  stringOf,
} from './http.js'
import type { Attempt, Transport } from './link.js'
import { type Position, parsePosition, RepeatFilter } from './position.js'
import { EventStreamLimitError, type EventStreamMessage, EventStreamReader } from './sse.js'
import { Watchdog } from './watchdog.js'

/** What `stream.opened` tells. */
export interface Opened {
  readonly connectionId: string | undefined
  /** True when the stream goes on from a position, false when it starts live. */
  readonly resumed: boolean
  /** The position the stream starts from. */
  readonly position: string | undefined
  /** Streams the workspace may have open at once. */
  readonly maxStreams: number | undefined
}

/** An event frame, before its type is looked at. */
export interface Frame {
  /** The SSE `event:` name. */
  readonly type: string
  readonly id: string
  readonly position: Position | undefined
  /** The JSON object in `data:`, or the text itself under `data` when it is none. */
  readonly data: JsonObject
}

export interface SseOptions {
  readonly baseUrl: string
  readonly path: string
  readonly query: Query
  /** The position to start after. */
  readonly after: string | undefined
  /** The instant or age to start at, as the server takes it. */
  readonly since: string | undefined
  readonly fetch: Fetch
  readonly clock: Clock
  readonly silenceMs: number
  readonly onOpen?: ((opened: Opened) => void) | undefined
  readonly onGap?: ((gap: Gap) => void) | undefined
}

/** Codes of an `error` frame after which the same request cannot succeed, whoever asks. */
const FINAL_FRAMES: ReadonlySet<string> = new Set(['too_many_streams', 'bad_request', 'forbidden', 'not_found'])
const CREDENTIAL_FRAMES: ReadonlySet<string> = new Set(['credential_revoked', 'credential_expired', 'unauthenticated'])

/** The workspace channel over SSE. One of these lives as long as its stream and remembers where it stands. */
export class SseTransport implements Transport<Frame> {
  /** The position to resume after: everything up to it has been handed out. */
  position: string | undefined
  reconnectionTime: number | undefined
  readonly #options: SseOptions
  readonly #repeats: RepeatFilter

  constructor(options: SseOptions) {
    this.#options = options
    this.position = options.after
    this.#repeats = new RepeatFilter(options.after)
  }

  async *connect(attempt: Attempt): AsyncGenerator<Frame, Ending, void> {
    const controller = new AbortController()
    const abort = (): void => controller.abort()
    attempt.signal.addEventListener('abort', abort)
    const watchdog = new Watchdog(this.#options.clock, this.#options.silenceMs, abort)
    // Only the network's failures become endings. What a caller's callback throws goes to the caller as it is.
    const lost = (cause: unknown): Ending => {
      if (attempt.signal.aborted) return { advice: 'over' }
      return { advice: 'retry', error: this.#failure(watchdog, cause) }
    }
    try {
      watchdog.arm()
      const response = await settle(this.#request(attempt.token, controller.signal))
      if (!response.ok) return lost(response.cause)
      if (!response.value.ok) return endingOfStatus(await errorOf(response.value, this.#options.clock.now()))
      const body = bodyOf(response.value)
      if (body === undefined) return { advice: 'give-up', error: notAStream(response.value) }
      return yield* this.#read(body, watchdog, attempt, lost)
    } finally {
      watchdog.disarm()
      attempt.signal.removeEventListener('abort', abort)
      // Whichever way this ends, also by a consumer that breaks off: the connection is given back.
      controller.abort()
    }
  }

  #request(token: string, signal: AbortSignal): Promise<Response> {
    const { baseUrl, path, query, since } = this.#options
    const headers: Record<string, string> = { authorization: `Bearer ${token}`, accept: 'text/event-stream' }
    if (this.position !== undefined) headers['last-event-id'] = this.position
    // Once there is a position it says more than the time that was asked for at first.
    const url = buildUrl(baseUrl, path, this.position === undefined ? { ...query, since } : query)
    return this.#options.fetch(url, { headers, signal, cache: 'no-store' })
  }

  async *#read(
    body: ReadableStream<Uint8Array>,
    watchdog: Watchdog,
    attempt: Attempt,
    lost: (cause: unknown) => Ending,
  ): AsyncGenerator<Frame, Ending, void> {
    const reader = new EventStreamReader()
    const chunks = body.getReader()
    /** The id of the last control frame. Frames without an id repeat it, and it is not a position to go on from. */
    let controlId = ''
    for (;;) {
      // The watchdog counts only while somebody waits for bytes: a consumer's own slowness is no silence.
      watchdog.arm()
      const chunk = await settle(chunks.read())
      watchdog.disarm()
      if (!chunk.ok) return lost(chunk.cause)
      if (chunk.value.done) return lost(new Error('the server ended the response'))
      const { messages, error } = pushInto(reader, chunk.value.value)
      this.reconnectionTime = reader.reconnectionTime ?? this.reconnectionTime
      for (const message of messages) {
        if (message.type === 'error') return endingOfFrame(parseObject(message.data) ?? {})
        attempt.opened()
        if (message.type.startsWith('stream.')) {
          controlId = message.lastEventId
          this.#control(message)
          continue
        }
        const frame = this.#frame(message)
        if (frame !== undefined) yield frame
      }
      if (error !== undefined) return { advice: 'give-up', error }
      // A block of nothing but an id: a heartbeat that moves a filtered stream's position on.
      if (reader.lastEventId !== controlId) this.#advance(reader.lastEventId)
    }
  }

  /** Takes an id as the place to resume from. False when the position has been passed before. */
  #advance(id: string): boolean {
    if (id === '') return true
    if (!this.#repeats.isNew(parsePosition(id))) return false
    this.position = id
    return true
  }

  #frame(message: EventStreamMessage): Frame | undefined {
    const id = message.lastEventId
    if (!this.#advance(id)) return undefined
    const data = parseObject(message.data) ?? { data: message.data }
    return { type: message.type, id, position: parsePosition(id), data }
  }

  #control(message: EventStreamMessage): void {
    const data = parseObject(message.data) ?? {}
    const id = message.lastEventId
    if (message.type === 'stream.opened') {
      // On a resume ours is the position to keep until something newer has been handed out.
      if (this.position === undefined && id !== '') this.position = id
      this.#options.onOpen?.({
        connectionId: stringOf(data.connection_id),
        resumed: data.resumed === true,
        position: this.position,
        maxStreams: typeof data.max_streams_per_workspace === 'number' ? data.max_streams_per_workspace : undefined,
      })
    } else if (message.type === 'stream.gap') {
      this.#repeats.forget()
      this.#options.onGap?.(readGap(data))
    }
    // Another control frame is newer than this SDK and, by its name, not an event.
  }

  #failure(watchdog: Watchdog, cause: unknown): SwitchboardError {
    if (!watchdog.barked)
      return new SwitchboardError('connection_failed', 'the connection broke or was refused', { cause })
    return new SwitchboardError('connection_silent', `nothing arrived for ${this.#options.silenceMs} ms`)
  }
}

type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly cause: unknown }

function settle<T>(promise: Promise<T>): Promise<Settled<T>> {
  return promise.then(
    (value) => ({ ok: true, value }),
    (cause: unknown) => ({ ok: false, cause }),
  )
}

function pushInto(
  reader: EventStreamReader,
  bytes: Uint8Array,
): { readonly messages: readonly EventStreamMessage[]; readonly error?: SwitchboardError } {
  try {
    return { messages: reader.push(bytes) }
  } catch (cause) {
    if (!(cause instanceof EventStreamLimitError)) throw cause
    const detail = `an event of the stream holds more than ${cause.eventCharsMax} characters`
    return { messages: cause.messages, error: new SwitchboardError('event_too_large', detail, { cause }) }
  }
}

/** The body of an answer that is an event stream, or undefined. */
function bodyOf(response: Response): ReadableStream<Uint8Array> | undefined {
  const type = response.headers.get('content-type') ?? ''
  if (response.status !== 200 || !/^text\/event-stream\s*(;|$)/i.test(type)) return undefined
  return response.body ?? undefined
}

function notAStream(response: Response): SwitchboardError {
  const type = response.headers.get('content-type') ?? 'no content type'
  const detail = `expected 200 with text/event-stream, got ${response.status} with ${type}; is baseUrl a Switchboard server?`
  return new SwitchboardError('unexpected_response', detail, { status: response.status })
}

function endingOfFrame(data: JsonObject): Ending {
  const code = stringOf(data.code) ?? 'stream_error'
  const error = new SwitchboardError(code, stringOf(data.message) ?? 'the server ended the stream with an error')
  if (FINAL_FRAMES.has(code)) return { advice: 'give-up', error }
  if (CREDENTIAL_FRAMES.has(code)) return { advice: 'refresh', error }
  return { advice: 'retry', error }
}
