import type { AddressInfo, Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../clock.js'
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

/** @throws ConfigError when the address cannot be had. */
export async function listen(app: FastifyInstance, host: string, port: number, clock: Clock): Promise<Listening> {
  const sockets = new Set<Socket>()
  app.server.on('connection', (socket: Socket) => {
    // A connection that is put back to be read again comes here again.
    if (sockets.has(socket)) return
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  try {
    await app.listen({ host, port, backlog: BACKLOG })
  } catch (error) {
    throw refusedAddress(error, host, port)
  }
  const address = app.server.address() as AddressInfo
  return {
    port: address.port,
    url: `http://${reachable(host)}:${address.port}`,
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

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
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
