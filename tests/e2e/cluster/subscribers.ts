import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { Switchboard } from '@switchboard/sdk'
import { EventStreamReader } from '@switchboard/sdk/sse'
import WebSocket from 'ws'
import type { Json, TestServer } from '../../kit.js'
import type { Home } from './homes.js'
import { CALL } from './publishers.js'

/** Before a lost connection is made again, in ms. */
const AGAIN_MS = 50

/** Somebody who is there all the time, at one gateway or another, and keeps what comes. */
export abstract class Subscriber {
  /** Positions, in the order in which they came. */
  readonly ids: string[] = []
  gaps: unknown[] = []
  /** Connections made. */
  connections = 0
  private silentMsMax = 0
  private lastAt = performance.now()
  protected readonly ending = new AbortController()
  private failure: unknown

  constructor(
    readonly name: string,
    protected readonly gateway: TestServer,
    protected readonly home: Home,
  ) {}

  begin(): this {
    void this.listen().catch((error) => {
      this.failure = error
    })
    return this
  }

  protected abstract listen(): Promise<void>

  end(): void {
    this.ending.abort()
  }

  /** @throws what ended it too early. */
  get isWell(): boolean {
    if (this.failure !== undefined) throw this.failure
    return true
  }

  restart(): void {
    this.silentMsMax = 0
    this.lastAt = performance.now()
  }

  /** The longest that nothing came, in ms. */
  get silentMs(): number {
    return this.silentMsMax
  }

  protected took(id: string): void {
    this.ids.push(id)
    const now = performance.now()
    this.silentMsMax = Math.max(this.silentMsMax, now - this.lastAt)
    this.lastAt = now
  }
}

/** Reads server-sent events by hand, and comes back with `Last-Event-ID`. */
export class StreamReader extends Subscriber {
  protected async listen(): Promise<void> {
    const { signal } = this.ending
    let last = ''
    while (!signal.aborted) {
      const { url } = this.home
      try {
        const headers: Record<string, string> = { ...this.gateway.headers() }
        if (last !== '') headers['last-event-id'] = last
        const answer = await fetch(`${url}/v1/${this.gateway.workspace}/events/stream`, { headers, signal })
        const reader = new EventStreamReader()
        for await (const bytes of answer.body ?? []) {
          for (const { type, data, lastEventId } of reader.push(bytes)) {
            if (type === 'stream.opened') this.connections += 1
            else if (type === 'stream.gap') this.gaps.push(JSON.parse(data))
            else if (type === 'pipeline.sync_completed') this.took(lastEventId)
          }
          if (reader.lastEventId !== '') last = reader.lastEventId
        }
      } catch {
        // The gateway is gone, or this reader ends.
      }
      if (signal.aborted) return
      this.home.leave(url)
      await setTimeout(AGAIN_MS)
    }
  }
}

/** Watches the call over WebSocket by hand, and comes back with `after`. */
export class CallWatcher extends Subscriber {
  protected async listen(): Promise<void> {
    const { signal } = this.ending
    let start = 'history=all'
    while (!signal.aborted) {
      const { url } = this.home
      const address = `${url.replace(/^http/, 'ws')}/v1/${this.gateway.workspace}/observers/${CALL}/ws?${start}`
      const socket = new WebSocket(address, ['auth', this.gateway.adminKey])
      const stop = () => socket.terminate()
      signal.addEventListener('abort', stop)
      socket.on('message', (text) => {
        const frame: Json = JSON.parse(String(text))
        if (frame.type === 'session_info') this.connections += 1
        if (frame.type === 'stream.gap') this.gaps.push(frame)
        if (frame.type !== 'user_transcript') return
        start = `after=${String(frame.id)}`
        this.took(String(frame.id))
      })
      socket.on('error', () => {})
      await once(socket, 'close')
      signal.removeEventListener('abort', stop)
      if (signal.aborted) return
      this.home.leave(url)
      await setTimeout(AGAIN_MS)
    }
  }
}

/** Reads a channel with the SDK, which comes back and drops repeats by itself. */
export class SdkReader extends Subscriber {
  constructor(
    name: string,
    gateway: TestServer,
    home: Home,
    private readonly channel: 'workspace' | 'call',
  ) {
    super(name, gateway, home)
  }

  protected async listen(): Promise<void> {
    const { url: baseUrl, workspace: workspaceId, adminKey: credential } = this.gateway
    const { fetch, WebSocket } = this.home
    const client = new Switchboard({ baseUrl, workspaceId, credential, fetch, WebSocket })
    const options = {
      signal: this.ending.signal,
      onGap: (gap: unknown) => void this.gaps.push(gap),
      onState: ({ kind }: { kind: string }) => {
        if (kind === 'open') this.connections += 1
      },
      // Its users wait a second; these want to see it early.
      reconnect: { delayMs: 100, delayMsMax: 1_000 },
    }
    if (this.channel === 'workspace') {
      for await (const { id, event } of client.events.stream(options))
        if (event.event_type === 'pipeline.sync_completed') this.took(id)
    } else {
      for await (const { id, event } of client.calls.observe(CALL, options))
        if (event.type === 'user_transcript') this.took(id)
    }
  }
}
