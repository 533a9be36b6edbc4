import type { Clock } from '../clock.js'
import type { Log } from '../log/log.js'
import type { Logger } from '../ops/logging.js'

/** How long it takes the event loop for, and what it then leaves to others of it for each part that it took. */
const WORK_MS = 1
const REST_TO_WORK = 9
/** Between two verifications. */
const EVERY_MS = 24 * 60 * 60 * 1000

/**
 * Reads everything that is stored, at a tenth of the event loop's time, so that damage is known before somebody needs what is
 * damaged: at once, and then every day. What it finds is among the log's faults. The returned function ends it.
 */
export function keepVerified(log: Pick<Log, 'verify'>, clock: Clock, logger: Logger): () => Promise<void> {
  const ending = new AbortController()
  const { signal } = ending

  /** @throws When it is to end: nothing more is read then. */
  function wait(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const cancel = clock.after(ms, () => {
        signal.removeEventListener('abort', end)
        resolve()
      })
      function end(): void {
        cancel()
        reject(signal.reason)
      }
      signal.addEventListener('abort', end, { once: true })
    })
  }

  async function verify(): Promise<void> {
    const startedAt = clock.monotonic()
    let since = startedAt
    const faults = await log.verify(async () => {
      signal.throwIfAborted()
      const worked = clock.monotonic() - since
      if (worked < WORK_MS) return
      await wait(worked * REST_TO_WORK)
      since = clock.monotonic()
    })
    const ms = Math.round(clock.monotonic() - startedAt)
    logger.debug({ ms, damaged: faults.length }, 'everything that is stored was read and checked')
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await verify()
      } catch (error) {
        // The log's own health says what is wrong.
        if (!signal.aborted) logger.warn({ err: error }, 'what is stored could not be checked')
      }
      await wait(EVERY_MS).catch(() => {})
    }
  }

  const running = run()
  return async () => {
    ending.abort()
    await running
  }
}
