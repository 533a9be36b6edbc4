import type { Clock } from '../../clock.js'

/**
 * A copy's time is the stream's: what it decides by time, every other copy decides alike. It stands still between two
 * messages.
 */
export class StreamClock implements Clock {
  /** @param time Of the last message, or of the stream's beginning; unix ms. */
  constructor(
    private readonly clock: Clock,
    public time: number,
  ) {}

  now(): number {
    return this.time
  }

  monotonic(): number {
    return this.clock.monotonic()
  }

  after(ms: number, task: () => void): () => void {
    return this.clock.after(ms, task)
  }
}
