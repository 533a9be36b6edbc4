import type { WorkspaceItem } from '@switchboard/sdk'
import { type Connection, stoppedBy } from './connection.js'
import type { Feed } from './feed.js'
import { type Frame, Store } from './store.js'

/** Events a page keeps: more than anybody scrolls through, and some 20 MB at usual sizes. The oldest leave first. */
export const TIMELINE_EVENTS_MAX = 20_000

export interface Timeline {
  /** Oldest first, each once and in the log's order. */
  readonly items: readonly WorkspaceItem[]
  readonly paused: boolean
  /** Events that came while paused. */
  readonly waiting: number
  /** Events that were removed to make room. */
  readonly dropped: number
  readonly connection: Connection
  /** True when the log no longer holds the beginning that was asked for. */
  readonly gap: boolean
}

export interface TimelineOptions {
  readonly feed: Pick<Feed, 'stream'>
  readonly frame: Frame
  /** Sent to the server: what does not match never comes here. */
  readonly types: readonly string[]
  /** Where it begins: an age as `15m`, or an ISO time. */
  readonly since: string
  readonly max?: number
}

/** Recent events as they happen, with a hand that can hold them still. */
export class TimelineStore extends Store<Timeline> {
  readonly #options: TimelineOptions
  readonly #ended = new AbortController()
  #arrived: WorkspaceItem[] = []
  /** How many of those that arrived were removed before they were shown. */
  #gone = 0
  #flushing = false

  constructor(options: TimelineOptions) {
    super(
      { items: [], paused: false, waiting: 0, dropped: 0, connection: { kind: 'connecting' }, gap: false },
      options.frame,
    )
    this.#options = options
  }

  async start(): Promise<void> {
    const { feed, types, since } = this.#options
    try {
      const stream = feed.stream({
        types,
        after: { since },
        signal: this.#ended.signal,
        onGap: () => this.set({ ...this.latest, gap: true }),
        onConnection: (connection) => this.set({ ...this.latest, connection }),
      })
      for await (const item of stream) this.#take(item)
    } catch (error) {
      if (this.#ended.signal.aborted) return
      this.set({ ...this.latest, connection: stoppedBy(error) })
    }
  }

  stop(): void {
    this.#ended.abort()
  }

  pause(): void {
    // What came before the button was pressed belongs to the picture.
    this.#flush()
    this.set({ ...this.latest, paused: true })
  }

  resume(): void {
    this.set({ ...this.latest, paused: false, waiting: 0 })
    this.#flush()
  }

  #take(item: WorkspaceItem): void {
    this.#arrived.push(item)
    const { max = TIMELINE_EVENTS_MAX, frame } = this.#options
    // While paused, too, no more is held than will be shown.
    if (this.#arrived.length > max * 2) {
      this.#gone += this.#arrived.length - max
      this.#arrived = this.#arrived.slice(-max)
    }
    if (this.latest.paused) {
      this.set({ ...this.latest, waiting: this.latest.waiting + 1 })
      return
    }
    // Gathered: copying the list for each of a thousand events a second would be all a page does.
    if (this.#flushing) return
    this.#flushing = true
    frame(() => {
      this.#flushing = false
      if (!this.latest.paused) this.#flush()
    })
  }

  #flush(): void {
    if (this.#arrived.length === 0) return
    const { max = TIMELINE_EVENTS_MAX } = this.#options
    const all = [...this.latest.items, ...this.#arrived]
    this.#arrived = []
    const over = Math.max(0, all.length - max)
    this.set({
      ...this.latest,
      items: over === 0 ? all : all.slice(over),
      dropped: this.latest.dropped + this.#gone + over,
    })
    this.#gone = 0
  }
}
