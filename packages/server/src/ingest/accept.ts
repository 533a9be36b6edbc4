import {
  accept,
  type Catalogue,
  type ChannelKind,
  type ErrorItem,
  type ExtraFields,
  type FailureCode,
  limits,
  refuseTooLarge,
  SwitchboardError,
} from '@switchboard/contract'
import type { NewEvent } from '../log/log.js'
import type { RawEvent } from './body.js'
import type { Fingerprint } from './fingerprint.js'
import { faultOfKey, logKeys } from './idempotency.js'
import { isJsonObject } from './json.js'

/** More faults than this are counted and not listed: a refusal must not be larger than what it refuses. */
const ERRORS_LISTED_MAX = 1000

/**
 * A body this small cannot hold an event that is too large once it is delivered: the second spelling doubles a value, a
 * number such as 1e20 is written out to five times its length, and a discriminator and a call id are added.
 */
const MEASURE_FROM_BYTES = 4096

/** What is known of a request before its events are looked at. */
export interface AcceptOptions {
  readonly kind: ChannelKind
  readonly extraFields: ExtraFields
  /** Bytes of the body the events came in. */
  readonly bodyBytes: number
  readonly fingerprint: Fingerprint
}

/** Why events were refused, before it is put into words. */
export interface Refusal {
  readonly code: FailureCode
  readonly errors: readonly ErrorItem[]
}

/** The events in the form in which they will be stored, or else every fault of every one of them. */
export function acceptEvents(
  catalogue: Catalogue,
  raws: readonly RawEvent[],
  options: AcceptOptions,
): { readonly events: readonly NewEvent[] } | { readonly refusals: readonly Refusal[] } {
  const events: NewEvent[] = []
  const refusals: Refusal[] = []
  for (const raw of raws) {
    const result = acceptOne(catalogue, raw, options)
    if ('event' in result) events.push(result)
    else refusals.push(result)
  }
  return refusals.length > 0 ? { refusals } : { events }
}

function acceptOne(catalogue: Catalogue, { value, path }: RawEvent, options: AcceptOptions): NewEvent | Refusal {
  let raw = value
  let key: string | undefined
  const faults: ErrorItem[] = []
  if (isJsonObject(value) && Object.hasOwn(value, 'idempotency_key')) {
    const { idempotency_key: given, ...rest } = value
    const fault = faultOfKey(given)
    if (fault !== undefined) faults.push({ path: `${path}/idempotency_key`, message: fault })
    else key = given as string
    raw = rest
  }

  const accepted = accept(catalogue, options.kind, raw, { extraFields: options.extraFields })
  if (!accepted.ok) {
    // A text that is longer than an event may be is too large a body, whatever its field says of lengths.
    const tooLarge = options.bodyBytes > limits.eventBytesMax ? tooLargeAsSent(raw, path) : undefined
    if (tooLarge !== undefined) return tooLarge
    faults.push(...accepted.errors.map((error) => ({ path: path + error.path, message: error.message })))
    return { code: accepted.code, errors: faults }
  }
  if (faults.length > 0) return { code: 'invalid_event', errors: faults }

  if (options.bodyBytes > MEASURE_FROM_BYTES) {
    const tooLarge = tooLargeAt(path, accepted.event)
    if (tooLarge !== undefined) return tooLarge
  }
  const type = accepted.type.type
  if (key === undefined) return { type, event: accepted.event }
  return {
    type,
    event: accepted.event,
    idempotency: { key: logKeys.event(key), fingerprint: options.fingerprint(accepted.event) },
  }
}

function tooLargeAt(path: string, event: unknown): Refusal | undefined {
  const tooLarge = refuseTooLarge(Buffer.byteLength(JSON.stringify(event)))
  return (
    tooLarge && { code: tooLarge.code, errors: tooLarge.errors.map((error) => ({ ...error, path: path + error.path })) }
  )
}

/** The same of a value that nobody has accepted: it may be nested deeper than can be written again. */
function tooLargeAsSent(raw: unknown, path: string): Refusal | undefined {
  try {
    return tooLargeAt(path, raw)
  } catch {
    return undefined
  }
}

/** The refusals of one request as one failure: the code they share, or `invalid_event` when they share none. */
export function refusalOf(refusals: readonly Refusal[], total: number, hint: string): SwitchboardError {
  const codes = new Set(refusals.map(({ code }) => code))
  const [only] = codes
  const code: FailureCode = codes.size === 1 && only !== undefined ? only : 'invalid_event'
  const errors = refusals.flatMap((refusal) => refusal.errors)
  const listed = errors.slice(0, ERRORS_LISTED_MAX)
  const first = listed[0]
  const where = first === undefined || first.path === '' ? 'The event' : first.path
  const faults = first === undefined ? 'The event is not accepted' : `${where} ${first.message}`
  const more = errors.length > 1 ? `, and ${errors.length - 1} more` : ''
  const scope = total > 1 ? `${refusals.length} of ${total} events are refused: ` : ''
  return new SwitchboardError(code, `${scope}${faults}${more}.${hint}`, { errors: listed })
}
