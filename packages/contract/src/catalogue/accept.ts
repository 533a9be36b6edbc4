import type { ErrorItem, FailureCode } from '../api/failures.js'
import { limits } from '../api/limits.js'
import { type ChannelKind, discriminators, ERASED, type EventType, type JsonObject } from './define.js'
import { explain, kindOf } from './explain.js'
import { identify } from './identify.js'
import type { Catalogue } from './registry.js'
import { type Pair, pairError, pairsOf } from './spelling.js'
import { type ExtraFields, errorsOf, validatorOf } from './validators.js'
import { checkWholesome, ERRORS_MAX } from './wholesome.js'

export interface Accepted {
  readonly ok: true
  readonly type: EventType
  /**
   * The event as it will be delivered: discriminator first, then the fields in the catalogue's order with both names
   * of a spelling pair, then the fields that the catalogue does not know.
   */
  readonly event: JsonObject
  /** Fields that the server has still to fill in before the event is stored. */
  readonly missing: readonly string[]
}

export interface Refused {
  readonly ok: false
  readonly code: Extract<FailureCode, 'unknown_event_type' | 'invalid_event' | 'event_too_large'>
  /** At most 20; paths are JSON pointers within the event. */
  readonly errors: readonly ErrorItem[]
}

/** With more values than this only the first error is looked for: the others would cost more than they tell. */
const VALUES_FOR_ALL_ERRORS_MAX = 1000
const NONE: readonly string[] = []

/**
 * Checks an event as a producer sent it, parsed from JSON and with `idempotency_key` taken out, and brings it into the
 * form in which it is delivered (wire contract, "Publishing"). Its size is the caller's to check: see
 * `refuseTooLarge`. Nothing is coerced, the input is not changed, and nothing is thrown.
 */
export function accept(
  catalogue: Catalogue,
  kind: ChannelKind,
  raw: unknown,
  options: { readonly extraFields: ExtraFields },
): Accepted | Refused {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return refused('invalid_event', [{ path: '', message: `must be a JSON object, not ${kindOf(raw)}` }])
  }
  const { errors: unwholesome, values } = checkWholesome(raw)
  if (unwholesome.length > 0) return refused('invalid_event', unwholesome)

  const input = raw as JsonObject
  const type = identify(catalogue, kind, input)
  if ('error' in type) return refused(type.code, [type.error])

  const form = formOf(type)
  const errors = fieldErrors(form, input, options.extraFields, values)
  if (errors.length > 0) return refused('invalid_event', errors)
  return { ok: true, type, event: asDelivered(form, input, options.extraFields), missing: missingOf(type, input) }
}

/** Refuses an event whose JSON text has too many bytes (of UTF-8); undefined when it has not. */
export function refuseTooLarge(bytes: number): Refused | undefined {
  if (bytes <= limits.eventBytesMax) return undefined
  const message = `is too large: it has ${bytes} bytes as JSON, and an event may have ${limits.eventBytesMax}`
  return refused('event_too_large', [{ path: '', message }])
}

function refused(code: Refused['code'], errors: readonly ErrorItem[]): Refused {
  return { ok: false, code, errors }
}

/** What the hot path needs of a type, worked out once. */
interface Form {
  readonly type: EventType
  readonly pairs: readonly Pair[]
  readonly fields: readonly { readonly name: string; readonly otherName: string | undefined }[]
  readonly known: ReadonlySet<string>
}

const forms = new WeakMap<EventType, Form>()

function formOf(type: EventType): Form {
  const known = forms.get(type)
  if (known !== undefined) return known
  const pairs = pairsOf(type)
  const names = Object.keys(type.fields)
  const form: Form = {
    type,
    pairs,
    fields: names.map((name) => ({ name, otherName: otherNameOf(pairs, name) })),
    known: new Set([discriminators[type.channel], ...names]),
  }
  forms.set(type, form)
  return form
}

function otherNameOf(pairs: readonly Pair[], name: string): string | undefined {
  for (const { names } of pairs) {
    if (names[0] === name) return names[1]
    if (names[1] === name) return names[0]
  }
  return undefined
}

function fieldErrors(
  { type, pairs }: Form,
  input: JsonObject,
  extraFields: ExtraFields,
  values: number,
): readonly ErrorItem[] {
  const errors: ErrorItem[] = []
  if (type.channel === 'observer' && input.id !== undefined) {
    errors.push({ path: '/id', message: 'is not accepted: observer events are delivered with their position there' })
  }
  if (input[ERASED] !== undefined) {
    errors.push({
      path: `/${ERASED}`,
      message: 'is not accepted: the server says with it that personal data was erased',
    })
  }
  for (const pair of pairs) {
    const error = pairError(type, pair, input)
    if (error !== undefined) errors.push(error)
  }
  const validator = validatorOf(type, extraFields)
  if (!validator(input)) {
    const found = values > VALUES_FOR_ALL_ERRORS_MAX ? (validator.errors ?? []) : errorsOf(type, extraFields, input)
    const subject = { name: type.type, known: discriminators[type.channel] }
    const told = new Set(errors.map(({ path }) => path))
    errors.push(...explain(subject, found).filter(({ path }) => !told.has(path)))
  }
  return errors.slice(0, ERRORS_MAX)
}

function asDelivered({ type, fields, known }: Form, input: JsonObject, extraFields: ExtraFields): JsonObject {
  const event: Record<string, unknown> = { [discriminators[type.channel]]: type.type }
  for (const { name, otherName } of fields) {
    let value = input[name]
    if (value === undefined && otherName !== undefined) value = input[otherName]
    if (value !== undefined) event[name] = value
  }
  if (extraFields === 'pass') {
    for (const name of Object.keys(input)) if (!known.has(name)) event[name] = input[name]
  }
  return event
}

function missingOf(type: EventType, input: JsonObject): readonly string[] {
  if (type.filledIn === undefined) return NONE
  const missing = type.filledIn.filter((name) => input[name] === undefined)
  return missing.length === 0 ? NONE : missing
}
