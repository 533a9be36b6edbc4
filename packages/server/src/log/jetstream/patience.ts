import type { Clock } from '../../clock.js'

/** Resolves after `ms`, or at once when it is cancelled. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve))
}

/** The promise's answer, or `otherwise` when there is none after `ms`. A later answer, or failure, is nobody's. */
export async function within<T, U>(clock: Clock, ms: number, promise: Promise<T>, otherwise: () => U): Promise<T | U> {
  let cancel = () => {}
  const late = new Promise<U>((resolve, reject) => {
    cancel = clock.after(ms, () => {
      try {
        resolve(otherwise())
      } catch (error) {
        reject(error)
      }
    })
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    cancel()
  }
}

const AGAIN_MS = 250

/**
 * Does what fails while servers have no leader, again and again for so long.
 * @throws what it failed with last.
 */
export async function patiently<T>(clock: Clock, ms: number, task: () => Promise<T>): Promise<T> {
  const until = clock.monotonic() + ms
  for (;;) {
    try {
      return await task()
    } catch (error) {
      if (clock.monotonic() > until) throw error
      await pause(clock, AGAIN_MS)
    }
  }
}
