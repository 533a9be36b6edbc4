import { limits, SwitchboardError } from '@switchboard/contract'

/** Advice for `Retry-After`. */
const RETRY_SECONDS = 1

/**
 * What has been taken in and waits to be durable. It is bounded, so that a disk that is slower than what comes in is told of
 * in time, and not by a process that has no memory left. Two sums and a comparison for each publish.
 */
export class Waiting {
  private eventCount = 0
  private byteCount = 0

  /** @param isShort Whether the process has no memory for more, whoever uses it. */
  constructor(private readonly isShort: () => boolean) {}

  get events(): number {
    return this.eventCount
  }

  get bytes(): number {
    return this.byteCount
  }

  get isFull(): boolean {
    return this.eventCount >= limits.waitingEventsMax || this.byteCount >= limits.waitingBytesMax || this.isShort()
  }

  /** @throws SwitchboardError `overloaded` when no more may wait. The last that is let in may go beyond the limit. */
  assertRoom(): void {
    if (!this.isFull) return
    const why = this.isShort() ? 'its memory is nearly used up' : `${this.eventCount} events wait for the storage`
    throw new SwitchboardError('overloaded', `The server has more to do than it can: ${why}. Nothing was stored.`, {
      retryAfterSeconds: RETRY_SECONDS,
    })
  }

  enter(events: number, bytes: number): void {
    this.eventCount += events
    this.byteCount += bytes
  }

  leave(events: number, bytes: number): void {
    this.eventCount -= events
    this.byteCount -= bytes
  }
}
