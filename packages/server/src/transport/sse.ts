import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Catalogue, type FailureCode, failures } from '@switchboard/contract'
import type { Principal } from '../access/principal.js'
import type { Clock } from '../clock.js'
import type { Cursor } from '../fanout/cursor.js'
import type { Fanout } from '../fanout/fanout.js'
import { findStart } from '../fanout/resume.js'
import { createView } from '../fanout/view.js'
import type { Log } from '../log/log.js'
import type { Meter } from '../meter.js'
import { startHeartbeat } from './heartbeat.js'
import type { StreamQuery } from './query.js'
import { mustMask } from './redaction.js'
import type { EndOptions, Session, Sessions } from './sessions.js'
import { SocketSink } from './sink.js'
import { controlFrame, gapFrame, heartbeatFrame, RETRY_MS, retryFrame, streamHeaders } from './sse-frames.js'
import { responseEnd } from './sse-socket.js'

export interface StreamDependencies {
  readonly log: Log
  readonly fanout: Fanout
  readonly sessions: Sessions
  readonly catalogue: Catalogue
  readonly clock: Clock
  readonly meter: Meter
  readonly config: { readonly heartbeatMs: number }
}

export interface StreamRequest extends StreamQuery {
  readonly workspace: string
  /** Authenticated, and allowed `events:read` in the workspace. */
  readonly principal: Principal
  /** Names the connection in the server's log; made when absent. */
  readonly connectionId?: string
}

/**
 * Serves a workspace's stream until either side ends it (wire contract, "Workspace stream"). Headers already set on the
 * response are kept. Once this has been called without throwing, every failure is told inside the stream.
 * @throws SwitchboardError `invalid_parameter` before anything was written.
 */
export function serveWorkspaceStream(
  dependencies: StreamDependencies,
  request: StreamRequest,
  req: IncomingMessage,
  res: ServerResponse,
): void {
  const { principal, workspace } = request
  const { sessions, catalogue, meter } = dependencies
  const view = createView(catalogue, 'workspace', { ...request.view, masked: mustMask(principal) })
  if (req.method === 'HEAD') {
    res.writeHead(200, streamHeaders).end()
    return
  }
  const stream = new WorkspaceStream(dependencies, request, view, res)
  const session = sessions.open({
    workspace,
    kind: 'workspace',
    principal,
    end: (code, options) => stream.end(code, options),
    destroy: () => res.destroy(),
  })
  if (typeof session === 'string') {
    meter.refused(session)
    stream.end(session, {})
  } else void stream.start(session)
}

class WorkspaceStream {
  readonly #dependencies: StreamDependencies
  readonly #request: StreamRequest
  readonly #view: ReturnType<typeof createView>
  readonly #res: ServerResponse
  readonly #sink: SocketSink
  #session: Session | undefined
  #cursor: Cursor | undefined
  #stopHeartbeat: () => void = () => {}
  #over = false
  /** The position that the subscriber last heard of in a heartbeat or at the start. */
  #announced = 0

  constructor(
    dependencies: StreamDependencies,
    request: StreamRequest,
    view: ReturnType<typeof createView>,
    res: ServerResponse,
  ) {
    this.#dependencies = dependencies
    this.#request = request
    this.#view = view
    this.#res = res
    // Headers go out at once: a proxy or a client that waits for them must not wait for the first event.
    res.writeHead(200, streamHeaders)
    res.flushHeaders()
    const { end, wrap } = responseEnd(res)
    this.#sink = new SocketSink(end, {
      clock: dependencies.clock,
      wrap,
      onStalled: () => {
        // Its socket takes nothing, so no words would reach it. It resumes where it was, later.
        dependencies.meter.refused('client_stalled')
        this.#stop()
        res.destroy()
      },
    })
    // A response that waits behind another on its connection is never told that the connection has closed.
    const connection = res.req.httpVersionMajor === 1 ? res.req.socket : undefined
    const closed = () => {
      res.removeListener('close', closed)
      connection?.removeListener('close', closed)
      this.#stop()
      this.#session?.gone()
    }
    res.once('close', closed)
    connection?.once('close', closed)
  }

  async start(session: Session): Promise<void> {
    const { log, fanout, clock, sessions, config } = this.#dependencies
    const { workspace, start: point, connectionId = randomUUID() } = this.#request
    this.#session = session
    if (this.#res.destroyed) {
      session.gone()
      return
    }
    try {
      const start = await findStart(log, { workspace }, point)
      if (this.#over) return
      const opened = {
        code: 'ok',
        connection_id: connectionId,
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

  /** The last words, between two frames, and the end of the response. */
  end(code: FailureCode, { retryMs }: EndOptions): void {
    if (this.#over) return
    this.#cursor?.close()
    const limit = code === 'too_many_streams' ? { max_streams: this.#dependencies.sessions.maxStreamsPerWorkspace } : {}
    const error = controlFrame('error', { code, message: failures[code].title, ...limit })
    this.#write(`${retryMs === undefined ? '' : retryFrame(retryMs)}${error}`)
    this.#stop()
    this.#res.end()
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
