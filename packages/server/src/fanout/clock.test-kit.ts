import type { Clock } from '../clock.js'

interface Timer {
  readonly at: number
  readonly task: () => void
}

/** Time that passes when a test says so. */
export class TestClock implements Clock {
  #wall: number
  #elapsed = 0
  readonly #timers = new Set<Timer>()

  constructor(now = 1_763_788_800_000) {
    this.#wall = now
  }

  now(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#elapsed
  }

  after(ms: number, task: () => void): () => void {
    const timer = { at: this.#elapsed + ms, task }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  get timers(): number {
    return this.#timers.size
  }

  /** Forgets all timers, as the death of their process does. */
  dropTimers(): void {
    this.#timers.clear()
  }

  /** Lets time pass, calling what is due in order. */
  advance(ms: number): void {
    const until = this.#elapsed + ms
    while (this.fireNext(until - this.#elapsed)) {}
    this.pass(until - this.#elapsed)
  }

  /** Lets time pass to the next timer that is due within `ms`, and calls it. False, and no time has passed, without one. */
  fireNext(ms: number): boolean {
    let due: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.at <= this.#elapsed + ms && (due === undefined || timer.at < due.at)) due = timer
    }
    if (due === undefined) return false
    this.#timers.delete(due)
    this.pass(due.at - this.#elapsed)
    due.task()
    return true
  }

  /** The wall clock jumps; durations do not notice. */
  jump(ms: number): void {
    this.#wall += ms
  }

  /** Time passes, and what is due waits on. */
  pass(ms: number): void {
    const passed = Math.max(0, ms)
    this.#elapsed += passed
    this.#wall += passed
  }
}
