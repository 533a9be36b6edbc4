import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type Catalogue, type FailureCode, failures } from '@switchboard/contract'
import type { Principal } from '../access/principal.js'
import type { Clock } from '../clock.js'
import type { Cursor } from '../fanout/cursor.js'
import type { Fanout } from '../fanout/fanout.js'
import { findStart } from '../fanout/resume.js'
import { createView, type View } from '../fanout/view.js'
import type { Log } from '../log/log.js'
import type { Meter } from '../meter.js'
import { startHeartbeat } from './heartbeat.js'
import type { StreamQuery } from './query.js'
import { mustMask } from './redaction.js'
import type { EndOptions, Session, Sessions, StreamFacts } from './sessions.js'
import { SocketSink } from './sink.js'
import { controlFrame, gapFrame, heartbeatFrame, RETRY_MS, retryFrame } from './sse-frames.js'
import type { Outlet } from './sse-socket.js'

const OVERLOADED_RETRY_MS = { min: 2000, spread: 8000 }

export interface StreamDependencies {
  readonly log: Log
  readonly fanout: Fanout
  readonly sessions: Sessions
  readonly catalogue: Catalogue
  readonly clock: Clock
  readonly meter: Meter
  readonly config: { readonly heartbeatMs: number }
  /** The peer's address; the socket's own when absent. */
  readonly addressOf?: (request: IncomingMessage) => string
}

export interface StreamRequest extends StreamQuery {
  readonly workspace: string
  /** Authenticated, and allowed `events:read` in the workspace. */
  readonly principal: Principal
  /** Names the connection in the server's log; made when absent. */
  readonly connectionId?: string
  /** The peer's network address. */
  readonly address?: string
}

/**
 * What a subscriber may see of what it asks for.
 * @throws SwitchboardError `invalid_parameter`.
 */
export function streamView({ catalogue }: Pick<StreamDependencies, 'catalogue'>, request: StreamRequest): View {
  return createView(catalogue, 'workspace', { ...request.view, masked: mustMask(request.principal) })
}

/**
 * Serves a workspace's stream until either side ends it (wire contract, "Workspace stream"). The head of the response has
 * been written: every failure is told inside the stream.
 */
export function serveWorkspaceStream(
  dependencies: StreamDependencies,
  request: StreamRequest,
  view: View,
  outlet: Outlet,
): void {
  const { principal, workspace } = request
  const { sessions, meter } = dependencies
  const stream = new WorkspaceStream(dependencies, request, view, outlet)
  const session = sessions.open({
    workspace,
    kind: 'workspace',
    principal,
    asked: request,
    facts: () => stream.facts(),
    delivered: () => stream.delivered,
    end: (code, options) => stream.end(code, options),
    destroy: () => outlet.cut(),
  })
  if (typeof session === 'string') {
    meter.refused(session, workspace)
    stream.end(session, session === 'overloaded' ? { retryMs: spreadMs() } : {})
  } else void stream.start(session)
}

/** When to come back to a server that has too much to do: not all at once. */
function spreadMs(): number {
  return OVERLOADED_RETRY_MS.min + Math.round(Math.random() * OVERLOADED_RETRY_MS.spread)
}

class WorkspaceStream {
  readonly #dependencies: StreamDependencies
  readonly #request: StreamRequest
  readonly #view: View
  readonly #outlet: Outlet
  readonly #sink: SocketSink
  readonly #connectionId: string
  #session: Session | undefined
  #cursor: Cursor | undefined
  #stopHeartbeat: () => void = () => {}
  #over = false
  /** The position that the subscriber last heard of in a heartbeat or at the start. */
  #announced = 0

  constructor(dependencies: StreamDependencies, request: StreamRequest, view: View, outlet: Outlet) {
    this.#dependencies = dependencies
    this.#request = request
    this.#connectionId = request.connectionId ?? randomUUID()
    this.#view = view
    this.#outlet = outlet
    this.#sink = new SocketSink(outlet.end, {
      clock: dependencies.clock,
      wrap: outlet.wrap,
      onStalled: () => {
        // Its socket takes nothing, so no words would reach it. It resumes where it was, later.
        dependencies.meter.refused('client_stalled', request.workspace)
        this.#stop()
        outlet.cut()
      },
    })
    outlet.onGone(() => {
      this.#stop()
      this.#session?.gone()
    })
  }

  async start(session: Session): Promise<void> {
    const { log, fanout, clock, sessions, config } = this.#dependencies
    const { workspace, start: point } = this.#request
    this.#session = session
    if (this.#outlet.isGone) {
      session.gone()
      return
    }
    try {
      if (!(await session.admitted) || this.#over) return
      const start = await findStart(log, { workspace }, point)
      if (this.#over) return
      const opened = {
        code: 'ok',
        connection_id: this.#connectionId,
        max_streams_per_workspace: sessions.maxStreamsPerWorkspace,
        resumed: start.resumed,
      }
      this.#write(
        retryFrame(RETRY_MS) +
          controlFrame('stream.opened', opened, start.id) +
          (start.gap ? gapFrame(start.gap, start.after) : ''),
      )
      if (start.gap) this.#dependencies.meter.gap('workspace')
      this.#announced = start.after.sequence
      this.#cursor = fanout.open(
        { workspace },
        {
          after: start.after,
          view: this.#view,
          sink: this.#sink,
          gapFrame: (gap, resumeFrom) => Buffer.from(gapFrame(gap, resumeFrom)),
          onFailed: (code) => session.end(code),
        },
      )
      this.#stopHeartbeat = startHeartbeat(
        clock,
        config.heartbeatMs,
        () => this.#sink.lastWriteAt,
        () => this.#beat(),
      )
    } catch {
      // The log cannot be read now. Its own health says why.
      session.end('stream_unavailable')
    }
  }

  get delivered(): number {
    return this.#cursor?.delivered ?? 0
  }

  facts(): StreamFacts {
    return {
      connectionId: this.#connectionId,
      callSid: null,
      position: this.#cursor?.position ?? null,
      types: this.#request.view.types ?? null,
      masked: this.#view.masked,
    }
  }

  /** The last words, between two frames, and the end of the response. */
  end(code: FailureCode, { retryMs }: EndOptions): void {
    if (this.#over) return
    this.#cursor?.close()
    const limit = code === 'too_many_streams' ? { max_streams: this.#dependencies.sessions.maxStreamsPerKey } : {}
    const error = controlFrame('error', { code, message: failures[code].title, ...limit })
    this.#write(`${retryMs === undefined ? '' : retryFrame(retryMs)}${error}`)
    this.#stop()
    this.#outlet.finish()
  }

  #beat(): void {
    // A full socket will have enough to say when it drains.
    if (this.#sink.full) return
    const { position } = this.#cursor ?? {}
    const moved = this.#view.passes !== undefined && position !== undefined && position.sequence > this.#announced
    if (moved) this.#announced = position.sequence
    const seconds = Math.floor(this.#dependencies.clock.now() / 1000)
    this.#write(heartbeatFrame(seconds, moved ? position : undefined))
  }

  #write(text: string): void {
    this.#sink.write(Buffer.from(text))
  }

  #stop(): void {
    this.#over = true
    this.#stopHeartbeat()
    this.#cursor?.close()
    this.#sink.close()
  }
}
