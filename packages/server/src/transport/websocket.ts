import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { failures, limits, PATH_ID_PATTERN, SwitchboardError } from '@switchboard/contract'
import { WebSocket, WebSocketServer } from 'ws'
import { refusedParameter } from '../refused-parameter.js'
import { hostsOf } from '../request-hosts.js'
import { requestIdOf } from '../request-id.js'
import { AUTH_PROTOCOL, credentialOf, type ObserverTarget, observerTarget, refuseUpgrade } from './handshake.js'
import { closeCode, closeReason } from './observer-frames.js'
import { type ObserverDependencies, ObserverSession } from './observer-session.js'
import { isAllowedOrigin } from './origin.js'
import { parseObserverQuery } from './query.js'

export interface ObserverEndpoint {
  /** For a server's `upgrade` event. Takes the socket over in every case. */
  handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Stops following the log. To be called after the sessions were drained. */
  close(): void
}

const CALL_SID = new RegExp(PATH_ID_PATTERN)
const ONLY_LISTENS = 'an observer only listens'
/** Fragments of a message nobody wants: few are enough to say so. */
const CLIENT_FRAGMENTS_MAX = 16
const CLIENT_CHUNKS_MAX = 1024
/** Messages that may come before a peer has read that it is to say nothing. One that goes on is cut off. */
const CLIENT_MESSAGES_MAX = 16
/** Bytes that may wait to be sent before pings go unanswered: a flood of them is not ours to store. */
const PONG_BACKLOG_BYTES_MAX = 64 * 1024

/**
 * Serves `/v1/{workspace_id}/observers/{call_sid}/ws` (wire contract, "Observer"). The length and the duration of the
 * handshake's own bytes are bounded by the HTTP server (`maxHeaderSize`, `headersTimeout`).
 */
