import { limits } from '@switchboard/contract'
import type { Clock } from '../clock.js'

/** Runs a task at most once per turn of the event loop, and not at all while nobody asks. */
export interface Turns {
  /** Asks for a run. Any number of requests before it are one. */
  request(): void
  stop(): void
}

/**
 * While the task takes little time, it runs on the very next turn. Once it takes more than half of the loop's time, the
 * next run waits as long as the last one took, up to `limits.fanoutWindowMsMax`: each write then carries more events,
 * so the same work needs fewer writes, and appends get the other half of the time.
 */
export function createTurns(clock: Clock, task: () => void): Turns {
  let requested = false
  let stopped = false
  let endedAt = Number.NEGATIVE_INFINITY
  let tookMs = 0

  function run(): void {
    if (stopped) return
    const startedAt = clock.monotonic()
    if (startedAt < endedAt + tookMs && startedAt >= endedAt) {
      clock.after(Math.max(1, endedAt + tookMs - startedAt), run)
      return
    }
    requested = false
    task()
    endedAt = clock.monotonic()
    tookMs = Math.min(limits.fanoutWindowMsMax, endedAt - startedAt)
    if (tookMs < SHORT_MS) tookMs = 0
  }

  return {
    request() {
      if (requested || stopped) return
      requested = true
      setImmediate(run)
    },
    stop() {
      stopped = true
    },
  }
}

/** Shorter runs are no burden, and a timer cannot wait for less. */
const SHORT_MS = 2
