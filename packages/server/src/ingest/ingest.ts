import {
  type Catalogue,
  discriminators,
  type ExtraFields,
  formatPosition,
  limits,
  SwitchboardError,
} from '@switchboard/contract'
import type { Clock } from '../clock.js'
import { channelKind } from '../log/block.js'
import type { Appended, Channel, Idempotency, Log, NewEvent } from '../log/log.js'
import type { Meter } from '../meter.js'
import { acceptEvents, refusalOf } from './accept.js'
import { eventsOfBody, type RawEvent } from './body.js'
import { fingerprint } from './fingerprint.js'
import { logKeys } from './idempotency.js'
import { parseJson } from './json.js'
import { type Line, splitLines } from './lines.js'
import type { PublishRate } from './rate.js'
import { createToolCalls, type ToolCalls } from './tool-calls.js'
import { Waiting } from './waiting.js'

/** Where events go, and on whose behalf. */
export interface PublishTarget {
  readonly channel: Channel
  /** The key that publishes: `SWITCHBOARD_PUBLISH_RATE` counts by it. */
  readonly keyId: string
  /** The workspace's setting for fields that the catalogue does not know. */
  readonly extraFields: ExtraFields
  /** The request's `Idempotency-Key`, checked. */
  readonly idempotencyKey?: string | undefined
}

/** Events that are on disk. */
export interface Published {
  /** Their positions, in the order given. */
  readonly ids: readonly string[]
  /** True when all of them were stored before, by an earlier request with the same idempotency key. */
  readonly replayed: boolean
}

/**
 * The way into the log: checked against the catalogue, stored once, answered when durable.
 *
 * All of it throws SwitchboardError: `invalid_event`, `unknown_event_type`, `event_too_large`, `rate_limited`,
 * `idempotency_key_reused`, `overloaded`, and what the log throws.
 */
export interface Ingest {
  /**
   * A JSON body: one event, or `{"events": [...]}`. Stored whole or not at all.
   * @throws SwitchboardError also `invalid_json`, `invalid_request`, `too_many_events`.
   */
  publishBody(target: PublishTarget, body: Buffer): Promise<Published>

  /**
   * Newline-delimited JSON, one event a line, appended as it arrives: lines that come together are stored together, and
   * nothing more is read until they are. The first line that is refused ends it; the failure's `extra.ids` then holds
   * the positions of what was stored before. With an idempotency key each line is stored once, so that a request that
   * was cut off can be sent again from its beginning.
   * @param chunks What it throws ends the request in the same way.
   */
  publishLines(target: PublishTarget, chunks: AsyncIterable<Buffer>): Promise<Published>

  /**
   * Events that the server itself made, for example from a vendor's callback. Stored whole or not at all, and not
   * counted against a key's rate.
   */
  publishEvents(target: PublishTarget, events: readonly unknown[]): Promise<Published>

  /** What waits to be durable now. */
  readonly waiting: Pick<Waiting, 'events' | 'bytes' | 'isFull'>

  /** From now on nothing more is acknowledged: everything, what is being written included, fails with `unavailable`. */
  refuse(): void
  /** Stops following the log. */
  close(): void
}

export interface IngestDeps {
  readonly log: Log
  readonly catalogue: Catalogue
  readonly clock: Clock
  readonly meter: Meter
  readonly rate: PublishRate
  /** Default: this process completes tool events itself. */
  readonly toolCalls?: ToolCalls
  /** Whether the process has no memory for more. Default: it has. */
  readonly isShort?: () => boolean
}

