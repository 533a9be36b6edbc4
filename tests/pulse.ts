import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { TestServer } from './kit.js'

/** What is remembered of what was heard, unless it is all. */
const TEXT_CHARS = 4096

/** A stream that is only listened to for its pulse. */
export class Pulse {
  text = ''
  silentMs = 0
  private last = performance.now()
  private readonly socket: Socket

  constructor(
    server: TestServer,
    private readonly keepsAll = false,
  ) {
    const { port, workspace, adminKey } = server
    this.socket = connect(port, '127.0.0.1', () => {
      const path = `/v1/${workspace}/events/stream`
      this.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${adminKey}\r\n\r\n`)
    })
    this.socket.on('data', (bytes: Buffer) => {
      const now = performance.now()
      this.silentMs = Math.max(this.silentMs, now - this.last)
      this.last = now
      this.text += bytes.toString('latin1')
      if (!this.keepsAll) this.text = this.text.slice(-TEXT_CHARS)
    })
    onTestFinished(() => void this.socket.destroy())
  }

  get isOpen(): boolean {
    return !this.socket.closed
  }

  /** Forgets how long it was silent. */
  begin(): void {
    this.silentMs = 0
    this.last = performance.now()
  }
}
