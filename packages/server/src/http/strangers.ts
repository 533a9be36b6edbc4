import type { Socket } from 'node:net'
import { networkOf } from '../access/throttle.js'
import type { Trust } from './client-address.js'

/** Which of the two limits a connection was cut for. It becomes a label. */
export type StrangerLimit = 'address' | 'all'

/** The two ends of a connection, as each layer above it (TLS, HTTP/2) still tells them. */
export type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>

export interface StrangersOptions {
  /** Strangers that one address may have at a time. An IPv6 network of /64 is one address. */
  readonly perAddressMax: number
  /** Strangers of this process at a time. */
  readonly max: number
  /** A trusted proxy brings the connections of many: they count towards `max` alone. */
  readonly trust: Trust
  readonly onCut: (limit: StrangerLimit) => void
}

/**
 * Connections on which nobody has shown a credential that was accepted. Whoever may use the server stays one for the
 * moment between connecting and the first request; a flood, or a head that never ends, stays one for as long as it may.
 */
export interface Strangers {
  /** A connection has come in. */
  met(socket: Pick<Socket, 'remoteAddress' | 'remotePort' | 'destroy' | 'once'>): void
  /** A credential was accepted on it: from now on it counts no more. */
  known(peer: Peer): void
  count(): number
}

interface Stranger {
  readonly network: string
  readonly cut: () => void
}

/**
 * At a limit the newcomer is let in, and the one that has been a stranger longest is cut. So a flood drives out its own
 * connections, and somebody with a key who comes from the same address, or when all is full, gets in: to be known takes
 * one request, and a flood would have to bring a whole limit of connections within it.
 */
export function createStrangers(options: StrangersOptions): Strangers {
  // Each in the order of coming: the first is the one to cut.
  const strangers = new Map<string, Stranger>()
  const byNetwork = new Map<string, Set<string>>()

  function forget(name: string): void {
    const stranger = strangers.get(name)
    if (stranger === undefined) return
    strangers.delete(name)
    const beside = byNetwork.get(stranger.network)
    beside?.delete(name)
    if (beside?.size === 0) byNetwork.delete(stranger.network)
  }

  function cutFirst(names: Iterable<string>, limit: StrangerLimit): void {
    for (const name of names) {
      const stranger = strangers.get(name)
      forget(name)
      stranger?.cut()
      options.onCut(limit)
      return
    }
  }

  return {
    met(socket) {
      const name = nameOf(socket)
      // A connection that is put back to be read again comes here again.
      if (strangers.has(name)) return
      const network = networkOf(socket.remoteAddress ?? '')
      strangers.set(name, { network, cut: () => socket.destroy() })
      socket.once('close', () => forget(name))
      if (!options.trust(socket.remoteAddress ?? '', 0)) {
        const beside = byNetwork.get(network) ?? new Set()
        byNetwork.set(network, beside.add(name))
        if (beside.size > options.perAddressMax) cutFirst(beside, 'address')
      }
      if (strangers.size > options.max) cutFirst(strangers.keys(), 'all')
    },
    known: (peer) => forget(nameOf(peer)),
    count: () => strangers.size,
  }
}

/** Of the connections that are open no two have the same. */
function nameOf({ remoteAddress, remotePort }: Peer): string {
  return `${remotePort} ${remoteAddress}`
}
