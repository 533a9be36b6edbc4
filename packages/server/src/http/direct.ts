import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Access } from '../access/access.js'
import type { Principal } from '../access/principal.js'
import { hostsOf } from '../request-hosts.js'

/** Answers requests of one kind without the router. */
export interface Direct {
  /**
   * True when it takes the request over. Called before the parser has gone on; `route` gives the request to the router after
   * all, as long as nothing of it has been read or answered.
   */
  take(request: IncomingMessage, response: ServerResponse, route: () => void): boolean
}

const CREDENTIAL = /^Bearer (sb_\w+)$/
/** With any of these a request asks for more than what is done for it here. */
const UNCOMMON_HEADERS = ['origin', 'content-encoding', 'transfer-encoding', 'expect', 'upgrade'] as const

/**
 * Answers the two commonest requests without the router: to publish, and to open a stream. What is special in a request, and
 * every refusal that its head alone deserves, is the router's: `directs` take only what leads to success. The answers are
 * the same.
 *
 * The router, its hooks and its reply are a third of what it takes of a processor to publish an event, and a stream keeps what
 * they made for as long as it is open (docs/decisions/0012-common-requests-pass-by-the-router.md).
 *
 * @param onKnown Told of the connection of each request that is taken: its credential was accepted.
 */
export function answerDirectly(
  server: Server,
  isDraining: () => boolean,
  directs: readonly Direct[],
  onKnown: (socket: Socket) => void = () => {},
): void {
  const routed = server.listeners('request') as RequestListener[]
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const route = (): void => {
      for (const listener of routed) listener.call(server, request, response)
    }
    const isCommon = request.httpVersion === '1.1' && !isDraining() && isPlain(request)
    // Remembered now: a stream leaves Node's server, and its request then has no socket.
    const { socket } = request
    if (isCommon && directs.some((direct) => direct.take(request, response, route))) onKnown(socket)
    else route()
  })
}

function isPlain(request: IncomingMessage): boolean {
  for (const name of UNCOMMON_HEADERS) if (request.headers[name] !== undefined) return false
  return hostsOf(request) === 1
}

/** Who asks, if it is known at once, by an API key in the usual header. */
export function callerOf({ headers }: IncomingMessage, gate: Pick<Access, 'recognise'>): Principal | undefined {
  const credential = CREDENTIAL.exec(headers.authorization ?? '')?.[1]
  return credential === undefined ? undefined : gate.recognise(credential)
}
