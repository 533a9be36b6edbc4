import type { ServerResponse } from 'node:http'
import { constants, type Http2ServerResponse, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import type { WritableEnd } from './sink.js'

/** Idle time after which the kernel asks a silent peer whether it is still there. */
export const KEEP_ALIVE_MS = 30_000

/** One subscriber's response: where its bytes go, and how it ends. Its head is on its way already. */
export interface Outlet {
  readonly end: WritableEnd
  /** Makes of bytes what is written, once for all who are given the same. */
  readonly wrap: (bytes: Buffer) => Buffer
  /** True when nobody is there any more. */
  readonly isGone: boolean
  /** Calls the one listener when nobody is there any more. */
  onGone(listener: () => void): void
  /** Ends the response after what was written. */
  finish(): void
  /** Ends it in its middle, so that its peer can tell that from its end. */
  cut(): void
}

/**
 * The outlet of a response of Node's.
 *
 * `res.write` puts each buffer between a chunk header and a chunk end, three pieces and a writev for every subscriber.
 * On HTTP/1.1 the chunk is made once instead, shared by all who are given the same bytes, and written to the socket
 * itself. The response still ends with `res.end()`, so that a cut looks like a cut. On HTTP/2 it is Node that frames.
 */
export function responseOutlet(res: ServerResponse, headers: Readonly<Record<string, string>>): Outlet {
  // Headers go out at once: a proxy or a client that waits for them must not wait for the first event.
  res.writeHead(200, headers)
  res.flushHeaders()
  const http1 = res.req.httpVersionMajor === 1
  const stream = http1 ? undefined : (res as unknown as Http2ServerResponse).stream
  // Of a peer that closes it without an error, Node waits for what is being written, and that never ends.
  stream?.once('aborted', () => {
    if (stream.rstCode === constants.NGHTTP2_NO_ERROR) stream.destroy()
  })
  return {
    ...writingOf(res, stream),
    get isGone() {
      return (stream ?? res).destroyed
    },
    onGone(listener) {
      // A response that waits behind another on its connection is never told that the connection has closed.
      const connection = http1 ? res.req.socket : undefined
      const gone = (): void => {
        res.removeListener('close', gone)
        connection?.removeListener('close', gone)
        listener()
      }
      res.once('close', gone)
      connection?.once('close', gone)
    },
    finish: () => void res.end(),
    cut() {
      if (stream === undefined) res.destroy()
      else stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    },
  }
}

function writingOf(res: ServerResponse, stream: ServerHttp2Stream | undefined): Pick<Outlet, 'end' | 'wrap'> {
  if (stream !== undefined) return { end: new PieceByPiece(stream), wrap: asItIs }
  const { socket } = res
  if (socket !== null) keepOpen(socket)
  // A response that waits behind another on its connection has no socket yet; HTTP/1.0 has no chunks.
  return socket !== null && res.chunkedEncoding ? { end: socket, wrap: chunk } : { end: res, wrap: asItIs }
}

/** Readies a connection for a response that goes on for as long as somebody listens. */
export function keepOpen(socket: Socket): void {
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  // Silence is what a quiet workspace sounds like.
  socket.setTimeout(0)
}

function asItIs(bytes: Buffer): Buffer {
  return bytes
}

let lastBytes: Buffer | undefined
let lastChunk: Buffer | undefined

/** Bytes as one chunk (RFC 9112, section 7.1). The last answer is kept: cursors that stand together come one after another. */
export function chunk(bytes: Buffer): Buffer {
  if (bytes !== lastBytes || lastChunk === undefined) {
    lastBytes = bytes
    lastChunk = Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, CHUNK_END])
  }
  return lastChunk
}

const CHUNK_END = Buffer.from('\r\n')

/**
 * A stream that is given a long write in pieces of what it holds at a time. An HTTP/2 stream says that a write is gone when
 * all of it is, and nothing before: a slow peer could not be told from one that takes nothing.
 */
export class PieceByPiece implements WritableEnd {
  readonly #stream: Writable
  /** What the stream has still to be given. */
  #rest: Buffer | undefined
  #drained: () => void = () => {}

  constructor(stream: Writable) {
    this.#stream = stream
  }

  get writableLength(): number {
    return this.#stream.writableLength + (this.#rest?.length ?? 0)
  }

  write(bytes: Buffer): boolean {
    if (this.#rest !== undefined) {
      // Last words, and then the stream ends: what is before them must not come after.
      this.#stream.write(this.#rest)
      this.#rest = undefined
    } else if (bytes.length > this.#stream.writableHighWaterMark) {
      this.#rest = bytes
      return this.#fill()
    }
    return this.#stream.write(bytes)
  }

  on(_event: 'drain', listener: () => void): void {
    this.#drained = listener
    this.#stream.on('drain', this.#onDrain)
  }

  removeListener(_event: 'drain', _listener: () => void): void {
    this.#drained = () => {}
  }

  readonly #onDrain = (): void => {
    if (this.#rest === undefined || this.#fill()) this.#drained()
  }

  /** Gives the stream what it has room for. True when there is room for more than that. */
  #fill(): boolean {
    for (;;) {
      const rest = this.#rest
      if (rest === undefined) return true
      const size = Math.max(1, this.#stream.writableHighWaterMark)
      this.#rest = rest.length > size ? rest.subarray(size) : undefined
      if (!this.#stream.write(rest.subarray(0, size))) return false
    }
  }
}
