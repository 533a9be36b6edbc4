import type { Clock } from '../clock.js'

interface Timer {
  readonly ms: number
  readonly task: () => void
}

/**
 * A clock in the test's hand. Timers shorter than `longMs` (waits before a reconnect) fire at once and are recorded;
 * longer ones (watchdogs, time limits) fire when the test says so.
 */
export class HandClock implements Clock {
  /** Milliseconds of every short timer, in order. */
  readonly waits: number[] = []
  /** Long timers started so far. */
  longTimers = 0
  /** What `monotonic` answers. */
  elapsed = 0
  readonly #long = new Set<Timer>()
  readonly #longMs: number

  constructor(longMs = 40_000) {
    this.#longMs = longMs
  }

  now(): number {
    return 1_763_788_800_000 + this.elapsed
  }

  monotonic(): number {
    return this.elapsed
  }

  after(ms: number, task: () => void): () => void {
    if (ms >= this.#longMs) {
      const timer = { ms, task }
      this.longTimers += 1
      this.#long.add(timer)
      return () => this.#long.delete(timer)
    }
    this.waits.push(ms)
    const timer = setImmediate(task)
    return () => clearImmediate(timer)
  }

  /** Resolves once a long timer is pending. */
  async armed(): Promise<void> {
    while (this.#long.size === 0) await new Promise(setImmediate)
  }

  /** Timers that wait for the test. */
  get pending(): number {
    return this.#long.size
  }

  /** Lets every pending long timer run out. */
  runOut(): void {
    for (const timer of [...this.#long]) {
      this.#long.delete(timer)
      timer.task()
    }
  }
}
