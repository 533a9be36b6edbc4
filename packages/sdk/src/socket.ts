import { SwitchboardError } from './errors.js'

/** As much of a WebSocket as an observer needs: the browsers', Node's own and that of `ws` all fit. */
export interface SocketLike {
  binaryType: string
  onopen: ((event: never) => void) | null
  onmessage: ((event: { readonly data: unknown }) => void) | null
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null
  onerror: ((event: never) => void) | null
  close(code?: number, reason?: string): void
}

export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike

/** Nobody waits for the other side to say goodbye: `ws` can drop the connection at once, others time out by themselves. */
export function drop(socket: SocketLike): void {
  socket.onmessage = null
  socket.onclose = null
  // Errors of a connection nobody wants any more are nobody's: without a listener, `ws` would throw them.
  socket.onerror = () => {}
  if ('terminate' in socket && typeof socket.terminate === 'function') socket.terminate()
  else socket.close(1000)
}

/**
 * Tells when the handshake was answered with an HTTP status. Only `ws` can say so; with the others it looks like a
 * connection that broke.
 */
export function onRefusal(socket: SocketLike, report: (response: Response) => void): void {
  if (!('on' in socket) || typeof socket.on !== 'function') return
  socket.on(
    'unexpected-response',
    (_request: unknown, answer: { statusCode: number; headers: Record<string, unknown> }) => {
      const headers = Object.entries(answer.headers).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      )
      // Not every status makes a Response; those that do not are no refusals either.
      const status = answer.statusCode >= 200 && answer.statusCode <= 599 ? answer.statusCode : 502
      report(new Response(null, { status, headers }))
    },
  )
}

/**
 * The WebSocket to use: the given one, the global one, or `ws`, which is only loaded where there is no global one
 * (Node 20).
 */
export async function socketConstructor(given: SocketConstructor | undefined): Promise<SocketConstructor> {
  if (given !== undefined) return given
  const native: unknown = Reflect.get(globalThis, 'WebSocket')
  if (isConstructor(native)) return native
  try {
    const loaded: unknown = (await import('ws')).WebSocket
    if (isConstructor(loaded)) return loaded
  } catch (cause) {
    throw missing(cause)
  }
  throw missing(undefined)
}

function isConstructor(value: unknown): value is SocketConstructor {
  return typeof value === 'function'
}

function missing(cause: unknown): SwitchboardError {
  const detail = 'there is no global WebSocket and the package ws cannot be loaded; pass one as the option WebSocket'
  return new SwitchboardError('websocket_missing', detail, { cause })
}
