import type { Clock } from './clock.js'
import type { Ending } from './connection-state.js'
import { SwitchboardError } from './errors.js'
import { type Gap, readGap } from './gap.js'
import { buildUrl, endingOfStatus, type JsonObject, parseObject, problemError, type Query, stringOf } from './http.js'
import { Inbox } from './inbox.js'
import type { Attempt, Transport } from './link.js'
import { parsePosition, RepeatFilter } from './position.js'
import { attach, type SocketConstructor, type SocketLike, socketConstructor } from './socket.js'
import type { Frame } from './sse-transport.js'
import { Watchdog } from './watchdog.js'

export interface ObserverTransportOptions {
  readonly baseUrl: string
  readonly path: string
  readonly types: string | undefined
  readonly after: string | undefined
  readonly history: 'all' | 'none'
  readonly WebSocket: SocketConstructor | undefined
  readonly clock: Clock
  readonly silenceMs: number
  /** UTF-16 units of frames kept for a slow consumer before the connection is given up, to be resumed later. */
  readonly inboxCharsMax: number
  /** Every `session_info`, one for each connection. */
  readonly onInfo: (info: JsonObject) => void
  readonly onLive?: (() => void) | undefined
  readonly onGap?: ((gap: Gap) => void) | undefined
}

/** A call's channel over WebSocket. One of these lives as long as its observation and remembers where it stands. */
export class ObserverTransport implements Transport<Frame> {
  /** The position to resume after: everything up to it has been handed out. */
  position: string | undefined
  readonly reconnectionTime = undefined
  readonly #options: ObserverTransportOptions
  readonly #repeats: RepeatFilter
  #gaveInfo = false
  #gaveEnd = false

  constructor(options: ObserverTransportOptions) {
    this.#options = options
    this.position = options.after
    this.#repeats = new RepeatFilter(options.after)
  }

