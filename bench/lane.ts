import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Gateway } from './gateway.js'

const END_OF_HEADERS = '\r\n\r\n'

/** One connection that publishes one request after the other: as little of a client as there can be. */
export class Lane {
  private text = ''
  private answered: ((body: string) => void) | undefined
  private failed: ((error: Error) => void) | undefined

  private constructor(
    private readonly socket: Socket,
    private readonly head: string,
  ) {
    socket.setEncoding('latin1').setNoDelay(true)
    socket.on('data', (more: string) => this.take(more))
    socket.on('error', (error) => this.failed?.(error))
    socket.on('close', () => this.failed?.(new Error('the gateway has closed a connection that waited for its answer')))
  }

  static async open(gateway: Gateway): Promise<Lane> {
    const socket = connect(gateway.port, '127.0.0.1')
    await once(socket, 'connect')
    const { workspace, key } = gateway
    const head = `POST /v1/${workspace}/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n`
    return new Lane(socket, head)
  }

  /** The positions that were given. @throws Error for any other answer. */
  async publish(body: string): Promise<readonly string[]> {
    const answer = new Promise<string>((resolve, reject) => {
      this.answered = resolve
      this.failed = reject
    })
    this.socket.write(`${this.head}content-length: ${Buffer.byteLength(body)}${END_OF_HEADERS}${body}`)
    return (JSON.parse(await answer) as { ids: string[] }).ids
  }

  close(): void {
    this.failed = undefined
    this.socket.destroy()
  }

  private take(more: string): void {
    this.text += more
    const end = this.text.indexOf(END_OF_HEADERS)
    if (end < 0) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.text.slice(0, end))?.[1])
    const body = this.text.slice(end + END_OF_HEADERS.length)
    if (body.length < length) return
    const { answered, failed } = this
    const isStored = this.text.startsWith('HTTP/1.1 201 ')
    this.text = ''
    this.answered = this.failed = undefined
    if (isStored) answered?.(body)
    else failed?.(new Error(`a publish was refused: ${body}`))
  }
}
