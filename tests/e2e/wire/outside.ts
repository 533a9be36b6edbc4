import { once } from 'node:events'
import { EventStreamReader } from '@switchboard/sdk/sse'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'
import WebSocket from 'ws'
import { type Frame, type Json, TestServer, until } from '../../kit.js'

/** One server for all tests of a file; each test makes the workspaces it needs. */
export function serverOfFile(env: Readonly<Record<string, string>> = {}): () => TestServer {
  let server: TestServer | undefined
  let end = async () => {}
  beforeAll(async () => {
    server = await TestServer.start({
      env,
      onEnd(ended) {
        end = ended
      },
    })
  })
  afterAll(() => end())
  return () => {
    if (server === undefined) throw new Error('the server has not been started')
    return server
  }
}

export interface Asked {
  readonly body?: unknown
  /** Default: the admin key. Null: none at all. */
  readonly credential?: string | null
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON; an empty object when it is none. */
  readonly json: Json
}

/** One request and its whole answer, whatever the status. A text or bytes as body are sent as they are. */
export async function ask(server: TestServer, method: string, path: string, asked: Asked = {}): Promise<Answer> {
  const { body, credential = server.adminKey, headers = {} } = asked
  const raw = typeof body === 'string' || body instanceof Uint8Array
  const answer = await fetch(server.url + path, {
    method,
    headers: {
      ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, text, json: jsonOf(text) }
}

function jsonOf(text: string): Json {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

/** Holds that an answer is a problem of this code, told as the contract says problems are told. */
export function expectProblem(answer: Answer, status: number, code: string): Json {
  const { json } = answer
  expect({ status: answer.status, code: json.code, detail: json.detail }).toMatchObject({ status, code })
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(json).toMatchObject({ status, code, error_code: code, request_id: answer.headers.get('x-request-id') })
  for (const member of ['type', 'title', 'detail', 'request_id']) {
    expect(json[member], member).toEqual(expect.stringMatching(/./))
  }
  return json
}

let made = 0

/** A workspace of a test's own, on a server that others use too. */
export class Place {
  private constructor(
    readonly server: TestServer,
    readonly id: string,
  ) {}

  static async make(server: TestServer, extra: Json = {}): Promise<Place> {
    made += 1
    const body = { name: `Place ${made}`, slug: `place-${made}`, ...extra }
    const { id } = await server.request('POST', '/v1/workspaces', body)
    return new Place(server, String(id))
  }

  path(rest: string): string {
    return `/v1/${this.id}${rest}`
  }

  ask(method: string, rest: string, asked?: Asked): Promise<Answer> {
    return ask(this.server, method, this.path(rest), asked)
  }

  /** A key's secret and id. */
  async key(permissions: readonly string[], more: Json = {}): Promise<{ key_id: string; api_key: string }> {
    const { status, json } = await this.ask('POST', '/api-keys', { body: { name: 'a test', permissions, ...more } })
    expect(status).toBe(201)
    return json as { key_id: string; api_key: string }
  }

  async token(permissions: readonly string[], more: Json = {}, credential?: string): Promise<string> {
    const asked = { body: { permissions, ...more }, ...(credential === undefined ? {} : { credential }) }
    const { status, json } = await this.ask('POST', '/access-tokens', asked)
    expect(status).toBe(201)
    return String(json.access_token)
  }

  /** Publishes events together, to the workspace or to a call; answers with their positions. */
  async publish(events: readonly Json[], call?: string): Promise<string[]> {
    const answer = await this.ask('POST', call === undefined ? '/events' : `/calls/${call}/events`, {
      body: { events },
    })
    expect(answer.status, answer.text).toBe(201)
    return answer.json.ids as string[]
  }

  /** Publishes one event; answers with its position. */
  async say(event: Json, call?: string): Promise<string> {
    const [id] = await this.publish([event], call)
    return String(id)
  }
}

/** An open workspace stream. Every frame is held against the document that the server serves. */
export class Listening {
  readonly frames: Frame[] = []
  /** Everything as it came. */
  text = ''
  /** The last id that the reader knows, also from lines without an event. */
  lastId = ''
  ended = false
  endedAt = 0
  private readonly abort = new AbortController()

  private constructor(readonly headers: Headers) {}

  static async open(
    place: Place,
    options: { query?: string; headers?: Record<string, string>; credential?: string | null } = {},
  ): Promise<Listening> {
    const { credential = place.server.adminKey, query } = options
    const abort = new AbortController()
    const answer = await fetch(`${place.server.url}${place.path('/events/stream')}${query ? `?${query}` : ''}`, {
      headers: { ...(credential === null ? {} : { authorization: `Bearer ${credential}` }), ...options.headers },
      signal: abort.signal,
    })
    if (answer.status !== 200 || answer.body === null)
      throw new Error(`stream: ${answer.status} ${await answer.text()}`)
    const listening = new Listening(answer.headers)
    abort.signal.addEventListener('abort', () => {})
    onTestFinished(() => abort.abort())
    listening.abort.signal.addEventListener('abort', () => abort.abort())
    const checker = await place.server.frames()
    void listening.read(answer.body, (type, data) => checker.stream(type, data))
    return listening
  }

  /** Waits for what the frames so far say. */
  until<T>(what: string, seen: (frames: readonly Frame[]) => T | undefined | false, ms?: number): Promise<T> {
    return until(`${what}; seen: ${this.frames.map(({ type }) => type).join(', ')}`, () => this.check(seen), ms)
  }

  /** The events, once there are so many. */
  events(count: number): Promise<Frame[]> {
    return this.until(`${count} events`, () => this.seen.length >= count && this.seen)
  }

  get seen(): Frame[] {
    return this.frames.filter(({ type }) => !type.startsWith('stream.') && type !== 'error')
  }

  first(type: string): Promise<Frame> {
    return this.until(type, (frames) => frames.find((frame) => frame.type === type))
  }

  over(ms?: number): Promise<true> {
    return until('the stream to end', () => this.ended || undefined, ms)
  }

  close(): void {
    this.abort.abort()
  }

  private fault: Error | undefined

  private check<T>(seen: (frames: readonly Frame[]) => T | undefined | false): T | undefined {
    if (this.fault !== undefined) throw this.fault
    return seen(this.frames) || undefined
  }

  private async read(body: AsyncIterable<Uint8Array>, check: (type: string, data: Json) => string | undefined) {
    const reader = new EventStreamReader()
    try {
      for await (const bytes of body) {
        this.text += Buffer.from(bytes).toString('utf8')
        for (const { type, data, lastEventId } of reader.push(bytes)) {
          const fault = check(type, JSON.parse(data))
          if (fault !== undefined) this.fault = new Error(`a frame is not as the served document says: ${fault}`)
          this.frames.push({ type, id: lastEventId, data: JSON.parse(data) })
        }
        this.lastId = reader.lastEventId
      }
    } catch {
      // Closed by the test, or the server is gone.
    }
    this.ended = true
    this.endedAt = performance.now()
  }
}

export interface Closed {
  readonly code: number
  readonly reason: string
  readonly at: number
}

/** An open observer. Every message is held against the document that the server serves. */
export class Watching {
  readonly messages: Json[] = []
  readonly closed: Promise<Closed>
  pings = 0
  private fault: Error | undefined

  private constructor(readonly socket: WebSocket) {
    this.closed = once(socket, 'close').then(([code, reason]) => ({
      code: Number(code),
      reason: String(reason),
      at: performance.now(),
    }))
    this.closed.catch(() => {})
    socket.on('ping', () => {
      this.pings += 1
    })
    onTestFinished(() => socket.terminate())
  }

  /** Connects; resolves when the handshake is over, whichever way the server then goes. */
  static async open(
    place: Place,
    call: string,
    options: {
      query?: string
      credential?: string | null
      headers?: Record<string, string>
      protocols?: string[]
      path?: string
    } = {},
  ): Promise<Watching> {
    const { credential = place.server.adminKey, query } = options
    const path = options.path ?? place.path(`/observers/${call}/ws`)
    const protocols = options.protocols ?? (credential === null ? [] : ['auth', credential])
    const url = `ws://127.0.0.1:${place.server.port}${path}${query ? `?${query}` : ''}`
    const checker = await place.server.frames()
    const socket = new WebSocket(url, protocols, { headers: options.headers ?? {} })
    const watching = new Watching(socket)
    socket.on('message', (bytes, isBinary) => {
      const message = JSON.parse(String(bytes))
      const fault = isBinary ? 'it is binary' : checker.observer(message)
      if (fault !== undefined) watching.fault = new Error(`a message is not as the served document says: ${fault}`)
      watching.messages.push(message)
    })
    await once(socket, 'open')
    return watching
  }

  until<T>(what: string, seen: (messages: readonly Json[]) => T | undefined | false, ms?: number): Promise<T> {
    return until(
      what,
      () => {
        if (this.fault !== undefined) throw this.fault
        return seen(this.messages) || undefined
      },
      ms,
    )
  }

  first(type: string): Promise<Json> {
    return this.until(type, (messages) => messages.find((message) => message.type === type))
  }

  /** How it was closed, once all its messages have been found as they should be. */
  async over(): Promise<Closed> {
    const closed = await this.closed
    if (this.fault !== undefined) throw this.fault
    return closed
  }

  get types(): unknown[] {
    return this.messages.map(({ type }) => type)
  }
}

let calls = 0

/** A call id in the form that the public SDK needs. */
export function newCall(): string {
  calls += 1
  return `CA${calls.toString(16).padStart(32, '0')}`
}

const SERVICE = '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01'

/** Made-up events, as the catalogue has them. */
export const sample = {
  started: (call_sid: string, more: Json = {}): Json => ({
    event_type: 'call.started',
    call_sid,
    direction: 'inbound',
    service_id: SERVICE,
    caller_id: '+15550100',
    ...more,
  }),
  ended: (call_sid: string, more: Json = {}): Json => ({
    event_type: 'call.ended',
    call_sid,
    direction: 'inbound',
    duration_seconds: 12.5,
    completion_reason: 'completed',
    escalated: false,
    ...more,
  }),
  sync: (event_count: number, more: Json = {}): Json => ({
    event_type: 'pipeline.sync_completed',
    data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05',
    event_count,
    duration_ms: 1,
    ...more,
  }),
  joined: (call_sid: string, operator_id: string, more: Json = {}): Json => ({
    event_type: 'operator.joined_call',
    call_sid,
    operator_id,
    mode: 'listen',
    ...more,
  }),
  userSaid: (transcript: string, more: Json = {}): Json => ({
    type: 'user_transcript',
    transcript,
    state: 'greeting',
    speaker_id: 'spk_0',
    speaker_role: 'caller',
    ...more,
  }),
}
