import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Catalogue, type FailureCode, failures, limits } from '@switchboard/contract'
import type { WebSocket } from 'ws'
import type { Gate, Principal } from '../access/principal.js'
import type { Clock } from '../clock.js'
import type { Cursor } from '../fanout/cursor.js'
import type { Fanout } from '../fanout/fanout.js'
import { findStart, type Start } from '../fanout/resume.js'
import { createView } from '../fanout/view.js'
import type { Log } from '../log/log.js'
import type { Meter } from '../meter.js'
import { startHeartbeat } from './heartbeat.js'
import {
  type CallFacts,
  type CallLookup,
  type CallView,
  closeCode,
  closeReason,
  observerGap,
  observerHeartbeat,
  sessionEnd,
  sessionInfo,
  sessionLive,
} from './observer-frames.js'
import type { StreamQuery } from './query.js'
import { mustMask } from './redaction.js'
import type { Session, Sessions, StreamFacts } from './sessions.js'
import { SocketSink } from './sink.js'

export interface ObserverDependencies {
  readonly log: Log
  readonly fanout: Fanout
  readonly gate: Gate
  readonly sessions: Sessions
  readonly catalogue: Catalogue
  readonly clock: Clock
  readonly meter: Meter
  readonly callFacts: CallLookup
  readonly config: { readonly heartbeatMs: number; readonly allowedOrigins: readonly string[] }
  /** The peer's address as failed credentials are counted by; the socket's own when absent. */
  readonly addressOf?: (req: IncomingMessage) => string
  /** Told of every credential that was let in. */
  readonly onUse?: (principal: Principal, workspace: string, req: IncomingMessage) => void
  /** Told of each connection on which a credential was accepted. */
  readonly onKnown?: (socket: IncomingMessage['socket']) => void
}

/** How a client that comes back to an ended call without asking for its past is told to stay away. */
const COMEBACK_CLOSE = 1008
/** Pings without a pong before a connection counts as dead. */
const UNANSWERED_PINGS_MAX = 2

export interface ObserverRequest extends StreamQuery {
  readonly workspace: string
  readonly callSid: string
  readonly connectionId: string
  /** Authenticated, and allowed `calls:observe` on the call. */
  readonly principal: Principal
}

/**
 * One observer of one call (wire contract, "Observer").
 *
 *     session_info, [gap], [backlog, session_live], events … session_end, close
 *
 * Events are written to the socket as whole messages that all observers share; control frames are the library's, on
 * the same socket, and neither can fall into the middle of the other.
 */
export class ObserverSession {
  readonly #dependencies: ObserverDependencies
  readonly #request: ObserverRequest
  readonly #socket: WebSocket
  readonly #sink: SocketSink
  readonly #call: CallView
  #cursor: Cursor | undefined
  #stopHeartbeat: () => void = () => {}
  #cancelGrace: () => void = () => {}
  #over = false
  #unansweredPings = 0
  /** True once nothing before "now" is left to send, or when no backlog was asked for. */
  #live: boolean
  /** What is known of how the call ends. */
  #ending: 'no' | 'told-by-producer' | 'waiting-for-producer' | 'to-be-told' | 'telling' = 'no'
  #closeCode: number | undefined

