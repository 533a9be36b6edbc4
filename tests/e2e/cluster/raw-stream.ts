import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { type TestServer, until } from '../../kit.js'

/** One connection to a workspace's stream, as bytes. It ends with the test, and does not come back. */
export class RawStream {
  text = ''
  private isClosed = false
  private readonly socket: Socket

  constructor(
    private readonly server: TestServer,
    { query = '', workspace = server.workspace, headers = {}, credential = server.adminKey }: RawStreamOptions = {},
  ) {
    const lines = Object.entries({ host: 'x', authorization: `Bearer ${credential}`, ...headers })
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    this.socket = connect(server.port, '127.0.0.1', () => {
      this.socket.write(`GET /v1/${workspace}/events/stream?${query} HTTP/1.1\r\n${head}\r\n`)
    })
    this.socket.setEncoding('latin1')
    this.socket.on('data', (text: string) => {
      this.text += text
    })
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.isClosed = true
    })
    onTestFinished(() => void this.socket.destroy())
  }

  /** Each write is one chunk of the response, and holds whole frames; of the frames, those that a position belongs to. */
  get frames(): string[] {
    const body = this.text.slice(this.text.indexOf('\r\n\r\n') + 4).replace(/\r?\n?[0-9a-f]+\r\n/g, '')
    return body.split('\n\n').filter((frame) => frame.startsWith('id: '))
  }

  /** Frames of events, as they came. */
  get events(): string[] {
    return this.frames.filter((frame) => !frame.includes('\nevent: stream.'))
  }

  /** Whether the response has ended; its connection may be kept for another. */
  get isOver(): boolean {
    return this.isClosed || this.text.endsWith('\r\n0\r\n\r\n')
  }

  /** Their positions. */
  get ids(): string[] {
    return this.events.map((frame) => /^id: (\S+)/.exec(frame)?.[1] ?? '')
  }

  get heartbeats(): number {
    return this.text.split('\n: heartbeat ').length - 1
  }

  /** The data of a control frame; undefined while there is none. */
  control(name: string): Record<string, unknown> | undefined {
    const found = new RegExp(`event: ${name.replace('.', '\\.')}\ndata: (.*)\n`).exec(this.text)
    return found?.[1] === undefined ? undefined : JSON.parse(found[1])
  }

  opened(): Promise<unknown> {
    return until(`a stream to open at ${this.server.url}`, () => this.control('stream.opened'))
  }

  async has(id: string | undefined): Promise<this> {
    await until(`${id} to come`, () => (id !== undefined && this.text.includes(`id: ${id}\n`)) || undefined)
    return this
  }

  close(): void {
    this.socket.destroy()
  }
}

interface RawStreamOptions {
  readonly query?: string
  readonly workspace?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly credential?: string
}
