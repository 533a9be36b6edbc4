import { SENT_BASE } from './events.js'

/** `performance.now()` begins with the process, the clock below it with the machine. */
const offset = Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000

/** µs of the machine's monotonic clock, the same in all its processes, on top of `SENT_BASE`. */
export function sentNow(): number {
  return Math.floor(performance.now() * 1000 + offset) + SENT_BASE
}
