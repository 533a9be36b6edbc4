import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { EventStreamReader } from '@switchboard/sdk/sse'
import { expect, onTestFinished } from 'vitest'
import { type TestServer, until } from './kit.js'
import { childrenOf, holderOf } from './worker-processes.js'

/** A stream over a connection of its own, and the worker that has the other end of it. */
export class Stream {
  readonly counts: number[] = []
  readonly ids: string[] = []
  readonly frames: { readonly type: string; readonly data: string }[] = []
  lastEventId = ''
  over = false
  private constructor(
    readonly socket: Socket,
    readonly worker: number,
  ) {}

  static async open(server: TestServer, credential = server.adminKey, lastEventId = ''): Promise<Stream> {
    const socket = connect(server.port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => {})
    await once(socket, 'connect')
    const resume = lastEventId === '' ? '' : `last-event-id: ${lastEventId}\r\n`
    socket.write(
      `GET /v1/${server.workspace}/events/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${credential}\r\n${resume}\r\n`,
    )
    const worker = await until('a worker to take the connection', () => {
      if (socket.destroyed) throw new Error('the connection was cut')
      return holderOf(socket, childrenOf(server.pid))
    })
    const stream = new Stream(socket, worker)
    stream.read()
    await until('the stream to say something', () => stream.frames.length > 0 || stream.over)
    return stream
  }

  get said(): string {
    return this.frames.map(({ type, data }) => `${type} ${data}`).join('\n')
  }

  private read(): void {
    const reader = new EventStreamReader()
    // The head, and what chunks begin with, is nothing to a reader of event streams: it has no field names.
    let text = ''
    let isBody = false
    this.socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      if (!isBody) {
        const end = text.indexOf('\r\n\r\n')
        if (end < 0) return
        isBody = true
        text = text.slice(end + 4)
      }
      for (;;) {
        const line = text.indexOf('\r\n')
        if (line < 0) return
        const length = Number.parseInt(text.slice(0, line), 16)
        // The last chunk: the connection is kept for another request.
        if (length === 0) this.over = true
        if (text.length < line + 2 + length + 2) return
        const chunk = Buffer.from(text.slice(line + 2, line + 2 + length), 'latin1')
        text = text.slice(line + 2 + length + 2)
        for (const { type, data, lastEventId } of reader.push(chunk)) {
          this.frames.push({ type, data })
          if (type !== 'pipeline.sync_completed') continue
          this.ids.push(lastEventId)
          this.counts.push(JSON.parse(data).event_count)
        }
        this.lastEventId = reader.lastEventId
      }
    })
    const over = () => {
      this.over = true
    }
    this.socket.once('close', over)
    this.socket.once('end', over)
  }
}

/** Opens streams until every worker has at least one. */
export async function oneAtEach(server: TestServer, credential?: string): Promise<Map<number, Stream>> {
  const workers = childrenOf(server.pid)
  const streams = new Map<number, Stream>()
  for (let tries = 0; streams.size < workers.length && tries < 20 * workers.length; tries++) {
    const stream = await Stream.open(server, credential)
    if (streams.has(stream.worker)) stream.socket.destroy()
    else streams.set(stream.worker, stream)
  }
  expect([...streams.keys()].sort((a, b) => a - b)).toEqual(workers)
  return streams
}

/** A subscriber that comes back from where it was whenever its stream has ended. */
export class Subscriber {
  readonly running: Promise<void>
  private readonly ended: string[] = []
  private stream: Stream | undefined
  private over = false

  constructor(private readonly server: TestServer) {
    this.running = this.run()
    onTestFinished(() => this.stop())
  }

  get ids(): string[] {
    return [...this.ended, ...(this.stream?.ids ?? [])]
  }

  get isOpen(): boolean {
    return this.stream !== undefined && !this.stream.over
  }

  stop(): Promise<void> {
    this.over = true
    this.stream?.socket.destroy()
    return this.running
  }

  private async run(): Promise<void> {
    let last = ''
    while (!this.over) {
      const stream = await Stream.open(this.server, this.server.adminKey, last).catch(() => undefined)
      if (stream === undefined) continue
      this.stream = stream
      await until('the stream to end', () => stream.over || this.over, 120_000)
      this.ended.push(...stream.ids)
      this.stream = undefined
      last = stream.lastEventId
    }
  }
}

/** Publishes over a connection that a certain worker has. Answers with the status. */
export async function keptAlive(
  server: TestServer,
  worker: number,
  credential = server.adminKey,
): Promise<(events: readonly object[]) => Promise<number>> {
  const socket = await until('a connection to that worker', async () => {
    const tried = connect(server.port, '127.0.0.1')
    await once(tried, 'connect')
    // Only when it is asked something is it seen that nobody takes it.
    const holder = await until('somebody to take it', () => holderOf(tried, [...childrenOf(server.pid), server.pid]))
    if (holder === worker) return tried
    tried.destroy()
    return undefined
  })
  onTestFinished(() => void socket.destroy())
  return async (events) => {
    const body = JSON.stringify({ events })
    const answered = once(socket, 'data')
    socket.write(
      `POST /v1/${server.workspace}/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${credential}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
    const [bytes] = await answered
    return Number(String(bytes).slice(9, 12))
  }
}

/** Waits until as many serve as before the loss of one. */
export async function replaced(server: TestServer, gone: number, count: number): Promise<void> {
  await until(
    'another in its place',
    async () => {
      const workers = childrenOf(server.pid)
      return workers.length === count && !workers.includes(gone) && (await allServe(server, workers))
    },
    30_000,
  )
}

async function allServe(server: TestServer, workers: readonly number[]): Promise<boolean> {
  const serving = new Set<number | undefined>()
  for (let tries = 0; tries < 2 * workers.length; tries++) {
    const socket = connect(server.port, '127.0.0.1')
    await once(socket, 'connect')
    serving.add(await until('a worker to take it', () => holderOf(socket, workers)))
    socket.destroy()
  }
  return serving.size === workers.length
}
