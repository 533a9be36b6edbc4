import { limits, pointer, SwitchboardError } from '@switchboard/contract'
import { isJsonObject, kindOf, parseJson } from './json.js'

/** One event as it came, and where it stands in the request, as the beginning of a JSON pointer. */
export interface RawEvent {
  readonly value: unknown
  /** For example `/events/3`; empty when the body is the event. */
  readonly path: string
}

/**
 * The events of a JSON body: the body itself, or, when it has no discriminator, the members of its `events`.
 * @param discriminator `event_type` or `type`: an event that has it may have a field called `events` too.
 * @throws SwitchboardError `invalid_json`, `invalid_request`, `too_many_events`.
 */
export function eventsOfBody(bytes: Buffer, discriminator: string): readonly RawEvent[] {
  const body = parseJson(bytes)
  if (Array.isArray(body)) {
    throw refusal('', 'An array is not accepted here. Send one event, or {"events": [...]}.')
  }
  if (!isJsonObject(body)) {
    throw refusal('', `The body is ${kindOf(body)}. Send one event, or {"events": [...]}.`)
  }
  if (!Object.hasOwn(body, 'events') || Object.hasOwn(body, discriminator)) return [{ value: body, path: '' }]

  const { events } = body
  if (!Array.isArray(events)) throw refusal('/events', `must be an array of events, not ${kindOf(events)}`)
  const other = Object.keys(body).find((name) => name !== 'events')
  if (other !== undefined) {
    const hint = other === 'idempotency_key' ? '; for a whole request send the Idempotency-Key header' : ''
    throw refusal(pointer([other]), `is not accepted beside "events"${hint}`)
  }
  if (events.length === 0) throw refusal('/events', 'must hold at least one event')
  if (events.length > limits.batchEventsMax) {
    throw new SwitchboardError(
      'too_many_events',
      `A batch holds at most ${limits.batchEventsMax} events, and this one has ${events.length}. Send several, or newline-delimited JSON.`,
      { errors: [{ path: '/events', message: `must hold at most ${limits.batchEventsMax} events` }] },
    )
  }
  return events.map((value, index) => ({ value, path: `/events/${index}` }))
}

function refusal(path: string, message: string): SwitchboardError {
  return new SwitchboardError('invalid_request', path === '' ? message : `${path} ${message}.`, {
    errors: [{ path, message }],
  })
}
