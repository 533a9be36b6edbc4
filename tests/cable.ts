import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import type { TestServer } from './kit.js'

/**
 * How bytes come through: at once, each piece so much later, one by one, or in one direction not at all while the other
 * goes on, until it is mended.
 */
export type Weather =
  | { readonly kind: 'fair' }
  | { readonly kind: 'late'; readonly ms: number }
  | { readonly kind: 'drip' }
  | { readonly kind: 'hole'; readonly way: Way }
type Way = 'asked' | 'answered'

/** How often one that waits asks whether the weather has changed. */
const LOOK_MS = 20
/** Bytes that drip before others have their turn. */
const DRIPS = 16

/** The way to a server over TCP, which a test can cut and mend. It is taken away with the test. */
export class Cable {
  private readonly sockets = new Set<Socket>()
  private isCut = false
  private lastText: string | undefined
  /** For connections that are open, too. */
  weather: Weather = { kind: 'fair' }
  /** All that clients have sent over it, and all that they were sent. */
  asked = ''
  answered = ''

  private constructor(
    private readonly listener: Server,
    private readonly server: TestServer,
  ) {}

  /** @param onEnd Default: it ends with the test. */
  static async to(server: TestServer, onEnd: (end: () => void) => void = onTestFinished): Promise<Cable> {
    const listener = createServer()
    const cable = new Cable(listener, server)
    listener.on('connection', (near) => cable.join(near))
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    onEnd(() => {
      cable.cut()
      listener.close()
    })
    return cable
  }

  /** The same server, at the other end of the cable. */
  get far(): TestServer {
    const { port } = this.listener.address() as AddressInfo
    return Object.create(this.server, { url: { value: `http://127.0.0.1:${port}` } }) as TestServer
  }

  /** Ends what is connected, without a goodbye, and lets nobody connect. */
  cut(): void {
    this.isCut = true
    for (const socket of this.sockets) socket.resetAndDestroy()
  }

  mend(): void {
    this.isCut = false
  }

  /** The next connection ends right behind this text of the server's, as when a process dies in the middle of a frame. */
  cutBehind(text: string): void {
    this.lastText = text
  }

  private join(near: Socket): void {
    if (this.isCut) {
      near.resetAndDestroy()
      return
    }
    const far = connect(this.server.port, '127.0.0.1')
    const text = this.lastText
    this.lastText = undefined
    near.on('data', (bytes) => {
      this.asked += bytes.toString('latin1')
    })
    far.on('data', (bytes) => {
      this.answered += bytes.toString('latin1')
    })
    if (text !== undefined) {
      far.on('data', (bytes) => {
        const end = bytes.indexOf(text)
        if (end >= 0) near.end(bytes.subarray(0, end + text.length))
        else near.write(bytes)
      })
    }
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(socket)
      // What one end does to the connection, the other sees.
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        this.sockets.delete(socket)
        other.destroy()
      })
      if (socket === far && text !== undefined) continue
      socket.pipe(this.passage(socket === near ? 'asked' : 'answered', socket)).pipe(other)
    }
  }

  private passage(way: Way, from: Socket): Transform {
    const cable = this
    return new Transform({
      async transform(bytes: Buffer, _encoding, done) {
        for (let sent = 0; sent < bytes.length && !from.destroyed; ) {
          const { weather } = cable
          if (weather.kind === 'hole' && weather.way === way) {
            await pause(LOOK_MS)
            continue
          }
          if (weather.kind === 'late') await pause(weather.ms)
          if (weather.kind !== 'drip') {
            this.push(bytes.subarray(sent))
            break
          }
          this.push(bytes.subarray(sent, ++sent))
          if (sent % DRIPS === 0) await pause(1)
        }
        done()
      },
    })
  }
}
