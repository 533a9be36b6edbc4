import { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'

/** Keys remembered at a time. A key that is forgotten starts with a full bucket, which is what idling would give it. */
const KEYS_MAX = 100_000

/** How many events a key may publish. */
export interface PublishRate {
  /**
   * Counts events about to be published.
   * @throws SwitchboardError `rate_limited`, with the seconds after which the key may publish again.
   */
  take(keyId: string, events: number): void
  /** Counts events of a request that was let in, and never refuses. */
  count(keyId: string, events: number): void
}

/** For deployments that set no `SWITCHBOARD_PUBLISH_RATE`. */
export const noPublishRate: PublishRate = { take() {}, count() {} }

/**
 * A bucket per key that holds one second's worth and refills evenly.
 *
 * A request is let in whenever something is left, and may take more than is left: the key then waits until the debt is
 * worked off. Otherwise a batch larger than the bucket could never be published at all.
 */
export function createPublishRate(eventsPerSecond: number, clock: Clock): PublishRate {
  const buckets = new Map<string, { left: number; at: number }>()

  /** What a key has left now. */
  function left(keyId: string): number {
    const bucket = buckets.get(keyId)
    if (bucket === undefined) return eventsPerSecond
    const refilled = ((clock.monotonic() - bucket.at) / 1000) * eventsPerSecond
    return Math.min(eventsPerSecond, bucket.left + refilled)
  }

  function put(keyId: string, remaining: number): void {
    // Set anew each time, so that the map's order is that of use and its first key is the one to forget.
    buckets.delete(keyId)
    buckets.set(keyId, { left: remaining, at: clock.monotonic() })
    if (buckets.size > KEYS_MAX) {
      const oldest = buckets.keys().next()
      if (!oldest.done) buckets.delete(oldest.value)
    }
  }

  return {
    take(keyId, events) {
      const remaining = left(keyId)
      if (remaining > 0) return put(keyId, remaining - events)
      const retryAfterSeconds = Math.floor(-remaining / eventsPerSecond) + 1
      throw new SwitchboardError(
        'rate_limited',
        `This key may publish ${eventsPerSecond} events a second. Try again in ${retryAfterSeconds} s.`,
        { retryAfterSeconds },
      )
    },
    count(keyId, events) {
      put(keyId, left(keyId) - events)
    },
  }
}
