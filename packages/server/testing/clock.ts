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
