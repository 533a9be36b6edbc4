import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from 'node:http2'
import { Server, type ServerOptions } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { limits } from '@switchboard/contract'
import type { FastifyServerFactoryHandler } from 'fastify'
import type { Clock } from '../clock.js'
import type { Certificate } from '../ops/certificate.js'
import type { CertificateSource } from '../ops/live-certificate.js'
import { KEEP_ALIVE_MS } from '../transport/sse-socket.js'

/** Streams that one HTTP/2 connection may have open: all tabs of a browser share one. More wait at the client. */
const CONCURRENT_STREAMS_MAX = 256

export interface SecureOptions {
  readonly source: CertificateSource
  readonly clock: Clock
  /** What bounds HTTP/1.1 requests. */
  readonly http1: Pick<
    ServerOptions,
    'keepAliveTimeout' | 'requestTimeout' | 'headersTimeout' | 'connectionsCheckingInterval'
  >
  /** Bytes of a request's head, in either protocol. */
  readonly headBytesMax: number
  /** How long a connection without a request is kept, in milliseconds. */
  readonly idleMs: number
}

/**
 * HTTPS on one port: HTTP/2 for who asks for it in the TLS handshake (ALPN), and HTTP/1.1 for everybody else, among them
 * WebSocket clients. A renewed certificate is used for new connections.
 *
 * HTTP/1.1 is Node's own HTTPS server, so that all that holds for plain HTTP/1.1 holds here: limits of time and size,
 * upgrades, refusals. Only connections that have agreed on HTTP/2 are given to an HTTP/2 server, which itself does not
 * listen. (Node's server for both leaves those limits out on its HTTP/1.1 side.)
 */
export class SecureServer extends Server {
  readonly #http2: Http2Server
  readonly #options: SecureOptions
  /** Sessions without an open stream, and how to end each. */
  readonly #idle = new Map<ServerHttp2Session, () => void>()

  constructor(options: SecureOptions, handler: FastifyServerFactoryHandler) {
    const { source, http1, headBytesMax } = options
    super(
      {
        ...http1,
        ...tlsOptions(source.current),
        maxHeaderSize: headBytesMax,
        ALPNProtocols: ['h2', 'http/1.1'],
        handshakeTimeout: limits.headersMsMax,
        // As plain HTTP/1.1 has it. A peer that has vanished without a word is found, whichever protocol it spoke.
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
      },
      handler,
    )
    this.#options = options
    // What else floods a connection has bounds in Node and nghttp2 that are good: resets (1000 at once, then 33 a second),
    // pings and settings that wait to be answered, empty frames, continuations, 128 header fields, 10 MB of memory.
    this.#http2 = createHttp2Server(
      { settings: { maxConcurrentStreams: CONCURRENT_STREAMS_MAX, maxHeaderListSize: headBytesMax } },
      // Node's compatibility classes are made to stand in for HTTP/1's.
      handler as never,
    )
    const speakHttp1 = this.listeners('secureConnection')
    this.removeAllListeners('secureConnection')
    this.on('secureConnection', (socket: TLSSocket) => {
      if (socket.alpnProtocol === 'h2') this.#speakHttp2(socket)
      else for (const speak of speakHttp1) speak.call(this, socket)
    })
    // Without TLS there are no words that the peer would understand.
    this.removeAllListeners('tlsClientError')
    this.on('tlsClientError', (_, socket) => socket.destroy())
    source.onRenewed((certificate) => this.setSecureContext(tlsOptions(certificate)))
  }

  /** Closes HTTP/2 connections without an open stream as well: they are told that they may go (GOAWAY). */
  override closeIdleConnections(): void {
    super.closeIdleConnections()
    for (const end of this.#idle.values()) end()
  }

  #speakHttp2(socket: TLSSocket): void {
    // Its session is made before `emit` comes back. The session itself lets nobody have its socket.
    this.#http2.once('session', (session) => this.#mind(session, socket))
    this.#http2.emit('connection', socket)
  }

  #mind(session: ServerHttp2Session, socket: TLSSocket): void {
    const { clock, idleMs } = this.#options
    let streams = 0
    let cancel = (): void => {}
    const end = (): void => {
      busy()
      session.close()
      // A peer that does not close its side would keep the connection.
      cancel = clock.after(limits.goodbyeMsMax, () => socket.destroy())
    }
    const idle = (ms: number): void => {
      this.#idle.set(session, end)
      cancel = clock.after(ms, end)
    }
    const busy = (): void => {
      this.#idle.delete(session)
      cancel()
    }
    session.on('stream', (stream) => {
      if (streams++ === 0) busy()
      stream.once('close', () => {
        if (--streams > 0) return
        if (session.closed) end()
        else idle(idleMs)
      })
    })
    session.once('close', busy)
    // One that says nothing is ended as one that does not finish its head.
    idle(limits.headersMsMax)
  }
}

function tlsOptions({ cert, key }: Certificate) {
  return { cert, key, minVersion: 'TLSv1.2' } as const
}
