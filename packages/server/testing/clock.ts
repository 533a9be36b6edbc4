import type { Clock } from '../src/clock.js'

/** A clock whose time a test sets. Its timers are real: they serve waits for a disk, which no test can speed up. */
export class SetClock implements Clock {
  constructor(public time = Date.UTC(2026, 0, 1)) {}

  now(): number {
    return this.time
  }

  monotonic(): number {
    return performance.now()
  }

  after(ms: number, task: () => void): () => void {
    const timer = setTimeout(task, ms)
    timer.unref()
    return () => clearTimeout(timer)
  }
}

/** A clock that stands still, with one timer, which a test calls itself. */
export class DueClock implements Clock {
  due: { readonly task: () => void; readonly ms: number } | undefined

  constructor(public time = Date.UTC(2026, 0, 1)) {}

  now(): number {
    return this.time
  }

  monotonic(): number {
    return this.time
  }

  after(ms: number, task: () => void): () => void {
    this.due = { task, ms }
    return () => {
      this.due = undefined
    }
  }
}
