import { Readable } from 'node:stream'

/** A body that is refused for its size may pause this long before its connection is cut. */
const IDLE_MS_MAX = 2000
/** And it may take this long in all. */
const TOTAL_MS_MAX = 30_000

/**
 * An answer to a request whose body is not wanted any more. Its bytes go out at once; its end, with which the
 * connection is closed, waits until the rest of the body has been read away, within limits. A connection that is closed
 * while its peer still sends is reset, and most clients would then never see the answer.
 */
export function lingering(answer: Buffer, body: Readable): Readable {
  return Readable.from(
    (async function* () {
      yield answer
      await readAway(body)
    })(),
    { objectMode: false },
  )
}

/** Resolves when the source has ended, failed, or taken too long. */
function readAway(source: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (source.readableEnded || source.destroyed) return resolve()
    const end = (): void => {
      clearTimeout(idle)
      clearTimeout(total)
      source.off('data', arrived).off('end', end).off('close', end)
      resolve()
    }
    const arrived = (): void => {
      idle.refresh()
    }
    const idle = setTimeout(end, IDLE_MS_MAX)
    const total = setTimeout(end, TOTAL_MS_MAX)
    source.on('error', end).on('data', arrived).once('end', end).once('close', end)
    source.resume()
  })
}
