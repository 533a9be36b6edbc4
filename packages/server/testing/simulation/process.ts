import { builtinCatalogue, type Permission } from '@switchboard/contract'
import type { WebSocket } from 'ws'
import type { Gate, Principal } from '../../src/access/principal.js'
import { callFacts } from '../../src/compose/call-facts.js'
import { createFanout, type Fanout } from '../../src/fanout/fanout.js'
import { createIngest, type Ingest } from '../../src/ingest/ingest.js'
import { noPublishRate } from '../../src/ingest/rate.js'
import type { Block } from '../../src/log/block.js'
import type { Environment } from '../../src/log/environment.js'
import { Faults } from '../../src/log/faults.js'
import { LmdbLog } from '../../src/log/lmdb-log.js'
import type { Channel } from '../../src/log/log.js'
import { noMeter } from '../../src/meter.js'
import { projections } from '../../src/state/projections.js'
import { ObserverSession } from '../../src/transport/observer-session.js'
import { createSessions, type Sessions } from '../../src/transport/sessions.js'
import { serveWorkspaceStream, streamView } from '../../src/transport/sse.js'
import type { SimulatedClock } from './event-loop.js'
import type { Listener } from './listener.js'
import type { SimulatedSocket } from './socket.js'

const HEARTBEAT_MS = 15_000
const STREAMS_MAX = 100
const DRAIN_MS = 1000

export interface ProcessOptions {
  readonly clock: SimulatedClock
  readonly idempotencyWindowMs: number
  readonly onBlock: (channel: Channel, block: Block) => void
  readonly onListenerError: (error: unknown) => void
}

/** The server's core as `main.ts` puts it together, over an environment of the simulation's. */
export class SimulatedProcess {
  readonly log: LmdbLog
  readonly ingest: Ingest
  readonly fanout: Fanout
  readonly #sessions: Sessions
  readonly #clock: SimulatedClock
  /** What may serve as a reason for failures: the disk was full at some time, it failed or did not answer, the log closes. */
  wasFull = false
  isBroken = false
  isClosing = false
  /** Retentions and erasures under way. */
  removals = 0

  constructor(environment: Environment, { clock, idempotencyWindowMs, onBlock, onListenerError }: ProcessOptions) {
    const catalogue = builtinCatalogue
    const meter = noMeter
    this.#clock = clock
    const faults = new Faults(() => {})
    this.log = new LmdbLog(environment, faults, { clock, projections, idempotencyWindowMs, onListenerError })
    const { log } = this
    log.follow(onBlock)
    this.ingest = createIngest({ log, catalogue, clock, meter, rate: noPublishRate })
    this.fanout = createFanout({ log, catalogue, meter, clock })
    const limits = { maxStreamsPerWorkspace: STREAMS_MAX, drainMs: DRAIN_MS }
    this.#sessions = createSessions({ gate: openGate, clock, meter, ...limits })
  }

  /** What the HTTP server does with a subscriber's request, from where its socket is there. */
  connect(listener: Listener, socket: SimulatedSocket): void {
    const { channel, wanted } = listener
    const { types, entities } = wanted
    const { workspace, call } = channel.channel
    const request = {
      workspace,
      connectionId: `connection-${listener.id}`,
      principal: principal(workspace, wanted.masked ? ['events:read'] : ['events:read', 'pii:read']),
      start: listener.connecting(this),
      view: { ...(types && { types }), ...(entities && { fields: { entity_id: entities } }) },
    }
    if (call === undefined) this.#stream(request, socket)
    else this.#observe({ ...request, callSid: call }, socket)
  }

  #stream(request: Parameters<typeof serveWorkspaceStream>[1], socket: SimulatedSocket): void {
    const dependencies = { ...this.#dependencies, config: { heartbeatMs: HEARTBEAT_MS } }
    serveWorkspaceStream(dependencies, request, streamView(dependencies, request), {
      end: socket,
      wrap: (bytes) => bytes,
      get isGone() {
        return socket.isGone
      },
      onGone: (listener) => socket.onGone(listener),
      finish: () => socket.finish(),
      cut: () => socket.cut(),
    })
  }

  /** `websocket.ts` from the end of the handshake on. */
  #observe(request: ConstructorParameters<typeof ObserverSession>[1], socket: SimulatedSocket): void {
    const config = { heartbeatMs: HEARTBEAT_MS, allowedOrigins: [] }
    const dependencies = { ...this.#dependencies, gate: openGate, callFacts: callFacts(this.log), config }
    const webSocket = {
      OPEN: 1,
      get readyState() {
        return socket.isGone ? 3 : 1
      },
      close: () => socket.finish(),
      terminate: () => socket.cut(),
      ping: () => observer.pong(),
    }
    const observer: ObserverSession = new ObserverSession(
      dependencies,
      request,
      webSocket as unknown as WebSocket,
      socket as unknown as ConstructorParameters<typeof ObserverSession>[3],
    )
    const session = this.#sessions.open({
      workspace: request.workspace,
      kind: 'observer',
      principal: request.principal,
      facts: () => observer.facts(),
      end: (code) => observer.end(code),
      destroy: () => socket.cut(),
    })
    if (typeof session === 'string') throw new Error(session)
    socket.onGone(() => {
      observer.stop()
      session.gone()
    })
    observer.start(session).catch(() => session.end('stream_unavailable'))
  }

  get #dependencies() {
    const { log, fanout } = this
    return { log, fanout, sessions: this.#sessions, catalogue: builtinCatalogue, clock: this.#clock, meter: noMeter }
  }
}

/** Who may do what is not asked here. */
const openGate: Gate = {
  authenticate: () => Promise.reject(new Error('Nobody is asked who they are')),
  authorize() {},
  onRevoked: () => () => {},
}

function principal(workspace: string, permissions: readonly Permission[]): Principal {
  const permitted = new Set(permissions)
  return { kind: 'api-key', workspace, keyId: 'key', permissions: permitted, callSids: undefined, expiresAt: undefined }
}