export function createObserverEndpoint(dependencies: ObserverDependencies): ObserverEndpoint {
  const { log, gate, sessions, catalogue, clock, meter, config } = dependencies
  const addressOf = dependencies.addressOf ?? ((req) => req.socket.remoteAddress ?? '')
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload: limits.clientFrameBytesMax,
    maxFragments: CLIENT_FRAGMENTS_MAX,
    maxBufferedChunks: CLIENT_CHUNKS_MAX,
    WebSocket: ObserverSocket,
    // Whatever else was offered is a token, and goes into no header.
    handleProtocols: (offered) => (offered.has(AUTH_PROTOCOL) ? AUTH_PROTOCOL : false),
  })
  /** What each handshake was answered as: a connection has one name. */
  const ids = new WeakMap<IncomingMessage, string>()
  server.on('headers', (headers, req) => {
    const id = requestIdOf(req)
    ids.set(req, id)
    headers.push(`x-request-id: ${id}`)
  })
  /** Connections that were refused, until they are gone. */
  const closing = new WeakSet<WebSocket>()
  /** The workspace of connections whose key belongs to it: what they are refused is counted as its own. */
  const belonging = new WeakMap<WebSocket, string>()
  /** Observers by workspace and call, to be told of `call.ended`. */
  const observers = new Map<string, Map<string, Set<ObserverSession>>>()

  const unfollow = log.follow((channel, block) => {
    if (channel.call !== undefined) return
    const calls = observers.get(channel.workspace)
    if (calls === undefined) return
    for (const [index, type] of block.types.entries()) {
      if (type !== 'call.ended') continue
      const { event, position } = block.entry(index)
      const here = typeof event.call_sid === 'string' ? calls.get(event.call_sid) : undefined
      for (const observer of here ?? []) observer.callEnded(position.time)
    }
  })

  function handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const target = observerTarget(req.url)
    if (target === undefined) {
      refuseUpgrade(req, socket, 404, 'not_found', 'WebSockets are at /v1/{workspace_id}/observers/{call_sid}/ws')
      return
    }
    if (req.httpVersion !== '1.1') {
      refuseUpgrade(req, socket, 400, 'bad_request', 'a WebSocket needs HTTP/1.1')
      return
    }
    // Node asks for one of every request but those that ask for an upgrade.
    if (hostsOf(req) !== 1) {
      refuseUpgrade(req, socket, 400, 'bad_request', 'a request has one Host header')
      return
    }
    if (req.headers['sec-websocket-version'] !== '13') {
      refuseUpgrade(req, socket, 426, 'bad_request', 'Sec-WebSocket-Version must be 13', {
        upgrade: 'websocket',
        'sec-websocket-version': '13',
      })
      return
    }
    server.handleUpgrade(req, socket, head, (ws) => {
      ws.on('error', () => {}) // A peer that breaks the protocol: the library closes with the right code.
      ws.on('ping', (data) => {
        if (ws.bufferedAmount < PONG_BACKLOG_BYTES_MAX) ws.pong(data)
      })
      observe(ws, req, socket, target).catch((error: unknown) => close(ws, error))
    })
  }

  async function observe(ws: WebSocket, req: IncomingMessage, raw: Duplex, target: ObserverTarget): Promise<void> {
    const { workspace, callSid, query } = target
    // Nothing that a client says is wanted, whatever state we are in.
    let onData = () => close(ws, new SwitchboardError('bad_request', ONLY_LISTENS))
    let heard = 0
    ws.on('message', () => {
      heard += 1
      if (heard > CLIENT_MESSAGES_MAX) ws.terminate()
      else onData()
    })

    const { origin, host } = req.headers
    if (!isAllowedOrigin(origin, host, config.allowedOrigins)) {
      throw new SwitchboardError('forbidden', 'the origin is not allowed here')
    }
    const principal = await gate.authenticate(credentialOf(req), addressOf(req))
    dependencies.onKnown?.(req.socket)
    if (principal.workspace === workspace) belonging.set(ws, workspace)
    gate.authorize(principal, workspace, 'calls:observe', callSid)
    dependencies.onUse?.(principal, workspace, req)
    if (!CALL_SID.test(callSid)) {
      throw refusedParameter('call_sid', `must have 1 to ${limits.idCharsMax} letters, digits, or any of _ . : -`)
    }
    const connectionId = ids.get(req) ?? requestIdOf(req)
    const asked = parseObserverQuery(catalogue, query)
    const request = { workspace, callSid, principal, connectionId, address: addressOf(req), ...asked }
    if (ws.readyState !== ws.OPEN) return

    const observer = new ObserverSession(dependencies, request, ws, raw)
    const session = sessions.open({
      workspace,
      kind: 'observer',
      principal,
      asked: request,
      facts: () => observer.facts(),
      delivered: () => observer.delivered,
      end: (code) => observer.end(code, code === 'bad_request' ? ONLY_LISTENS : undefined),
      destroy: () => ws.terminate(),
    })
    if (typeof session === 'string') {
      observer.stop()
      throw new SwitchboardError(session, failures[session].title)
    }
    // Before the call is looked up: an end that comes meanwhile is then seen by one or the other.
    join(workspace, callSid, observer)
    onData = () => session.end('bad_request')
    // The library has sent a close frame by now: nothing may follow it, and the peer has little time to answer.
    ws.on('error', () => session.end('bad_request'))
    ws.on('pong', () => observer.pong())
    ws.once('close', () => {
      observer.stop()
      leave(workspace, callSid, observer)
      session.gone()
    })
    try {
      if (await session.admitted) await observer.start(session)
    } catch {
      session.end('stream_unavailable')
    }
  }

  /** Closes a connection that never became a session, once: what else a peer does meanwhile costs nothing more. */
  function close(ws: WebSocket, error: unknown): void {
    if (closing.has(ws)) return
    closing.add(ws)
    const failure =
      error instanceof SwitchboardError ? error : new SwitchboardError('internal', failures.internal.title)
    meter.refused(failure.code, belonging.get(ws))
    ws.close(closeCode(failure.code), closeReason(failure.code, failure.detail))
    const cancelCut = clock.after(limits.goodbyeMsMax, () => ws.terminate())
    ws.once('close', cancelCut)
  }

  function join(workspace: string, callSid: string, observer: ObserverSession): void {
    const calls = observers.get(workspace) ?? new Map<string, Set<ObserverSession>>()
    observers.set(workspace, calls)
    const here = calls.get(callSid) ?? new Set()
    calls.set(callSid, here.add(observer))
  }

  function leave(workspace: string, callSid: string, observer: ObserverSession): void {
    const calls = observers.get(workspace)
    const here = calls?.get(callSid)
    here?.delete(observer)
    if (here?.size === 0) calls?.delete(callSid)
    if (calls?.size === 0) observers.delete(workspace)
  }

  return { handleUpgrade, close: unfollow }
}

/** Gives a reason to the closes that the library makes of itself, when a client breaks the protocol. */
class ObserverSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    super.close(code, reason ?? (code === undefined ? undefined : PROTOCOL_REASONS.get(code)))
  }
}

const PROTOCOL_REASONS: ReadonlyMap<number, string> = new Map([
  [1002, closeReason('bad_request', 'the peer broke the WebSocket protocol')],
  [1007, closeReason('bad_request', 'a text message must be UTF-8')],
  [1008, closeReason('bad_request', 'too many fragments')],
  [1009, closeReason('frame_too_big', `a message may have ${limits.clientFrameBytesMax} bytes`)],
])
