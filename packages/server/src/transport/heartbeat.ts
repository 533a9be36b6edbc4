import type { Clock } from '../clock.js'

/**
 * Calls `beat` after each `everyMs` of silence. The timer is set again only when it fires, not at every write: a busy
 * stream pays nothing for it.
 * @param lastWriteAt Monotonic milliseconds of the last write. `beat` is expected to write.
 * @returns Stops it.
 */
export function startHeartbeat(clock: Clock, everyMs: number, lastWriteAt: () => number, beat: () => void): () => void {
  let cancel = clock.after(everyMs, check)

  function check(): void {
    const silentMs = clock.monotonic() - lastWriteAt()
    const due = silentMs >= everyMs
    // Before `beat`, which may stop us.
    cancel = clock.after(due ? everyMs : everyMs - silentMs, check)
    if (due) beat()
  }

  return () => cancel()
}
