import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Detacher } from '../transport/detached.js'

/** Headers that belong to an offer to leave HTTP/1.1. */
const OFFER_HEADERS = ['upgrade', 'http2-settings']

/**
 * Gives connections that leave HTTP to `detacher`, WebSocket handshakes to `observe`, and every other offer to change the protocol back to HTTP.
 *
 * Java's client and `curl --http2` offer HTTP/2 (`Upgrade: h2c`) with ordinary requests, and a server may ignore an
 * offer (RFC 9110, section 7.8). Node does not once somebody listens for upgrades: it stops reading such a request after
 * its head. So the request is put back without the offer, body and all, and read again as on a new connection.
 */
export function routeUpgrades(
  server: Server,
  observe: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
  detacher: Pick<Detacher, 'claim'>,
): void {
  // Node hands out 2000 header lines and drops the rest. Put back without its Content-Length, a body would be read as
  // the next request. What there may be is bounded in bytes.
  server.maxHeadersCount = 0
  server.on('upgrade', (request, socket, head) => {
    if (detacher.claim(request, socket)) return
    if (isAnswering(socket)) {
      socket.destroy()
      return
    }
    if (offers(request, 'websocket')) {
      observe(request, socket, head)
      return
    }
    socket.unshift(Buffer.concat([headWithoutOffer(request), head]))
    // Where TLS begins the server hears of a 'connection', and HTTP/1.1 begins behind it.
    server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
  })
}

/**
 * Whether an earlier request of this connection still waits for its answer, or is a stream: the answer would land in the
 * middle of the other protocol. No client asks for another protocol before it has been answered.
 */
function isAnswering(socket: Duplex & { readonly _httpMessage?: unknown }): boolean {
  return socket._httpMessage !== undefined && socket._httpMessage !== null
}

function offers({ headers }: IncomingMessage, protocol: string): boolean {
  return words(headers.upgrade ?? '').includes(protocol)
}

/** The head of a request as it came, but for the offer. */
function headWithoutOffer({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name, value] = [String(rawHeaders[index]), String(rawHeaders[index + 1])]
    if (OFFER_HEADERS.includes(name.toLowerCase())) continue
    if (name.toLowerCase() !== 'connection') lines.push(`${name}: ${value}`)
    else {
      const options = words(value).filter((word) => !OFFER_HEADERS.includes(word))
      if (options.length > 0) lines.push(`${name}: ${options.join(', ')}`)
    }
  }
  // As Node read it: one character a byte.
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

function words(value: string): string[] {
  return value
    .split(',')
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== '')
}
