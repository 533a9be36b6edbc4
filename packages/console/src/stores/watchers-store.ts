import type { Switchboard, Watcher } from '@switchboard/sdk'
import { gathered } from './gathered.js'
import { type Frame, Store } from './store.js'
import { waitFor } from './wait.js'

export interface WatchersStoreOptions {
  readonly callSid: string
  readonly switchboard: Pick<Switchboard, 'streams'>
  readonly frame: Frame
  /** Resolves after some milliseconds, or when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Who comes and goes is no event, so it is asked for. */
const ASKED_EVERY_MS = 5000

/** Who watches a call now, this page among them; undefined while that is not known. */
export class WatchersStore extends Store<readonly Watcher[] | undefined> {
  readonly #options: WatchersStoreOptions
  #ended = new AbortController()

  constructor(options: WatchersStoreOptions) {
    super(undefined, options.frame)
    this.#options = options
  }

  /** Asks again and again until `stop`. What cannot be known now is shown as unknown, never as nobody. */
  async start(): Promise<void> {
    this.#ended = new AbortController()
    const { signal } = this.#ended
    const { callSid, switchboard, wait = waitFor } = this.#options
    while (!signal.aborted) {
      try {
        const watchers = await gathered(switchboard.streams.watchers(callSid))
        if (!signal.aborted) this.set(watchers)
      } catch {
        this.set(undefined)
      }
      await wait(ASKED_EVERY_MS, signal)
    }
  }

  stop(): void {
    this.#ended.abort()
  }
}
