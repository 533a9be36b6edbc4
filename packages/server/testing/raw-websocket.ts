import { connect, type Socket } from 'node:net'

/** What a client that asks for a WebSocket sends. */
const HANDSHAKE = {
  host: 'test',
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version': '13',
} as const

/** Of a frame's first byte: the last one of its message. */
export const FIN = 0x80

export interface RawFrame {
  readonly first: number
  readonly opcode: number
  readonly masked: boolean
  readonly payload: Buffer
}

/** A peer that sends whatever bytes a test likes. */
export class RawPeer {
  private pieces: Buffer[] = []
  closed = false

  constructor(readonly socket: Socket) {
    socket.on('data', (bytes) => this.pieces.push(bytes))
    socket.on('close', () => {
      this.closed = true
    })
    socket.on('error', () => {})
  }

  get received(): Buffer {
    if (this.pieces.length > 1) this.pieces = [Buffer.concat(this.pieces)]
    return this.pieces[0] ?? Buffer.alloc(0)
  }

  get head(): string {
    return this.received.toString('latin1').split('\r\n\r\n')[0] ?? ''
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.head)?.[1])
  }

  /** Frames after the handshake's answer. */
  get frames(): RawFrame[] {
    const frames: RawFrame[] = []
    let rest = this.received.subarray(this.received.indexOf('\r\n\r\n') + 4)
    while (rest.length >= 2) {
      const [first, second] = rest as unknown as [number, number]
      const short = second & 127
      const header = short < 126 ? 2 : short === 126 ? 4 : 10
      if (rest.length < header) break
      const length = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : rest.readUInt32BE(6)
      if (rest.length < header + length) break
      const payload = rest.subarray(header, header + length)
      frames.push({ first, opcode: first & 15, masked: (second & 128) !== 0, payload })
      rest = rest.subarray(header + length)
    }
    return frames
  }

  get close(): { code: number; reason: string } | undefined {
    const frame = this.frames.find(({ opcode }) => opcode === 8)
    return frame && { code: frame.payload.readUInt16BE(0), reason: frame.payload.toString('utf8', 2) }
  }
}

export type RawHeaders = Readonly<Record<string, string | undefined>>

/**
 * Asks for a WebSocket and waits for the head of the answer, or the end. A header that is undefined is left out, one of
 * several lines is sent as several; `behind` follows in the same piece.
 */
export async function rawHandshake(
  port: number,
  path: string,
  headers: RawHeaders = {},
  options: { readonly method?: string; readonly version?: string; readonly behind?: Buffer } = {},
): Promise<RawPeer> {
  const { method = 'GET', version = '1.1', behind = Buffer.alloc(0) } = options
  const socket = connect(port, '127.0.0.1')
  const lines = Object.entries({ ...HANDSHAKE, ...headers })
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) =>
      String(value)
        .split('\n')
        .map((each) => `${name}: ${each}\r\n`),
    )
  const peer = new RawPeer(socket)
  const head = Buffer.from(`${method} ${path} HTTP/${version}\r\n${lines.join('')}\r\n`, 'latin1')
  socket.write(Buffer.concat([head, behind]))
  await new Promise<void>((resolve) => {
    socket.on('data', () => {
      if (peer.received.includes('\r\n\r\n')) resolve()
    })
    socket.on('close', () => resolve())
  })
  return peer
}

/** A client's frame: masked, as clients must, unless a test wants otherwise. */
export function rawFrame(first: number, payload: Buffer | string = '', { masked = true } = {}): Buffer {
  const body = Buffer.from(payload as Buffer)
  const length = body.length < 126 ? [body.length] : [126, (body.length >>> 8) & 255, body.length & 255]
  const header = Buffer.from([first, (length[0] as number) | (masked ? 128 : 0), ...length.slice(1)])
  return masked ? Buffer.concat([header, Buffer.alloc(4), body]) : Buffer.concat([header, body])
}
