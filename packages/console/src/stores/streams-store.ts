import type { Activity, OpenStream, Switchboard } from '@switchboard/sdk'
import { reason, type Unanswered, unanswered } from './asked.js'
import { type Frame, type Readable, Store } from './store.js'

/** How often the page asks while somebody sees it. */
export const REFRESH_MS = 2000

export type StreamsSnapshot =
  | Unanswered
  | {
      readonly kind: 'ready'
      /** Furthest behind first. */
      readonly streams: readonly OpenStream[]
      readonly activity: Activity
      /** Events published a second, between the last two answers; undefined until there are two. */
      readonly rate: number | undefined
      /** Why the last question had no answer: what is shown is older. */
      readonly stale: string | undefined
    }

export interface StreamsOptions {
  readonly switchboard: Pick<Switchboard, 'streams'>
  readonly frame: Frame
  /** Unix ms. */
  readonly now: () => number
  /** Runs something later, once; answers how to cancel it. */
  readonly later: (run: () => void, ms: number) => () => void
}

/** The open streams of a workspace, asked for again and again from `start` to `stop`. */
export class StreamsStore implements Readable<StreamsSnapshot> {
  readonly #options: StreamsOptions
  readonly #store: Store<StreamsSnapshot>
  #isRunning = false
  #cancel = () => {}
  #before: Reading | undefined

  constructor(options: StreamsOptions) {
    this.#options = options
    this.#store = new Store<StreamsSnapshot>({ kind: 'loading' }, options.frame)
    this.get = this.#store.get
    this.subscribe = this.#store.subscribe
  }

  readonly get: () => StreamsSnapshot
  readonly subscribe: (listener: () => void) => () => void

  start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    void this.#turn()
  }

  stop(): void {
    this.#isRunning = false
    this.#cancel()
  }

  /** Asks at once. */
  again(): void {
    this.stop()
    this.start()
  }

  async #turn(): Promise<void> {
    // What was cancelled while it asked must not ask on beside the one that came after it.
    let isOver = false
    this.#cancel = () => {
      isOver = true
    }
    const next = await this.#ask()
    if (isOver) return
    this.#store.set(next)
    if (next.kind !== 'denied') this.#cancel = this.#options.later(() => void this.#turn(), REFRESH_MS)
  }

  async #ask(): Promise<StreamsSnapshot> {
    const { switchboard, now } = this.#options
    const { streams: api } = switchboard
    try {
      const [activity, streams] = await Promise.all([api.activity(), collected(api.list())])
      const reading = { published: activity.published, at: now() }
      const rate = rateOf(this.#before, reading)
      this.#before = reading
      return { kind: 'ready', streams: furthestFirst(streams), activity, rate, stale: undefined }
    } catch (error) {
      const { latest } = this.#store
      const told = unanswered(error, 'audit:read')
      return told.kind === 'failed' && latest.kind === 'ready' ? { ...latest, stale: reason(error) } : told
    }
  }
}

interface Reading {
  readonly published: number
  readonly at: number
}

/** Undefined when the two cannot be compared: a count that fell is another server's, or one worker's less. */
function rateOf(before: Reading | undefined, after: Reading): number | undefined {
  if (before === undefined || after.at <= before.at || after.published < before.published) return undefined
  return ((after.published - before.published) * 1000) / (after.at - before.at)
}

/** Equally far: the older first, so that rows stay where they are. */
export function furthestFirst(streams: readonly OpenStream[]): readonly OpenStream[] {
  return [...streams].sort((a, b) => b.lag - a.lag || a.opened_at.localeCompare(b.opened_at))
}

async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