export function createIngest({ log, catalogue, clock, meter, rate, ...rest }: IngestDeps): Ingest {
  const toolCalls = rest.toolCalls ?? createToolCalls(log)
  const waiting = new Waiting(rest.isShort ?? (() => false))
  let refusing = false
  const assertTaking = (): void => {
    if (refusing) throw new SwitchboardError('unavailable', 'Nothing more is taken here. Try again.')
  }

  async function append(
    channel: Channel,
    events: readonly NewEvent[],
    request: Idempotency | undefined,
    bytes: number,
  ): Promise<{ ids: readonly string[]; replayed: number }> {
    assertTaking()
    const started = clock.monotonic()
    waiting.enter(events.length, bytes)
    let appended: Appended
    try {
      appended = await toolCalls.complete(channel, events, (completed) => log.append(channel, completed, request))
    } finally {
      waiting.leave(events.length, bytes)
    }
    assertTaking()
    const stored = events.length - appended.replayed
    if (stored > 0)
      meter.appended(channelKind(channel), stored, (clock.monotonic() - started) / 1000, channel.workspace)
    return { ids: appended.positions.map(formatPosition), replayed: appended.replayed }
  }

  /** @param bodyBytes Of the body that they came in; 0 when the server has made them. */
  async function publish(target: PublishTarget, raws: readonly RawEvent[], bodyBytes: number): Promise<Published> {
    const accepted = acceptEvents(catalogue, raws, {
      kind: channelKind(target.channel),
      extraFields: target.extraFields,
      bodyBytes: bodyBytes || limits.bodyBytesMax,
    })
    if ('refusals' in accepted) {
      throw refusalOf(accepted.refusals, raws.length, raws.length > 1 ? ' Nothing was stored.' : '')
    }
    const { events } = accepted
    const { ids, replayed } = await append(target.channel, events, requestIdempotency(target, events), bodyBytes)
    return { ids, replayed: replayed === ids.length }
  }

  /** Lines that came together: those before the first that is refused are stored, then that one is told. */
  async function publishTogether(target: PublishTarget, lines: readonly Line[]): Promise<Published> {
    const events: NewEvent[] = []
    let refusal: SwitchboardError | undefined
    let bytes = 0
    waiting.assertRoom()
    for (const line of lines) {
      const event = acceptLine(catalogue, target, line)
      if (event instanceof SwitchboardError) {
        refusal = event
        break
      }
      events.push(event)
      bytes += line.bytes.length
    }
    const stored = events.length > 0 ? await append(target.channel, events, undefined, bytes) : { ids: [], replayed: 0 }
    if (refusal !== undefined) throw withStored(refusal, stored.ids)
    return { ids: stored.ids, replayed: stored.replayed === events.length }
  }

  return {
    waiting,

    async publishBody(target, body) {
      // Before it is even read: to refuse must cost less than to take.
      waiting.assertRoom()
      const raws = eventsOfBody(body, discriminators[channelKind(target.channel)])
      rate.take(target.keyId, raws.length)
      return publish(target, raws, body.length)
    },

    publishEvents: (target, events) =>
      publish(
        target,
        events.map((value, index) => ({ value, path: events.length === 1 ? '' : `/events/${index}` })),
        0,
      ),

    async publishLines(target, chunks) {
      const ids: string[] = []
      let allReplayed = true
      // Refuses a key that is in debt; what the lines take is counted as they come.
      rate.take(target.keyId, 0)
      try {
        for await (const arrived of splitLines(chunks)) {
          for (let from = 0; from < arrived.length; from += limits.batchEventsMax) {
            const lines = arrived.slice(from, from + limits.batchEventsMax)
            rate.count(target.keyId, lines.length)
            const published = await publishTogether(target, lines)
            for (const id of published.ids) ids.push(id)
            allReplayed &&= published.replayed
          }
        }
      } catch (error) {
        throw error instanceof SwitchboardError ? withStored(error, ids) : error
      }
      return { ids, replayed: allReplayed && ids.length > 0 }
    },

    refuse() {
      refusing = true
    },
    close: () => toolCalls.close(),
  }
}

function requestIdempotency(target: PublishTarget, events: readonly NewEvent[]): Idempotency | undefined {
  if (target.idempotencyKey === undefined) return undefined
  return {
    key: logKeys.request(target.idempotencyKey),
    fingerprint: fingerprint(events.map(({ event }) => event)),
  }
}

/** One line as the event to store, or why it is refused. */
function acceptLine(catalogue: Catalogue, target: PublishTarget, line: Line): NewEvent | SwitchboardError {
  const path = `/lines/${line.number}`
  let value: unknown
  try {
    value = parseJson(line.bytes, `line ${line.number}`)
  } catch (error) {
    if (!(error instanceof SwitchboardError)) throw error
    // 422 and not 400: by now a part of the request may be stored.
    const errors = error.errors?.map((fault) => ({ path, message: fault.message }))
    return new SwitchboardError('invalid_event', error.detail, { ...(errors && { errors }), cause: error })
  }
  const accepted = acceptEvents(catalogue, [{ value, path }], {
    kind: channelKind(target.channel),
    extraFields: target.extraFields,
    bodyBytes: line.bytes.length,
  })
  if ('refusals' in accepted) return refusalOf(accepted.refusals, 1, '')
  const event = accepted.events[0] as NewEvent
  if (target.idempotencyKey === undefined || event.idempotency !== undefined) return event
  const key = logKeys.line(target.idempotencyKey, line.number)
  return { ...event, idempotency: { key, fingerprint: fingerprint(event.event) } }
}

/** The failure, with the positions of what is stored already before those it tells of itself. */
function withStored(error: SwitchboardError, ids: readonly string[]): SwitchboardError {
  const later = Array.isArray(error.extra?.ids) ? error.extra.ids : []
  return new SwitchboardError(error.code, error.detail, {
    ...(error.errors && { errors: error.errors }),
    ...(error.retryAfterSeconds !== undefined && { retryAfterSeconds: error.retryAfterSeconds }),
    extra: { ...error.extra, ids: [...ids, ...later] },
    cause: error,
  })
}
