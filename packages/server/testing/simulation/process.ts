import assert from 'node:assert/strict'
import { builtinCatalogue, type Permission } from '@switchboard/contract'
import type { WebSocket } from 'ws'
import type { Gate, Principal } from '../../src/access/principal.js'
import { callFacts } from '../../src/compose/call-facts.js'
import { createFanout, type Fanout } from '../../src/fanout/fanout.js'
import { createFingerprint } from '../../src/ingest/fingerprint.js'
import { createIngest, type Ingest } from '../../src/ingest/ingest.js'
import { noPublishRate } from '../../src/ingest/rate.js'
import type { Block } from '../../src/log/block.js'
import { Faults } from '../../src/log/faults.js'
import { LmdbLog } from '../../src/log/lmdb-log.js'
import type { Channel } from '../../src/log/log.js'
import { type Meter, noMeter } from '../../src/meter.js'
import { projections } from '../../src/state/projections.js'
import { ObserverSession } from '../../src/transport/observer-session.js'
import { createSessions, type Sessions } from '../../src/transport/sessions.js'
import { serveWorkspaceStream, streamView } from '../../src/transport/sse.js'
import type { Condition } from './condition.js'
import type { Listener } from './listener.js'
import type { SimulatedSocket } from './socket.js'
import type { Stage } from './stage.js'
import type { TrueChannel } from './truth.js'

const HEARTBEAT_MS = 15_000
const STREAMS_MAX = 100
const DRAIN_MS = 1000

/** The server's core as `main.ts` puts it together, over the simulated disk. */
const SECRET = Buffer.alloc(32)

export class SimulatedProcess implements Condition {
  readonly log: LmdbLog
  readonly ingest: Ingest
  readonly fanout: Fanout
  readonly #sessions: Sessions
  readonly #stage: Stage
  readonly #meter: Meter
  /** Newest sequence of each channel that the follower was told of, or that the process began with. */
  readonly #followed = new Map<TrueChannel, number>()
  wasFull = false
  isBroken = false
  isClosing = false
  /** Retentions and erasures under way. */
  removals = 0

  constructor(stage: Stage, idempotencyWindowMs: number) {
    const { clock, disk, truth, check } = stage
    const catalogue = builtinCatalogue
    this.#stage = stage
    this.#meter = { ...noMeter, refused: (code) => stage.note(`refused ${code}`) }
    const meter = this.#meter
    this.wasFull = disk.isFull
    const onListenerError = (error: unknown) => check(() => assert.fail(`a follower threw ${error}`))
    const options = { clock, projections, idempotencyWindowMs, onListenerError }
    this.log = new LmdbLog(disk.open(), new Faults(() => {}), options)
    const { log } = this
    for (const channel of truth.channels) this.#followed.set(channel, channel.newestSequence)
    log.follow((channel, block) => check(() => this.#follow(truth.of(channel), block)))
    this.ingest = createIngest({
      log,
      catalogue,
      clock,
      meter,
      rate: noPublishRate,
      fingerprint: createFingerprint(() => SECRET),
    })
    this.fanout = createFanout({ log, catalogue, meter, clock })
    const most = { maxStreamsPerWorkspace: STREAMS_MAX, drainMs: DRAIN_MS }
    this.#sessions = createSessions({ gate: openGate, clock, meter, ...most })
  }

  /** Followers know all that is durable when an append resolves (P4), but for what a failing disk has stored after all. */
  checkFollowed(channel: Channel): void {
    const { disk, truth } = this.#stage
    // What has landed since is not answered yet.
    if (this.isBroken || disk.hasLanded) return
    const newest = truth.of(channel).newestSequence
    const followed = this.#followed.get(truth.of(channel))
    assert(followed === newest, `P4: ${newest} was answered, and followers were told up to ${followed} only`)
  }

  #follow(channel: TrueChannel, block: Block): void {
    for (const { position, frame } of block.entries()) {
      const entry = channel.at(position.sequence)
      assert(entry, `P4: ${position.sequence} was followed, and is not durable`)
      assert(entry.frame.equals(frame), `P4: ${position.sequence} was followed in other words`)
      const [next] = channel.between(this.#followed.get(channel) ?? 0, position.sequence)
      assert(next === entry, `P4: ${position.sequence} was followed in place of ${next?.position.sequence}`)
      this.#followed.set(channel, position.sequence)
    }
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
    return {
      log,
      fanout,
      sessions: this.#sessions,
      catalogue: builtinCatalogue,
      clock: this.#stage.clock,
      meter: this.#meter,
    }
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
