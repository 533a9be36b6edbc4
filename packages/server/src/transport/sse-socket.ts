import type { ServerResponse } from 'node:http'
import type { WritableEnd } from './sink.js'

/** Idle time after which the kernel asks a silent peer whether it is still there. */
const KEEP_ALIVE_MS = 30_000

/**
 * Where a streaming response's bytes go, once its headers have been flushed.
 *
 * `res.write` puts each buffer between a chunk header and a chunk end, three pieces and a writev for every subscriber.
 * On HTTP/1.1 the chunk is made once instead, shared by all who are given the same bytes, and written to the socket
 * itself. The response still ends with `res.end()`, so that a cut looks like a cut.
 */
export function responseEnd(res: ServerResponse): { end: WritableEnd; wrap: (bytes: Buffer) => Buffer } {
  const { socket } = res
  const http1 = res.req.httpVersionMajor === 1
  if (http1 && socket !== null) {
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    // Silence is what a quiet workspace sounds like.
    socket.setTimeout(0)
  }
  // A response that waits behind another on its connection has no socket yet; HTTP/1.0 and HTTP/2 have no chunks.
  if (http1 && socket !== null && res.chunkedEncoding) return { end: socket, wrap: chunk }
  return { end: res, wrap: (bytes) => bytes }
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
