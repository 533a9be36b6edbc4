import { setTimeout as pause } from 'node:timers/promises'
import type { Json } from '../kit.js'
import type { Publication } from './checker.js'
import { callEvent, stamped, workspaceEvent } from './events.js'

/** While nobody answers, it must not keep the machine from starting a server. */
const RETRY_MS = 20

/** Where events are published to, and how. */
export interface Channel {
  readonly name: string
  readonly workspace: string
  readonly call?: string
}

export interface Desk {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

export interface PublisherOptions {
  readonly desk: Desk
  readonly channel: Channel
  readonly publisher: number
  /** Events of one request. */
  readonly batch: number
  readonly charsMax: number
  /** An answer that takes longer is given up, and asked for again. */
  readonly answerMsMax: number
  /** Wait between two requests, in ms. */
  readonly everyMs: number
  onAck(events: number): void
  /** Hears of every answer that is no success. */
  onRefusal(status: number, code: string): void
}

/** Publishes numbered events, a request after the other, each until it is answered, with a key of its own for every event. */
export class NumberedPublisher implements Publication {
  readonly publisher: number
  readonly acked = new Map<number, string>()
  readonly unknown = new Set<number>()
  /** What no retry can mend. */
  failure: string | undefined
  private over = false
  private readonly running: Promise<void>

  constructor(private readonly options: PublisherOptions) {
    this.publisher = options.publisher
    this.running = this.run()
  }

  /** What is under way is answered, or stays unknown. */
  async stop(): Promise<void> {
    this.over = true
    await this.running
  }

  /** Sends everything again, with the same keys. Answers with the numbers that were stored once more or moved. */
  async repeatAll(): Promise<{ readonly again: number[]; readonly refused: number }> {
    const again: number[] = []
    let refused = 0
    const { batch } = this.options
    for (let first = 0; this.acked.has(first); first += batch) {
      const { ids } = await this.attempt(first).catch(() => ({ ids: undefined }))
      if (ids === undefined) refused += batch
      else for (const [index, id] of ids.entries()) if (this.acked.get(first + index) !== id) again.push(first + index)
    }
    return { again, refused }
  }

  private async run(): Promise<void> {
    const { batch, everyMs, onAck } = this.options
    for (let first = 0; !this.over; first += batch) {
      for (let index = 0; index < batch; index++) this.unknown.add(first + index)
      for (;;) {
        const { ids } = await this.attempt(first).catch(() => ({ ids: undefined }))
        if (ids !== undefined) {
          for (const [index, id] of ids.entries()) {
            this.unknown.delete(first + index)
            this.acked.set(first + index, id)
          }
          onAck(ids.length)
          break
        }
        if (this.over || this.failure !== undefined) return
        await pause(RETRY_MS)
      }
      if (everyMs > 0) await pause(everyMs)
    }
  }

  private async attempt(first: number): Promise<{ ids: string[] | undefined }> {
    const { desk, channel, publisher, batch, charsMax, answerMsMax, onRefusal } = this.options
    const make = channel.call === undefined ? workspaceEvent : callEvent
    const events = Array.from({ length: batch }, (_, index): Json => {
      const n = first + index
      return {
        ...make(stamped({ channel: channel.name, publisher, n }, charsMax)),
        idempotency_key: `${publisher}-${n}`,
      }
    })
    const path = channel.call === undefined ? 'events' : `calls/${channel.call}/events`
    const answer = await fetch(`${desk.url}/v1/${channel.workspace}/${path}`, {
      method: 'POST',
      headers: { ...desk.headers, 'content-type': 'application/json' },
      body: JSON.stringify({ events }),
      signal: AbortSignal.timeout(answerMsMax),
    })
    const body = (await answer.json()) as { ids?: string[]; code?: string }
    if (answer.status === 201) return { ids: body.ids }
    onRefusal(answer.status, body.code ?? '')
    if (answer.status < 500 && answer.status !== 429) this.failure = `${answer.status} ${body.code}`
    return { ids: undefined }
  }
}
