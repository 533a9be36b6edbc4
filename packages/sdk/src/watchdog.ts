import type { Clock } from './clock.js'

/**
 * Notices silence. A connection whose peer has vanished without a goodbye looks open for ever; a server that lives sends
 * at least a heartbeat.
 */
export class Watchdog {
  /** True once the silence has lasted too long. */
  barked = false
  #cancel: (() => void) | undefined

  constructor(
    private readonly clock: Clock,
    private readonly silenceMs: number,
    private readonly bark: () => void,
  ) {}

  /** Something arrived, or the wait for it begins: the silence starts anew. */
  arm(): void {
    this.#cancel?.()
    this.#cancel = this.clock.after(this.silenceMs, () => {
      this.barked = true
      this.bark()
    })
  }

  /** Nobody is waiting, so silence means nothing. */
  disarm(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}
