import type { Clock } from '../clock.js'
import type { Log } from '../log/log.js'
import type { Logger } from '../ops/logging.js'

/** Between two looks for events that are too old: a minute, or less where they are kept for minutes only. */
const CHECK_MS_MAX = 60_000
const CHECK_MS_MIN = 100
/** Looks within the time that events are kept. */
const LOOKS = 10

/** Removes events once they are older than `retentionMs`, again and again. The returned function ends it. */
export function keepRetention(log: Log, clock: Clock, retentionMs: number, logger: Logger): () => Promise<void> {
  const everyMs = Math.max(CHECK_MS_MIN, Math.min(CHECK_MS_MAX, retentionMs / LOOKS))
  let running: Promise<void> = Promise.resolve()
  let cancel = (): void => {}
  let ended = false

  async function look(): Promise<void> {
    try {
      const removed = await log.retain(clock.now() - retentionMs)
      if (removed > 0) logger.debug({ removed }, 'old events removed')
    } catch (error) {
      // The log's own health says what is wrong; the next look may do better.
      logger.warn({ err: error }, 'old events could not be removed')
    }
    if (!ended) wait()
  }

  function wait(): void {
    cancel = clock.after(everyMs, () => {
      running = look()
    })
  }

  wait()
  return async () => {
    ended = true
    cancel()
    await running
  }
}