  async *connect(attempt: Attempt): AsyncGenerator<Frame, Ending, void> {
    const inbox = new Inbox(this.#options.inboxCharsMax)
    const broken = (cause?: unknown): Ending =>
      lost('connection_failed', 'the connection broke or was refused', cause === undefined ? undefined : { cause })
    let ending: Ending = broken()
    let drop = (): void => {}
    const stop = (how: Ending): void => {
      ending = how
      watchdog.disarm()
      drop()
      inbox.end()
    }
    const { clock, silenceMs } = this.#options
    const watchdog = new Watchdog(clock, silenceMs, () =>
      stop(lost('connection_silent', `nothing arrived for ${silenceMs} ms`)),
    )
    const abort = (): void => stop({ advice: 'over' })
    attempt.signal.addEventListener('abort', abort)
    try {
      const Socket = await socketConstructor(this.#options.WebSocket)
      if (Socket instanceof SwitchboardError) return { advice: 'give-up', error: Socket }
      // Nothing is awaited from here until it is listened to: Node's own may fail before the next turn.
      const socket = this.#open(Socket, attempt.token)
      if (socket instanceof SwitchboardError) return { advice: 'give-up', error: socket }
      drop = attach(socket, {
        message: (data) => {
          watchdog.arm()
          // What does not fit is left to the next connection, which asks for everything after the last that did.
          if (!inbox.put(textOf(data))) stop({ advice: 'resume' })
        },
        closed: (code, reason) => stop(endingOfClose(code, reason)),
        failed: (cause) => stop(broken(cause)),
        refused: (answer) => stop(endingOfStatus(problemError(answer, {}, clock.now()))),
      })
      watchdog.arm()
      while (!attempt.signal.aborted) {
        const delivery = await inbox.take()
        if (delivery.kind === 'end') return ending
        attempt.opened()
        const frame = this.#read(parseObject(delivery.text) ?? { data: delivery.text })
        if (frame !== undefined) yield frame
      }
      return { advice: 'over' }
    } finally {
      attempt.signal.removeEventListener('abort', abort)
      watchdog.disarm()
      drop()
    }
  }

  /** The socket, or why there can be none, however often it is tried. */
  #open(Socket: SocketConstructor, token: string): SocketLike | SwitchboardError {
    const { baseUrl, path, types, history } = this.#options
    const from: Query = this.position === undefined ? { history } : { after: this.position }
    const url = buildUrl(baseUrl.replace(/^http/, 'ws'), path, { types, ...from })
    try {
      return new Socket(url, ['auth', token])
    } catch (cause) {
      return new SwitchboardError('invalid_argument', 'the WebSocket does not take the address', { cause })
    }
  }

  #read(data: JsonObject): Frame | undefined {
    const type = stringOf(data.type)
    const id = stringOf(data.id)
    if (type === undefined && 'heartbeat' in data) return undefined
    switch (type) {
      case 'session_info':
        return this.#info(data, id)
      case 'session_live':
        if (id !== undefined) this.#advance(id)
        this.#options.onLive?.()
        return undefined
      case 'stream.gap':
        this.#repeats.forget()
        this.#options.onGap?.(readGap(data))
        return undefined
      case 'session_end': {
        // Made by the server when no producer sent one, it may share its position with the event before it.
        const first = !this.#gaveEnd
        this.#gaveEnd = true
        if (id !== undefined) this.#advance(id)
        return first ? frameOf(type, id ?? this.position ?? '', data) : undefined
      }
      default:
        if (id !== undefined && !this.#advance(id)) return undefined
        return frameOf(type ?? '', id ?? this.position ?? '', data)
    }
  }

  /** Takes an id as the place to resume from. False when the position has been passed before. */
  #advance(id: string): boolean {
    if (!this.#repeats.isNew(parsePosition(id))) return false
    this.position = id
    return true
  }

  #info(data: JsonObject, id: string | undefined): Frame | undefined {
    // Before a backlog, the position here is where the call stands and not what we have: only without one is it ours.
    if (this.position === undefined && this.#options.history === 'none') this.position = id
    this.#options.onInfo(data)
    if (this.#gaveInfo) return undefined
    this.#gaveInfo = true
    return frameOf('session_info', id ?? this.position ?? '', data)
  }
}

function frameOf(type: string, id: string, data: JsonObject): Frame {
  const { id: _, ...event } = data
  return { type, id, position: parsePosition(id), data: event }
}

function textOf(data: unknown): string {
  if (typeof data === 'string') return data
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data) ? new TextDecoder().decode(data) : ''
}

function lost(code: string, detail: string, options?: { readonly cause: unknown }): Ending {
  return { advice: 'retry', error: new SwitchboardError(code, detail, options) }
}

const CODE_OF_CLOSE: Readonly<Record<number, string>> = {
  1008: 'forbidden',
  1009: 'frame_too_big',
  1011: 'internal',
  1012: 'server_draining',
  1013: 'unavailable',
  4001: 'bad_request',
  4004: 'call_unknown',
  4029: 'too_many_streams',
  4100: 'credential_expired',
  4403: 'unauthenticated',
}

/** What a close asks for. The reason begins with the failure's code where the server has one. */
export function endingOfClose(close: number, reason: string): Ending {
  const named = /^[a-z]+(_[a-z]+)+|^(forbidden|unauthenticated|internal|unavailable)\b/.exec(reason)?.[0]
  if (named === 'call_ended' && (close === 1000 || close === 1008)) return { advice: 'over' }
  const code = named ?? CODE_OF_CLOSE[close] ?? 'connection_failed'
  const error = new SwitchboardError(code, `the connection was closed with ${close}${reason && `: ${reason}`}`)
  switch (close) {
    case 1008:
    case 1009:
    case 4001:
    case 4004:
    case 4029:
      return { advice: 'give-up', error }
    case 4100:
    case 4403:
      return { advice: 'refresh', error }
    default:
      return { advice: 'retry', error }
  }
}
