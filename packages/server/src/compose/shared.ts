import type { Throttle } from '../access/throttle.js'
import type { PublishRate } from '../ingest/rate.js'
import { createToolCalls, type ToolCalls } from '../ingest/tool-calls.js'
import type { Log } from '../log/log.js'
import type { Collected, Metrics } from '../ops/metrics.js'
import type { TwilioSource } from '../sources/twilio.js'
import type { ReadPresence } from '../transport/presence.js'
import { createSeats, type Seats } from '../transport/seats.js'

/** What the processes that serve one port have in common. */
export interface Shared {
  readonly seats: Seats
  readonly toolCalls: ToolCalls
  /** Makes a count of this process one of all. */
  throttle(own: Throttle): Throttle
  publishRate(own: PublishRate): PublishRate
  /** Where callbacks go. @param make Makes a source of this process. */
  twilio(make: () => TwilioSource): TwilioSource
  collect(own: Metrics): Promise<Collected>
  presence(own: ReadPresence): ReadPresence
  /** Why nothing that others have a part in can be done now, for people; undefined when it can. */
  stuck(): string | undefined
}

/** For a server that is one process: it has all of it by itself. */
export function alone(log: Log, maxStreamsPerWorkspace: number): Shared {
  return {
    seats: createSeats(maxStreamsPerWorkspace),
    toolCalls: createToolCalls(log),
    throttle: (own) => own,
    publishRate: (own) => own,
    twilio: (make) => make(),
    collect: (own) => own.collect(),
    presence: (own) => own,
    stuck: () => undefined,
  }
}
