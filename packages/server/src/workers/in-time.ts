import type { Clock } from '../clock.js'
import type { Desk } from './desk.js'

/** Longest that one worker is waited for when all are asked. */
const ANSWER_MS_MAX = 2000

/** What a worker answers, or undefined when it does not in time. */
export async function inTime<T>(
  clock: Clock,
  desk: Desk,
  ask: (line: Desk['line']) => Promise<T>,
): Promise<T | undefined> {
  let cancel = () => {}
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.after(ANSWER_MS_MAX, () => resolve(undefined))
  })
  const told = await Promise.race([ask(desk.line).catch(() => undefined), late])
  cancel()
  return told
}
