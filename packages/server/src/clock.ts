/** Time as the server sees it; tests hold their own. */
export interface Clock {
  /** Unix time in milliseconds. It may jump both ways. */
  now(): number
  /** Milliseconds since some fixed instant. It never jumps: timers and durations use this. */
  monotonic(): number
  /** Calls `task` once after `ms`; the returned function cancels it. It does not keep the process alive. */
  after(ms: number, task: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
