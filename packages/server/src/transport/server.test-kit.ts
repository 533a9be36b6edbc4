import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { builtinCatalogue, type Permission, permissionNames, SwitchboardError } from '@switchboard/contract'
import type { TestContext } from 'vitest'
import type { Gate, Principal } from '../access/principal.js'
import { TestClock } from '../fanout/clock.test-kit.js'
import { createFanout, type Fanout } from '../fanout/fanout.js'
import { MemoryLog } from '../fanout/memory-log.test-kit.js'
import type { Meter } from '../meter.js'
import { noMeter } from '../meter.js'
import type { CallFacts } from './observer-frames.js'
import { parseStreamQuery } from './query.js'
import { createSessions, type Sessions } from './sessions.js'
import { serveWorkspaceStream, streamView } from './sse.js'
import { streamHeaders } from './sse-frames.js'
import { responseOutlet } from './sse-socket.js'
import { createObserverEndpoint } from './websocket.js'

export const WORKSPACE = '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01'
export const HEARTBEAT_MS = 15_000

/** Credentials are names; what each may do is written here. */
export class TestGate implements Gate {
  readonly principals = new Map<string, Principal>([
    ['all', principal('all', permissionNames)],
    ['masked', principal('masked', ['events:read', 'calls:observe'])],
    ['publisher', principal('publisher', ['events:write'])],
  ])
  readonly #listeners = new Set<(keyId: string) => void>()

  async authenticate(credential: string | undefined): Promise<Principal> {
    const found = credential === undefined ? undefined : this.principals.get(credential)
    if (found === undefined) throw new SwitchboardError('unauthenticated', 'a valid credential is needed')
    return found
  }

  authorize(who: Principal, workspace: string, permission: Permission): void {
    if (workspace !== WORKSPACE || !who.permissions.has(permission)) {
      throw new SwitchboardError('forbidden', 'the credential does not allow this')
    }
  }

