import type { Activity, OpenStream, Switchboard } from '@switchboard/sdk'
import { reason, type Unanswered, unanswered } from './asked.js'
import { gathered } from './gathered.js'
import { type Frame, Store } from './store.js'
import { waitFor } from './wait.js'

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
  /** Resolves after some milliseconds, or when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** The open streams of a workspace, asked for again and again from `start` to `stop`. */
export class StreamsStore extends Store<StreamsSnapshot> {
  readonly #options: StreamsOptions
  #running: AbortController | undefined
  #before: Reading | undefined

  constructor(options: StreamsOptions) {
    super({ kind: 'loading' }, options.frame)
    this.#options = options
  }

  start(): void {
    if (this.#running) return
    this.#running = new AbortController()
    void this.#run(this.#running.signal)
  }

  stop(): void {
    this.#running?.abort()
    this.#running = undefined
  }

  /** Asks at once. */
  again(): void {
    this.stop()
    this.start()
  }

  /** A signal of its own: what was stopped while it asked must not ask on beside the one that came after it. */
  async #run(ended: AbortSignal): Promise<void> {
    const { wait = waitFor } = this.#options
    while (!ended.aborted) {
      const next = await this.#ask()
      if (ended.aborted) return
      this.set(next)
      if (next.kind === 'denied') return
      await wait(REFRESH_MS, ended)
    }
  }

  async #ask(): Promise<StreamsSnapshot> {
    const { switchboard, now } = this.#options
    const { streams: api } = switchboard
    try {
      const [activity, streams] = await Promise.all([api.activity(), gathered(api.list())])
      const reading = { published: activity.published, at: now() }
      const rate = rateOf(this.#before, reading)
      this.#before = reading
      return { kind: 'ready', streams: furthestFirst(streams), activity, rate, stale: undefined }
    } catch (error) {
      const { latest } = this
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
