import { SwitchboardError } from './errors.js'

/** As much of a WebSocket as an observer needs: the browsers', Node's own and that of `ws` all fit. */
export interface SocketLike {
  binaryType: string
  addEventListener(type: 'open', listener: () => void): void
  /** Why, only programs are told: browsers keep it from scripts. */
  addEventListener(type: 'error', listener: (event: { readonly error?: unknown }) => void): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void
  close(code?: number): void
}

export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike

export interface SocketEvents {
  message(data: unknown): void
  closed(code: number, reason: string): void
  /** The handshake failed. */
  failed(cause: unknown): void
  /** The handshake was answered with an HTTP status. */
  refused(answer: Response): void
}

/** Calls back until the returned function is called, which drops the connection. */
export function attach(socket: SocketLike, events: SocketEvents): () => void {
  let isWanted = true
  let isOpen = false
  socket.binaryType = 'arraybuffer'
  socket.addEventListener('open', () => {
    isOpen = true
  })
  socket.addEventListener('message', ({ data }) => {
    if (isWanted) events.message(data)
  })
  socket.addEventListener('close', ({ code, reason }) => {
    if (isWanted) events.closed(code, reason)
  })
  // Some tell a failed handshake by an error alone; once open, a close with its code follows. The listener stays, as
  // `ws` throws the errors that nobody listens for.
  socket.addEventListener('error', ({ error }) => {
    if (isWanted && !isOpen) events.failed(error)
  })
  onRefusal(socket, (answer) => {
    if (isWanted) events.refused(answer)
  })
  return () => {
    if (!isWanted) return
    isWanted = false
    // Nobody waits for the other side's goodbye: `ws` can drop the connection at once, others give up by themselves.
    if ('terminate' in socket && typeof socket.terminate === 'function') socket.terminate()
    else socket.close(1000)
  }
}

/** Only `ws` can tell the status of a refused handshake; with the others it is a connection that broke. */
function onRefusal(socket: SocketLike, report: (answer: Response) => void): void {
  if (!('on' in socket) || typeof socket.on !== 'function') return
  const refused = (_request: unknown, answer: { statusCode: number; headers: Record<string, unknown> }): void => {
    const headers = Object.entries(answer.headers).filter(
      (each): each is [string, string] => typeof each[1] === 'string',
    )
    // Not every status makes a Response; those that do not are a broken server's.
    const status = answer.statusCode >= 200 && answer.statusCode <= 599 ? answer.statusCode : 502
    report(new Response(null, { status, headers }))
  }
  socket.on('unexpected-response', refused)
}

/**
 * The WebSocket to use: the given one, the global one, or that of `ws`, which is loaded only where there is no global one
 * (Node 20). An error when there is none.
 */
export async function socketConstructor(
  given: SocketConstructor | undefined,
): Promise<SocketConstructor | SwitchboardError> {
  if (given !== undefined) return given
  const native: unknown = Reflect.get(globalThis, 'WebSocket')
  if (isConstructor(native)) return native
  try {
    return (await import('ws')).WebSocket
  } catch (cause) {
    const detail = 'there is no global WebSocket and the package ws cannot be loaded; pass one as the option WebSocket'
    return new SwitchboardError('websocket_missing', detail, { cause })
  }
}

function isConstructor(value: unknown): value is SocketConstructor {
  return typeof value === 'function'
}
