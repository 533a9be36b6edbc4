import { randomUUID } from 'node:crypto'
import { type Finding, fail, ok } from '@switchboard/contract/core'
import { openClient, plainEvent } from '../client.js'
import type { Context } from '../context.js'
import { tell } from '../failure.js'
import { duration } from '../render/text.js'
import type { Target } from '../target.js'

const ROUNDS = 5
const TOTAL_MS_MAX = 15_000

/**
 * Publishes events and waits for each on the stream. They are of a type that changes no state, and name their purpose.
 */
export async function roundTrip(target: Target, context: Context): Promise<readonly Finding[]> {
  const name = 'publish → receive'
  const times: number[] = []
  try {
    const client = await openClient(target, context)
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(TOTAL_MS_MAX)])
    const id = `doctor-${randomUUID()}`
    // Read from where the first event was put, so that it cannot be missed however long the stream takes to open.
    const event = {
      event_type: 'trigger.fired' as const,
      trigger_id: id,
      trigger_name: 'switchboard doctor',
      manual: true,
    }
    const [position] = (await client.events.publish(event, { signal })).ids
    if (position === undefined) return [fail(name, 'the server gave no position', 'Look at its log.')]
    const stream = client.events.stream({ types: ['trigger.fired'], after: position, signal })
    const received = stream[Symbol.asyncIterator]()
    for (let round = 0; round < ROUNDS; round++) {
      const sent = performance.now()
      const arrival = next(received, id)
      await client.events.publish(event, { signal })
      if (!(await arrival))
        return [fail(name, `nothing came within ${duration(TOTAL_MS_MAX)}`, 'Is a proxy buffering the stream?')]
      // The first round includes opening the stream.
      if (round > 0) times.push(performance.now() - sent)
    }
    stream.close()
  } catch (error) {
    const { message, hint } = tell(error)
    return [fail(name, message, hint ?? 'The key needs events:read and events:write.')]
  }
  times.sort((a, b) => a - b)
  const median = times[Math.floor(times.length / 2)] ?? 0
  return [
    ok(
      name,
      `${median.toFixed(1)} ms (median of ${times.length}; ${times.at(-1)?.toFixed(1)} ms at most), durable before it is sent on`,
    ),
  ]
}

async function next(items: AsyncIterator<{ readonly event: object }>, id: string): Promise<boolean> {
  for (;;) {
    const { done, value } = await items.next()
    if (done) return false
    if (plainEvent(value.event).trigger_id === id) return true
  }
}
