import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type FailureCode, failures, limits, problemType, SwitchboardError } from '@switchboard/contract'
import { requestIdOf } from '../request-id.js'

/** The subprotocol that says "the next one is my token". */
export const AUTH_PROTOCOL = 'auth'

const OBSERVER_PATH = /^\/v1\/([^/?#]+)\/observers\/([^/?#]+)\/ws$/

export interface ObserverTarget {
  readonly workspace: string
  readonly callSid: string
  readonly query: URLSearchParams
}

/** What an address names, or undefined when it is no observer's. */
export function observerTarget(url: string | undefined): ObserverTarget | undefined {
  const [path = '', query = ''] = (url ?? '').split('?', 2)
  const match = OBSERVER_PATH.exec(path)
  if (match === null) return undefined
  try {
    const [workspace, callSid] = [match[1], match[2]].map((part) => decodeURIComponent(part ?? ''))
    if (!workspace || !callSid) return undefined
    return { workspace, callSid, query: new URLSearchParams(query) }
  } catch {
    return undefined // a broken percent escape
  }
}

/**
 * The credential of a handshake: subprotocols `auth, <token>`, or else the `Authorization` header. Never the address,
 * which proxies log.
 * @throws SwitchboardError `unauthenticated` when it is given in another form. Its detail never holds what was sent.
 */
export function credentialOf({ headers }: IncomingMessage): string | undefined {
  const offered = offeredProtocols(headers['sec-websocket-protocol'])
  if (offered.length > 0 && !(offered.length === 1 && offered[0] === AUTH_PROTOCOL && headers.authorization)) {
    const [first, token] = offered
    if (first !== AUTH_PROTOCOL || token === undefined || offered.length !== 2) {
      throw new SwitchboardError('unauthenticated', 'offer exactly two subprotocols: auth, <token>')
    }
    return bounded(token)
  }
  if (headers.authorization === undefined) return undefined
  const match = /^Bearer +(\S+)$/i.exec(headers.authorization)
  if (match === null) throw new SwitchboardError('unauthenticated', 'Authorization must be: Bearer <credential>')
  return bounded(match[1] ?? '')
}

function offeredProtocols(header: string | undefined): readonly string[] {
  return header === undefined ? [] : header.split(',').map((protocol) => protocol.trim())
}

function bounded(token: string): string {
  if (token.length <= limits.tokenCharsMax) return token
  throw new SwitchboardError('unauthenticated', `no credential is longer than ${limits.tokenCharsMax} characters`)
}

/**
 * Answers a request that asks for an upgrade which it cannot have, and closes. Only for what is no WebSocket handshake
 * at all: to a WebSocket client any HTTP answer looks like a network fault.
 */
export function refuseUpgrade(
  req: IncomingMessage,
  socket: Duplex,
  status: 400 | 404 | 426,
  code: FailureCode,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const requestId = requestIdOf(req)
  const body = JSON.stringify({
    type: problemType(code),
    title: failures[code].title,
    status,
    detail,
    code,
    error_code: code,
    request_id: requestId,
  })
  const reasons = { 400: 'Bad Request', 404: 'Not Found', 426: 'Upgrade Required' }
  const lines = Object.entries({
    connection: 'close',
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(body)),
    'x-request-id': requestId,
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  // A peer that is gone already is no failure of ours.
  socket.on('error', () => {})
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status} ${reasons[status]}\r\n${lines.join('')}\r\n${body}`)
}
