import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { chunk, keepOpen, type Outlet } from './sse-socket.js'

/** Takes connections out of Node's HTTP server, so that a stream costs no more memory than its socket and what is ours. */
export interface Detacher {
  /**
   * To be called while a server tells of a request without a body, before anything of the response is written. Calls
   * `detached` once nothing of HTTP is left of the connection, or `refused`, and then all is as before.
   */
  detach(
    request: IncomingMessage,
    response: ServerResponse,
    to: { readonly detached: (socket: Socket) => void; readonly refused: () => void },
  ): void
  /** For the server's `upgrade` event: true when the connection was one to be detached. */
  claim(request: IncomingMessage, socket: Duplex): boolean
}

interface Waiting {
  readonly response: ServerResponse
  readonly detached: (socket: Socket) => void
}

/**
 * An idle stream of Node's HTTP server keeps its parser, request, response and a dozen listeners: 6 of 14 kB. Node frees
 * all of them when a connection leaves HTTP by an upgrade, and it looks whether one does at the end of what it has parsed.
 * So the request is marked as one; nothing else of Node's insides is used. Where that does not lead to an upgrade at once (a
 * pipelined request behind it, another way of Node's one day), the mark is taken back and the response is Node's.
 */
export function createDetacher(): Detacher {
  const waiting = new Map<IncomingMessage, Waiting>()
  return {
    detach(request, response, { detached, refused }) {
      waiting.set(request, { response, detached })
      request.upgrade = true
      setImmediate(() => {
        if (!waiting.delete(request)) return
        request.upgrade = false
        // Of a request that asks for an upgrade Node does not say that it is complete.
        request.push(null)
        refused()
      })
    },
    claim(request, socket) {
      const found = waiting.get(request)
      if (found === undefined) return false
      waiting.delete(request)
      found.response.detachSocket(socket as Socket)
      found.detached(socket as Socket)
      return true
    },
  }
}

declare module 'node:http' {
  interface IncomingMessage {
    /** True for a request that leaves HTTP (not in Node's documentation). */
    upgrade?: boolean
  }
}

const LAST_CHUNK = '0\r\n\r\n'

/** The outlet of a connection that has left Node's HTTP server: a response of HTTP/1.1 in chunks, and nothing after it. */
export function detachedOutlet(socket: Socket, head: string): Outlet {
  keepOpen(socket)
  // Whoever fails or leaves is told of by 'close'. A peer has nothing more to say, and to read it away would cost time.
  socket.on('error', ignore).once('end', destroy).once('data', destroy)
  // The first frames are mostly ready within this turn, and then go out in one write with the head.
  socket.cork()
  setImmediate(uncork, socket)
  socket.write(head, 'latin1')
  return {
    end: socket,
    wrap: chunk,
    get isGone() {
      return socket.destroyed
    },
    onGone: (listener) => void socket.once('close', listener),
    finish: () => void socket.end(LAST_CHUNK),
    cut: () => void socket.destroy(),
  }
}

function ignore(): void {}

function uncork(socket: Socket): void {
  socket.uncork()
}

function destroy(this: Socket): void {
  this.destroy()
}
