import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { TestServer } from './kit.js'

/** The way to a server over TCP, which a test can cut and mend. It is taken away with the test. */
export class Cable {
  private readonly sockets = new Set<Socket>()
  private isCut = false
  private lastText: string | undefined
  /** All that clients have sent over it, and all that they were sent. */
  asked = ''
  answered = ''

  private constructor(
    private readonly listener: Server,
    private readonly server: TestServer,
  ) {}

  static async to(server: TestServer): Promise<Cable> {
    const listener = createServer()
    const cable = new Cable(listener, server)
    listener.on('connection', (near) => cable.join(near))
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    onTestFinished(() => {
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
      if (socket === near || text === undefined) socket.pipe(other)
    }
  }
}
