/** Time and timers as the client sees them; tests hold their own. */
export interface Clock {
  /** Unix time in milliseconds. It may jump. */
  now(): number
  /** Milliseconds since some fixed instant. It never jumps: durations use this. */
  monotonic(): number
  /** Calls `task` once after `ms`; the returned function cancels it. */
  after(ms: number, task: () => void): () => void
}

// Longer timers fire at once in browsers and in Node.
const TIMER_MS_MAX = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, task) {
    // It keeps a process alive: a subscriber that waits to reconnect has not finished.
    const timer = setTimeout(task, Math.min(ms, TIMER_MS_MAX))
    return () => clearTimeout(timer)
  },
}

/** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const finish = (): void => {
      cancel()
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const cancel = clock.after(ms, finish)
    signal.addEventListener('abort', finish)
  })
}
