import type { X509Certificate } from 'node:crypto'
import type { AddressInfo, Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../clock.js'
import { type Certificate, isFor, ownCertificate } from '../ops/certificate.js'
import { ConfigError } from '../ops/config.js'

/** A server that listens. */
export interface Listening {
  readonly port: number
  /** Where it can be reached from this machine. */
  readonly url: string
  /** Takes no new connections. Resolves when the last one is gone; after `forceMs` they are cut. */
  close(forceMs: number): Promise<void>
}

/** Connections that may wait to be accepted while a restart's clients all come back at once. The kernel may allow fewer. */
const BACKLOG = 4096

/** How often connections that have become idle are closed while the server closes. */
const IDLE_SWEEP_MS = 25

/** What a server listens for. */
export interface ListenOptions {
  readonly host: string
  readonly port: number
  /** What the server has, when it speaks TLS. */
  readonly certificate: Certificate | undefined
  readonly clock: Clock
}

/** @throws ConfigError when the address cannot be had. */
export async function listen(app: FastifyInstance, options: ListenOptions): Promise<Listening> {
  const { host, port, certificate, clock } = options
  const sockets = new Set<Socket>()
  const know = (socket: Socket): void => {
    // A connection that is put back to be read again comes here again.
    if (sockets.has(socket)) return
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }
  app.server.on('connection', know)
  // What comes in over TLS is read from a socket of its own.
  app.server.on('secureConnection', know)
  try {
    const listenTextResolver = (at: string): string => `Server listening at ${certificate ? secure(at) : at}`
    await app.listen({ host, port, backlog: BACKLOG, listenTextResolver })
  } catch (error) {
    throw refusedAddress(error, host, port)
  }
  const address = app.server.address() as AddressInfo
  return {
    port: address.port,
    url: certificate
      ? secure(`http://${named(host, ownCertificate(certificate))}:${address.port}`)
      : `http://${reachable(host)}:${address.port}`,
    async close(forceMs) {
      const cancel = clock.after(forceMs, () => {
        // Upgraded connections are no longer the HTTP server's: all are cut here.
        for (const socket of sockets) socket.destroy()
      })
      const sweepIdle = (): void => {
        app.server.closeIdleConnections()
        // To Node a connection that was opened ahead of its first request counts as busy.
        for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
      }
      // A connection that was busy when the server closed is idle later, and would be kept for the next request.
      const sweep = setInterval(sweepIdle, IDLE_SWEEP_MS)
      await app.close()
      clearInterval(sweep)
      cancel()
    },
  }
}

function secure(url: string): string {
  return url.replace(/^http:/, 'https:')
}

/** Where to connect to, on this machine, for a server that listens on `host`. */
export function addressHere(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

/** As it stands in a URL. */
function reachable(host: string): string {
  const address = addressHere(host)
  return address.includes(':') ? `[${address}]` : address
}

/** The name under which clients on this machine find what the certificate speaks for; the address when there is none. */
function named(host: string, certificate: X509Certificate): string {
  const address = reachable(host)
  const names = [...(certificate.subjectAltName ?? '').matchAll(/DNS:([^,\s*]+)/g)].map(([, name = '']) => name)
  const here = ['127.0.0.1', '[::1]'].includes(address) ? ['localhost'] : []
  return [address, ...here, ...names].find((name) => isFor(certificate, name)) ?? address
}

const REASONS: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) =>
    `PORT is ${port}, and another program listens on ${host}:${port}; accepted: a free port, with --port or PORT`,
  EACCES: (_, port) => `PORT is ${port}, which this user may not listen on; accepted: a port from 1024 on`,
  EADDRNOTAVAIL: (host) => `HOST is "${host}", which is no address of this machine; accepted: one of its own`,
  ENOTFOUND: (host) => `HOST is "${host}", which has no address; accepted: an IP address or a name that has one`,
}

function refusedAddress(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const reason = REASONS[code]
  return reason === undefined ? error : new ConfigError(reason(host, port), { cause: error })
}
