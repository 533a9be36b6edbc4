import { JetStreamApiError, type JetStreamClient } from '@nats-io/jetstream'
import { SwitchboardError } from '@switchboard/contract'
import { uuidv7 } from 'uuidv7'
import type { Clock } from '../../clock.js'
import type { Outcome } from './applying.js'
import { encodeParts } from './message.js'
import { pause, within } from './patience.js'
import type { Replica } from './replica.js'

/** How long an append may wait for a stream that has lost its leader. Three nodes that start again need 6 to 18 s. */
export const APPEND_MS_MAX = 25_000
/** One attempt, in ms: a server that was just lost gives no answer. */
const ATTEMPT_MS_MAX = 1_000
const AGAIN_MS = 100
/** An acknowledged message that has not come by itself after this long is fetched, in ms. */
const FETCH_AFTER_MS = 250
/** What a header and a subject may take of a message's size, in bytes. */
const ENVELOPE_BYTES_MAX = 4 * 1024
/** Advice for `Retry-After`. */
const RETRY_SECONDS = 2

/** Errors of the JetStream API that mean: there is no room. */
const FULL_CODES: ReadonlySet<number> = new Set([10_023, 10_028, 10_047, 10_077])

export interface PublisherDeps {
  readonly jetstream: JetStreamClient
  readonly stream: string
  readonly replica: Replica
  readonly clock: Clock
  /** False while there is no connection: what is sent then piles up, and goes out many times when there is one. */
  readonly isConnected: () => boolean
  /** Bytes that the servers take in one message. */
  readonly payloadBytesMax: () => number
  /** Told again and again of an append that the servers have not acknowledged for `ms`. */
  readonly onStruggle: (ms: number) => void
  /** Sees to it that a message which is in the stream reaches the copy. */
  readonly fetch: (sequence: number) => void
}

/**
 * Brings messages into the stream, once each, and waits for what becomes of them.
 *
 *     publish ──▶ acknowledged ──▶ applied here ──▶ answered
 *        ▲   │ no answer: again, with the same id, which the servers store once
 *        └───┘
 */
export class Publisher {
  private readonly underWay = new Set<Promise<unknown>>()
  private isAbandoned = false

  constructor(private readonly deps: PublisherDeps) {}

  /** Resolves when all that is under way is settled: within `ms` as it comes, then refused. */
  async finish(ms: number): Promise<void> {
    const settled = Promise.allSettled(this.underWay)
    await within(this.deps.clock, ms, settled, () => undefined)
    this.isAbandoned = true
    await settled
  }

  /**
   * @param id Two messages of the same id are stored once. Default: one of its own.
   * @throws SwitchboardError `unavailable` when nobody knows what became of it; what was refused; `storage_full`.
   */
  async publish(subject: string, message: Buffer, id: string = uuidv7()): Promise<Outcome> {
    const publishing = this.bring(subject, message, id)
    this.underWay.add(publishing)
    try {
      return await publishing
    } finally {
      this.underWay.delete(publishing)
    }
  }

  private async bring(subject: string, message: Buffer, id: string): Promise<Outcome> {
    const { clock, replica, payloadBytesMax } = this.deps
    const until = clock.monotonic() + APPEND_MS_MAX
    const bytesMax = payloadBytesMax() - ENVELOPE_BYTES_MAX
    const parts = message.length <= bytesMax ? [message] : encodeParts(id, message, bytesMax)
    const lastId = parts.length === 1 ? id : `${id}.${parts.length - 1}`
    let forget = () => {}
    const told = new Promise<Outcome>((resolve) => {
      forget = replica.expect(lastId, resolve)
    })
    try {
      // The last part makes it count: it goes when all others are there.
      const leading = parts.slice(0, -1)
      await Promise.all(leading.map((part, index) => this.store(subject, part, `${id}.${index}`, until)))
      const sequence = await this.store(subject, parts[parts.length - 1] as Buffer, lastId, until)
      const cancelFetch = clock.after(FETCH_AFTER_MS, () => this.deps.fetch(sequence))
      const outcome = await within(clock, Math.max(0, until - clock.monotonic()), told, () => {
        throw new SwitchboardError('unavailable', 'It was stored, and is not to be read here yet.', {
          retryAfterSeconds: RETRY_SECONDS,
        })
      })
      cancelFetch()
      if (outcome.kind === 'refused') throw outcome.error
      return outcome
    } finally {
      forget()
    }
  }

  /** The sequence of the message in the stream, once the stream has acknowledged it. */
  private async store(subject: string, data: Buffer, id: string, until: number): Promise<number> {
    const { jetstream, stream, clock, isConnected, onStruggle } = this.deps
    for (;;) {
      try {
        if (!isConnected()) throw new Error('There is no connection to the NATS servers')
        const { seq } = await jetstream.publish(subject, data, {
          msgID: id,
          timeout: ATTEMPT_MS_MAX,
          expect: { streamName: stream },
        })
        return seq
      } catch (error) {
        const refusal = refusalOf(error)
        if (refusal) throw refusal
        const leftMs = until - clock.monotonic()
        if (leftMs < 0 || this.isAbandoned || isClosed(error)) throw givenUp(error)
        onStruggle(APPEND_MS_MAX - leftMs)
      }
      await pause(clock, AGAIN_MS)
    }
  }
}

/** Why the servers will not take it, however often it is sent; undefined for what may pass. */
function refusalOf(error: unknown): SwitchboardError | undefined {
  if (!(error instanceof JetStreamApiError)) return undefined
  if (!FULL_CODES.has(error.code)) return undefined
  const detail = `nothing was stored: the NATS servers have no room (${error.message})`
  return new SwitchboardError('storage_full', detail, { retryAfterSeconds: RETRY_SECONDS, cause: error })
}

function isClosed(error: unknown): boolean {
  return ['ClosedConnectionError', 'DrainingConnectionError'].includes((error as Error).name)
}

function givenUp(cause: unknown): SwitchboardError {
  const detail =
    'The NATS servers did not acknowledge it. It may be stored all the same: with an idempotency key it is safe to send it again.'
  return new SwitchboardError('unavailable', detail, { retryAfterSeconds: RETRY_SECONDS, cause })
}
