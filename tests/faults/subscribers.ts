import { setTimeout as pause } from 'node:timers/promises'
import { Switchboard } from '@switchboard/sdk'
import { EventStreamReader } from '@switchboard/sdk/sse'
import type { Json } from '../kit.js'
import type { Gap, Seen, Subscription } from './checker.js'
import { seenOf } from './events.js'
import type { Channel, Desk } from './publisher.js'

/** Silence after which a connection counts as dead: three heartbeats of a second, as the scene sets them. */
export const SILENCE_MS = 3000
const RETRY_MS = 50
/** A gap that does not name its end hides everything from there on. */
const FOR_EVER = Number.MAX_SAFE_INTEGER

/** Keeps all that it is handed, until it is stopped. */
export interface Subscriber extends Subscription {
  /** Connections that were lost. */
  readonly reconnects: number
  /** Why it gave up, which none may. */
  readonly failure: string | undefined
  stop(): Promise<void>
}

abstract class Keeper implements Subscriber {
  readonly seen: Seen[] = []
  readonly gaps: Gap[] = []
  reconnects = 0
  failure: string | undefined
  abstract readonly name: string
  protected readonly ending = new AbortController()
  protected running: Promise<void> | undefined

  async stop(): Promise<void> {
    this.ending.abort()
    await this.running
  }

  protected tell(gap: Json): void {
    const { damaged } = gap as { damaged?: Gap }
    this.gaps.push(damaged ?? { from: 0, to: FOR_EVER })
  }
}

/** Server-sent events by hand, resumed with `Last-Event-ID`. */
export class RawSubscriber extends Keeper {
  readonly name = 'a raw stream'

  constructor(
    private readonly desk: Desk,
    private readonly channel: Channel,
  ) {
    super()
    this.running = this.run()
  }

  private async run(): Promise<void> {
    let last = ''
    while (!this.ending.signal.aborted) {
      const connection = new AbortController()
      // Not AbortSignal.any: it keeps what it was made of for as long as the longest-lived of them.
      const end = () => connection.abort()
      this.ending.signal.addEventListener('abort', end, { once: true })
      let silence = setTimeout(end, SILENCE_MS)
      const heard = () => {
        clearTimeout(silence)
        silence = setTimeout(end, SILENCE_MS)
      }
      try {
        const answer = await fetch(`${this.desk.url}/v1/${this.channel.workspace}/events/stream`, {
          headers: { ...this.desk.headers, ...(last !== '' && { 'last-event-id': last }) },
          signal: connection.signal,
        })
        const reader = new EventStreamReader()
        for await (const bytes of answer.body ?? []) {
          heard()
          for (const { type, data, lastEventId } of reader.push(bytes)) {
            if (type === 'stream.gap') this.tell(JSON.parse(data))
            else if (type === 'pipeline.error') this.seen.push(seenOf(lastEventId, JSON.parse(data)))
          }
          last = reader.lastEventId || last
        }
      } catch {
        // Cut, or the server is gone. It comes back from where it was.
      } finally {
        clearTimeout(silence)
        this.ending.signal.removeEventListener('abort', end)
        end()
      }
      this.reconnects++
      if (!this.ending.signal.aborted) await pause(RETRY_MS)
    }
  }
}

/** The SDK, as an application uses it: a workspace's stream, or a call over a WebSocket. */
export class SdkSubscriber extends Keeper {
  readonly name: string

  constructor(desk: Desk & { readonly credential: string }, channel: Channel) {
    super()
    this.name = channel.call === undefined ? 'a stream of the SDK' : 'an observer of the SDK'
    const client = new Switchboard({
      baseUrl: desk.url,
      workspaceId: channel.workspace,
      credential: desk.credential,
      silenceMs: SILENCE_MS,
      reconnect: { delayMsMax: 500, budget: Number.POSITIVE_INFINITY },
    })
    const options = {
      signal: this.ending.signal,
      onGap: (gap: object) => this.tell({ ...gap }),
      onReconnect: () => {
        this.reconnects++
      },
    }
    const items =
      channel.call === undefined
        ? client.events.stream({ ...options, after: { since: '1h' } })
        : client.calls.observe(channel.call, { ...options, history: 'all' })
    this.running = this.run(items)
  }

  private async run(items: AsyncIterable<{ readonly id: string; readonly event: object }>): Promise<void> {
    try {
      for await (const { id, event } of items) {
        if (!('type' in event) || event.type === 'user_transcript') this.seen.push(seenOf(id, event as Json))
      }
    } catch (error) {
      this.failure = (error as Error).message
    }
  }
}