  onRevoked(listener: (keyId: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  revoke(keyId: string): void {
    for (const listener of this.#listeners) listener(keyId)
  }
}

export function principal(keyId: string, permissions: readonly Permission[], expiresAt?: number): Principal {
  return {
    kind: 'api-key',
    workspace: WORKSPACE,
    keyId,
    permissions: new Set(permissions),
    callSids: undefined,
    expiresAt,
  }
}

export interface TestServer {
  readonly log: MemoryLog
  readonly clock: TestClock
  readonly gate: TestGate
  readonly fanout: Fanout
  readonly sessions: Sessions
  readonly calls: Map<string, CallFacts>
  readonly http: Server
  readonly port: number
  /** Failure codes and gaps, as they were counted. */
  readonly counted: string[]
}

export interface TestServerOptions {
  readonly maxStreamsPerWorkspace?: number
  readonly drainMs?: number
  readonly allowedOrigins?: readonly string[]
}

/** The two transports on a real server that stops itself when the test ends. */
export async function startServer(t: TestContext, options: TestServerOptions = {}): Promise<TestServer> {
  const log = new MemoryLog()
  const clock = new TestClock()
  const gate = new TestGate()
  const counted: string[] = []
  const meter: Meter = {
    ...noMeter,
    refused: (code) => void counted.push(code),
    gap: (kind) => void counted.push(`gap ${kind}`),
  }
  const catalogue = builtinCatalogue
  const fanout = createFanout({ log, catalogue, meter, clock })
  const { maxStreamsPerWorkspace = 100, drainMs = 5000, allowedOrigins = [] } = options
  const sessions = createSessions({ gate, clock, meter, maxStreamsPerWorkspace, drainMs })
  const calls = new Map<string, CallFacts>()
  const config = { heartbeatMs: HEARTBEAT_MS, allowedOrigins }
  const callFacts = async (_workspace: string, callSid: string) => calls.get(callSid)
  const shared = { log, fanout, gate, sessions, catalogue, clock, meter, config, callFacts }
  const observers = createObserverEndpoint(shared)

  const http = createServer((req, res) => {
    const { searchParams } = new URL(req.url ?? '', 'http://test')
    const who = gate.principals.get(searchParams.get('access_token') ?? 'all')
    if (who === undefined) {
      res.writeHead(401).end()
      return
    }
    try {
      const asked = parseStreamQuery(catalogue, searchParams, req.headers, clock.now())
      res.setHeader('x-request-id', 'request-1')
      const request = { ...asked, workspace: WORKSPACE, principal: who }
      serveWorkspaceStream(shared, request, streamView(shared, request), responseOutlet(res, streamHeaders))
    } catch (error) {
      res.writeHead(400).end(String(error))
    }
  })
  http.on('upgrade', (req, socket, head) => observers.handleUpgrade(req, socket, head))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.onTestFinished(async () => {
    fanout.close()
    observers.close()
    http.closeAllConnections()
    http.close()
  })
  const { port } = http.address() as AddressInfo
  return { log, clock, gate, fanout, sessions, calls, http, port, counted }
}

export interface SseFrame {
  readonly id?: string
  readonly event?: string
  readonly data?: Record<string, unknown>
  readonly retry?: string
  readonly comment?: string
}

/** A client that keeps every frame it is sent, as blocks of text. */
export class SseClient {
  readonly response: IncomingMessage
  #text = ''
  ended = false
  /** The connection was cut, rather than the response ended. */
  cut = false

  constructor(response: IncomingMessage) {
    this.response = response
    response.setEncoding('utf8')
    response.on('data', (text: string) => {
      this.#text += text
    })
    response.on('end', () => {
      this.ended = true
    })
    response.on('error', () => {
      this.cut = true
    })
  }

  get text(): string {
    return this.#text
  }

  get frames(): SseFrame[] {
    const blocks = this.#text.split('\n\n')
    blocks.pop() // unfinished, or empty
    return blocks.map((block) => {
      const fields = Object.fromEntries(
        block.split('\n').map((line) => {
          const colon = line.indexOf(': ')
          return [line.slice(0, colon) || 'comment', line.slice(colon + 2)]
        }),
      )
      return { ...fields, ...(fields.data ? { data: JSON.parse(fields.data) } : {}) }
    })
  }

  named(event: string): SseFrame[] {
    return this.frames.filter((frame) => frame.event === event)
  }

  get sequences(): number[] {
    return this.frames
      .filter(
        ({ event }) => event !== undefined && event !== 'stream.opened' && event !== 'error' && event !== 'stream.gap',
      )
      .map(({ id }) => Number(id?.split('-')[1]))
  }

  /** As when a phone goes into a tunnel. */
  cutTheWire(): void {
    this.response.destroy()
  }
}

export async function listen(
  server: TestServer,
  query = '',
  options: { readonly lastEventId?: string; readonly method?: string; readonly wait?: boolean } = {},
): Promise<SseClient> {
  const req = httpRequest({
    port: server.port,
    host: '127.0.0.1',
    path: `/v1/${WORKSPACE}/events/stream${query}`,
    method: options.method ?? 'GET',
    agent: false,
    headers: options.lastEventId === undefined ? {} : { 'last-event-id': options.lastEventId },
  })
  req.on('error', () => {})
  req.end()
  const [response] = (await once(req, 'response')) as [IncomingMessage]
  const client = new SseClient(response)
  if (options.wait !== false && options.method !== 'HEAD') {
    await until(() => client.ended || client.named('stream.opened').length > 0 || client.named('error').length > 0)
    await until(() => client.ended || server.fanout.stats().cursorsBehind === 0)
  }
  return client
}

/** Waits for a fact. */
export async function until(fact: () => boolean, withinMs = 10_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs
  while (!fact()) {
    if (performance.now() > giveUpAt) throw new Error(`never came true: ${fact}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Lets everything that is under way on the loopback arrive. For claims that something does not happen. */
export async function quiet(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 30))
}
