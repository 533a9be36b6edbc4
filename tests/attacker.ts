import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import WebSocket from 'ws'
import { type Json, type TestServer, until } from './kit.js'

/** What the attacker has: an address, and credentials of a workspace that is not the one it wants. */
export class Attacker {
  constructor(readonly server: TestServer) {}

  /** Opens a connection and sends bytes as they are: no client in between that would put them right. */
  connects(): Connection {
    return new Connection(this.server.port)
  }

  /** Sends bytes, and waits until the server has ended the connection, or has answered `answers` times. */
  async sends(bytes: string, answers = Number.POSITIVE_INFINITY): Promise<Connection> {
    const connection = this.connects()
    connection.send(bytes)
    await until('an answer or the end', () => connection.isOver || connection.statuses.length >= answers || undefined)
    return connection
  }

  async asks(
    method: string,
    path: string,
    options: { credential?: string | undefined; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<{ status: number; headers: Headers; text: string; json: Json }> {
    const { credential, body, headers } = options
    const answer = await fetch(this.server.url + path, {
      method,
      headers: {
        ...(credential !== undefined && { authorization: `Bearer ${credential}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    let json: Json = {}
    try {
      json = JSON.parse(text)
    } catch {
      // Not every answer is JSON.
    }
    return { status: answer.status, headers: answer.headers, text, json }
  }

  /** How an observer's handshake ends. */
  observes(path: string, credential: string): Promise<{ code: number; reason: string; heard: string }> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.server.port}${path}`, ['auth', credential])
    let heard = ''
    socket.on('message', (text) => {
      heard += String(text)
    })
    return new Promise((resolve, reject) => {
      socket.on('error', reject)
      socket.on('close', (code, reason) => resolve({ code, reason: String(reason), heard }))
    })
  }
}

/** One raw connection. It ends with the test. */
export class Connection {
  text = ''
  isOver = false
  readonly socket: Socket

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', (bytes: Buffer) => {
      this.text += bytes.toString('latin1')
    })
    this.socket.on('error', () => {})
    this.socket.on('end', () => this.over())
    this.socket.on('close', () => this.over())
    onTestFinished(() => {
      this.socket.destroy()
    })
  }

  send(bytes: string): void {
    this.socket.write(Buffer.from(bytes, 'latin1'))
  }

  /** Sends the same bytes again and again, as fast as they are taken. */
  async floods(bytes: string, times: number): Promise<void> {
    const buffer = Buffer.from(bytes, 'latin1')
    for (let sent = 0; sent < times && !this.isOver && !this.socket.destroyed; sent++) {
      if (this.socket.write(buffer)) continue
      await until('room or the end', () => this.isOver || this.socket.writableLength === 0 || undefined)
    }
  }

  /** Of the answers, in their order. */
  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]))
  }

  private over(): void {
    this.isOver = true
  }
}

/** The longest that anybody else waits for an answer while something goes on, in milliseconds. */
export async function longestWait(server: TestServer, during: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let over = false
  const others = (async () => {
    while (!over) {
      const asked = performance.now()
      await (await fetch(`${server.url}/healthz`)).text()
      longest = Math.max(longest, performance.now() - asked)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  await during()
  // One more, for what begins only when the attack is over.
  await (await fetch(`${server.url}/healthz`)).text()
  over = true
  await others
  return longest
}

/** How far the server's memory rises while something goes on, in MiB. */
export async function risenBy(server: TestServer, during: () => Promise<unknown>): Promise<number> {
  const before = server.residentBytes()
  let peak = before
  const look = setInterval(() => {
    peak = Math.max(peak, server.residentBytes())
  }, 10)
  await during().finally(() => clearInterval(look))
  return (Math.max(peak, server.residentBytes()) - before) / 2 ** 20
}
