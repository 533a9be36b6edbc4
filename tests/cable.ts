import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { TestServer } from './kit.js'

/** The way to a server over TCP, which a test can cut and mend. It is taken away with the test. */
export class Cable {
  private readonly sockets = new Set<Socket>()
  private isCut = false

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

  private join(near: Socket): void {
    if (this.isCut) {
      near.resetAndDestroy()
      return
    }
    const far = connect(this.server.port, '127.0.0.1')
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
      socket.pipe(other)
    }
  }
}