  constructor(dependencies: ObserverDependencies, request: ObserverRequest, socket: WebSocket, raw: Duplex) {
    this.#dependencies = dependencies
    this.#request = request
    this.#socket = socket
    const { workspace, callSid, principal } = request
    this.#call = { catalogue: dependencies.catalogue, workspace, callSid, masked: mustMask(principal) }
    this.#live = request.start.kind === 'live'
    this.#sink = new SocketSink(raw, {
      clock: dependencies.clock,
      isOpen: () => socket.readyState === socket.OPEN,
      onStalled: () => {
        dependencies.meter.refused('client_stalled', workspace)
        this.stop()
        socket.terminate()
      },
    })
  }

  get delivered(): number {
    return this.#cursor?.delivered ?? 0
  }

  facts(): StreamFacts {
    const { connectionId, callSid, view } = this.#request
    return {
      connectionId,
      callSid,
      position: this.#cursor?.position ?? null,
      types: view.types ?? null,
      masked: this.#call.masked,
    }
  }

  /** Looks the call up and begins. @throws SwitchboardError of the log. */
  async start(session: Session): Promise<void> {
    const { log, clock, callFacts, config } = this.#dependencies
    const { workspace, callSid } = this.#request
    const facts = await callFacts(workspace, callSid)
    if (this.#over) return
    if (facts === undefined) {
      session.end('call_unknown')
      return
    }
    const start = await findStart(log, { workspace, call: callSid }, this.#request.start)
    if (this.#over) return
    this.#sink.write(sessionInfo(this.#call, facts, clock.now(), start.id ?? ''))
    if (facts.endedAt !== null && this.#live) {
      this.#sink.write(sessionEnd(this.#call, facts, start.after))
      this.#closeCode = COMEBACK_CLOSE
      session.end('call_ended')
      return
    }
    this.#follow(session, start)
    if (facts.endedAt !== null) this.callEnded(facts.endedAt)
    this.#stopHeartbeat = startHeartbeat(
      clock,
      config.heartbeatMs,
      () => this.#sink.lastWriteAt,
      () => this.#beat(),
    )
  }

  /**
   * The workspace says that the call is over. Producers may still send the last events and their own `session_end`:
   * the two channels have no common order. After a grace, one is made for them.
   * @param endedAt Unix ms.
   */
  callEnded(endedAt: number): void {
    if (this.#over || this.#ending !== 'no') return
    this.#ending = 'waiting-for-producer'
    const { clock } = this.#dependencies
    const leftMs = Math.min(limits.sessionEndGraceMs, endedAt + limits.sessionEndGraceMs - clock.now())
    const graceOver = () => {
      if (this.#ending !== 'waiting-for-producer') return
      this.#ending = 'to-be-told'
      this.#cursor?.nudge()
    }
    if (leftMs <= 0) graceOver()
    else this.#cancelGrace = clock.after(leftMs, graceOver)
  }

  pong(): void {
    this.#unansweredPings = 0
  }

  /** Says goodbye; the events that were written before arrive before it. */
  end(code: FailureCode, detail: string = failures[code].title): void {
    this.stop()
    this.#socket.close(this.#closeCode ?? closeCode(code), closeReason(code, detail))
  }

  /** Writes nothing any more. */
  stop(): void {
    this.#over = true
    this.#stopHeartbeat()
    this.#cancelGrace()
    this.#cursor?.close()
    this.#sink.close()
  }

  #follow(session: Session, start: Start): void {
    const { fanout, catalogue, meter } = this.#dependencies
    const { workspace, callSid, view } = this.#request
    if (start.gap) {
      meter.gap('observer')
      this.#sink.write(observerGap(start.gap, start.after))
    }
    this.#cursor = fanout.open(
      { workspace, call: callSid },
      {
        after: start.after,
        view: createView(catalogue, 'observer', { ...view, masked: this.#call.masked, always: ['session_end'] }),
        sink: this.#sink,
        gapFrame: observerGap,
        watch: {
          type: 'session_end',
          passed: () => {
            this.#ending = 'told-by-producer'
          },
        },
        onSettled: () => this.#settled(session),
        onFailed: (code) => session.end(code),
      },
    )
  }

  /** Nothing is left to send for now. */
  #settled(session: Session): void {
    const { position } = this.#cursor ?? {}
    if (this.#over || position === undefined) return
    if (this.#ending === 'told-by-producer') session.end('call_ended')
    else if (this.#ending === 'to-be-told') {
      this.#ending = 'telling'
      void this.#tellEnd(session)
    } else if (!this.#live) {
      this.#live = true
      this.#sink.write(sessionLive(position))
    }
  }

  async #tellEnd(session: Session): Promise<void> {
    const { workspace, callSid } = this.#request
    // Again: when this observer began, the call had not ended.
    const facts = await this.#dependencies.callFacts(workspace, callSid).catch(() => undefined)
    if (this.#over || this.#cursor === undefined) return
    // A producer's own, at the last moment, is the better one. It ends the session when it has been sent.
    if (this.#ending === 'telling')
      this.#sink.write(sessionEnd(this.#call, facts ?? NOTHING_KNOWN, this.#cursor.position))
    session.end('call_ended')
  }

  #beat(): void {
    if (this.#sink.full) return
    if (this.#unansweredPings >= UNANSWERED_PINGS_MAX) {
      this.#dependencies.meter.refused('client_stalled', this.#request.workspace)
      this.stop()
      this.#socket.terminate()
      return
    }
    this.#unansweredPings += 1
    this.#sink.write(observerHeartbeat(this.#dependencies.clock.now()))
    this.#socket.ping()
  }
}

const NOTHING_KNOWN: CallFacts = {
  direction: null,
  callerId: null,
  serviceId: null,
  startedAt: null,
  endedAt: null,
  durationSeconds: null,
  completionReason: null,
  currentState: null,
}
