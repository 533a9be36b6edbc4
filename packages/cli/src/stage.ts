import { randomUUID } from 'node:crypto'
import type { JsonObject } from '@switchboard/contract'
import { type FailureCode, failures } from '@switchboard/contract/core'
import type { Stage } from '@switchboard/simulator'
import { openClient, publishEvents } from './client.js'
import type { Context } from './context.js'
import { tell } from './failure.js'
import type { Target } from './target.js'

/** The first wait after a failure, and the longest. The server may be restarted or updated meanwhile. */
const RETRY_MS_FIRST = 500
const RETRY_MS_MAX = 5000
/** How often the last events of a stopped run are tried: whoever pressed Ctrl-C wants to leave. */
const LAST_WORDS_TRIES = 2

/** A stage that outlives restarts of the server. */
export interface SteadyStage extends Stage {
  /** The same stage for a few last events: it ignores that the run was stopped, and gives up soon. */
  lastWords(): Stage
}

/**
 * A stage in a workspace. A publish that fails for a reason that passes is repeated until it works, under one
 * idempotency key, so that nothing is lost and nothing is told twice.
 */
export async function openStage(
  target: Target,
  context: Context,
  onTrouble: (message: string) => void,
): Promise<SteadyStage> {
  const client = await openClient(target, context)
  const run = randomUUID()
  let requests = 0

  const publish = (call: string | undefined, events: readonly JsonObject[], idempotencyKey: string): Promise<unknown> =>
    publishEvents(client, call, events, { idempotencyKey })
  const steadily = async (send: (key: string) => Promise<unknown>, triesMax: number): Promise<void> => {
    const key = `${run}-${++requests}`
    for (let tries = 1; ; tries++) {
      try {
        await send(key)
        return
      } catch (error) {
        if (!passes(error) || tries >= triesMax) throw error
        onTrouble(tell(error).message)
        const stoppable = triesMax === Number.POSITIVE_INFINITY ? context.signal : undefined
        await context.sleep(Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** (tries - 1)), stoppable)
        if (stoppable?.aborted) throw error
      }
    }
  }
  const stage = (triesMax: number): Stage => ({
    workspaceEvents: (events) => steadily((key) => publish(undefined, events, key), triesMax),
    callEvents: (sid, events) => steadily((key) => publish(sid, events, key), triesMax),
  })
  return { ...stage(Number.POSITIVE_INFINITY), lastWords: () => stage(LAST_WORDS_TRIES) }
}

/** Whether the same request may succeed later. */
function passes(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  if (code === 'connection_failed') return true
  return (
    typeof code === 'string' &&
    Object.hasOwn(failures, code) &&
    ['now', 'later'].includes(failures[code as FailureCode].retry)
  )
}
