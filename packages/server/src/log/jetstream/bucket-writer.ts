import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  type JetStreamPublishOptions,
} from '@nats-io/jetstream'
import { headers } from '@nats-io/transport-node'
import { SwitchboardError } from '@switchboard/contract'
import { uuidv7 } from 'uuidv7'
import type { Clock } from '../../clock.js'
import { BUCKET_STREAM, DELETED, OPERATION_HEADER, type Revision, revisionOf } from './bucket.js'
import { pause, within } from './patience.js'

/** One attempt, in ms: a server that was just lost gives no answer. */
const ATTEMPT_MS_MAX = 1_000
const AGAIN_MS = 100
/** Advice for `Retry-After`. */
const RETRY_SECONDS = 2
/** What a message cannot have as its sequence. */
const NEVER = Number.MAX_SAFE_INTEGER
const UNAVAILABLE = 503
/** Errors of the JetStream API that mean: the last message is not the one that was expected. */
const CONFLICT_CODES: ReadonlySet<number> = new Set([
  JetStreamApiCodes.StreamWrongLastSequence,
  JetStreamApiCodes.StreamWrongLastSequenceUnknown,
])
/** Errors of the JetStream API that mean: there is no room. */
const FULL_CODES: ReadonlySet<number> = new Set([10_023, 10_028, 10_047, 10_077])
/** Errors of a client whose server is gone, has no leader, or is being looked for. */
const PASSING: ReadonlySet<string> = new Set([
  'ConnectionError',
  'JetStreamNotEnabled',
  'NoResponders',
  'RequestError',
  'TimeoutError',
])

export interface BucketWriterDeps {
  readonly jetstream: Pick<JetStreamClient, 'publish'>
  readonly jsm: JetStreamManager
  readonly clock: Clock
  /** Where to. Default: the bucket's. */
  readonly stream?: string
}

/** Writes to the bucket, or another stream whose subjects have a last message that counts, and reads what its leader has, again and again while there is none, until a moment that is given. */
export class BucketWriter {
  private readonly stream: string

  constructor(private readonly deps: BucketWriterDeps) {
    this.stream = deps.stream ?? BUCKET_STREAM
  }

  /**
   * Stores a value, or with `text` undefined that there is none.
   * @param expected The sequence of the key's last message (0 = there is none); undefined: whatever it is.
   * @param until On the clock's monotonic time.
   * @returns the message's sequence, or undefined when the key's last message was another. An attempt whose answer was
   *   lost counts: the servers know its id.
   * @throws SwitchboardError `unavailable` when nobody knows whether it was stored; `storage_full`.
   */
  async write(
    subject: string,
    text: string | undefined,
    expected: number | undefined,
    until: number,
  ): Promise<number | undefined> {
    const id = uuidv7()
    let isUncertain = false
    const send = async (expect: Partial<JetStreamPublishOptions['expect']>) => {
      // New ones each time: the client writes what is expected into them.
      const header = headers()
      if (text === undefined) header.set(OPERATION_HEADER, DELETED)
      const options = { msgID: id, timeout: ATTEMPT_MS_MAX, headers: header }
      try {
        const { seq } = await this.deps.jetstream.publish(subject, text ?? '', {
          ...options,
          expect: { streamName: this.stream, ...expect },
        })
        return seq
      } catch (error) {
        isUncertain ||= !(error instanceof JetStreamApiError)
        if (isConflict(error)) return undefined
        throw error
      }
    }
    return this.again(until, async () => {
      const sequence = await send(expected === undefined ? {} : { lastSubjectSequence: expected })
      if (sequence !== undefined || !isUncertain) return sequence
      // What has come in between may be our own. With an expectation that never holds, the servers say so or store nothing.
      return send({ lastSequence: NEVER })
    })
  }

  /** The key's last message, as the leader has it; undefined when there is none. @throws SwitchboardError `unavailable`. */
  newest(subject: string, until: number): Promise<Revision | undefined> {
    const { jsm, clock } = this.deps
    return this.again(until, async () => {
      const asked = jsm.streams.getMessage(this.stream, { last_by_subj: subject })
      const message = await within(clock, ATTEMPT_MS_MAX, asked, () => {
        throw unavailable('The NATS servers do not answer.')
      })
      return message ? revisionOf(message) : undefined
    })
  }

  private async again<T>(until: number, attempt: () => Promise<T>): Promise<T> {
    const { clock } = this.deps
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        if (!isPassing(error)) throw asFailure(error)
        if (clock.monotonic() >= until) throw givenUp(error)
      }
      await pause(clock, AGAIN_MS)
    }
  }
}

export function unavailable(detail: string, cause?: unknown): SwitchboardError {
  return new SwitchboardError('unavailable', detail, { retryAfterSeconds: RETRY_SECONDS, cause })
}

function isConflict(error: unknown): boolean {
  return error instanceof JetStreamApiError && CONFLICT_CODES.has(error.code)
}

function isPassing(error: unknown): boolean {
  if (error instanceof SwitchboardError) return error.code === 'unavailable'
  if (error instanceof JetStreamApiError) {
    // Somebody has deleted the bucket: the next gateway to start makes it anew.
    if (error.code === JetStreamApiCodes.StreamNotFound) return true
    return error.status === UNAVAILABLE && !FULL_CODES.has(error.code)
  }
  return PASSING.has((error as Error).name)
}

function givenUp(cause: unknown): SwitchboardError {
  return unavailable(
    'The NATS servers did not answer in time. What was asked for may have been done all the same.',
    cause,
  )
}

function asFailure(error: unknown): SwitchboardError {
  const { name, message } = error as Error
  if (['ClosedConnectionError', 'DrainingConnectionError'].includes(name))
    return unavailable('The server is closing.', error)
  const isFull = error instanceof JetStreamApiError && FULL_CODES.has(error.code)
  const detail = `the NATS servers have not stored the record: ${message}`
  return new SwitchboardError(isFull ? 'storage_full' : 'storage_fault', detail, { cause: error })
}
