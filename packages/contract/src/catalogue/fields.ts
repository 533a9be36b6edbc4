import type { TSchema } from 'typebox'
import { limits } from '../api/limits.js'
import { PATH_ID_PATTERN } from '../api/schemas/text.js'
import { Type } from '../type.js'
import { type FieldSchema, isPersonal, PERSONAL_DATA, UNIT } from './field-schema.js'

/**
 * The kinds of field that events are made of. Each builder takes what the field means, because a field without a
 * description is of no use in a reference page. `optional`, `omittable` and `personal` wrap any of them.
 */

/** Characters of a name, a state or another short word. */
const LABEL_CHARS_MAX = 256
/** Characters of a sentence or two that a person or a program typed as a reason. */
const NOTE_CHARS_MAX = 4096
/** Characters of a text that nothing but the size of the event limits: a transcript, the output of a tool. */
const TEXT_CHARS_MAX = limits.eventBytesMax
/** The longest e-mail address (RFC 3696, erratum 1690: 64 before the sign, 255 after it). */
const ADDRESS_CHARS_MAX = 320
const URL_CHARS_MAX = 2048

/** Visible characters only: an id stands in URLs, headers and log lines. */
export const ID_PATTERN = '^[^\\s\\u0000-\\u001f\\u007f-\\u009f]+$'
/** One line: no control characters. */
export const LABEL_PATTERN = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$'

function field(schema: FieldSchema): TSchema {
  return Type.Unsafe(schema)
}

/** An identifier: any visible characters, because producers name things in their own way. */
export function id(description: string, charsMax: number = limits.idCharsMax): TSchema {
  return field({ type: 'string', description, minLength: 1, maxLength: charsMax, pattern: ID_PATTERN })
}

/** The id of a call. It stands in the paths of the call's routes, so it keeps to their grammar. */
export function callId(): TSchema {
  return field({
    type: 'string',
    description: 'The call, by its telephony id.',
    minLength: 1,
    pattern: PATH_ID_PATTERN,
  })
}

/** A short word or name on one line that is never empty. */
export function label(description: string, charsMax = LABEL_CHARS_MAX): TSchema {
  return field({ type: 'string', description, minLength: 1, maxLength: charsMax, pattern: LABEL_PATTERN })
}

/** A short word or name on one line; empty when it is not known. */
export function labelOrEmpty(description: string, charsMax = LABEL_CHARS_MAX): TSchema {
  return field({ type: 'string', description, maxLength: charsMax, pattern: LABEL_PATTERN })
}

/** A reason, an error or a remark: some sentences. */
export function note(description: string, charsMax = NOTE_CHARS_MAX): TSchema {
  return field({ type: 'string', description, maxLength: charsMax })
}

/** A text of any length that fits in an event. */
export function text(description: string): TSchema {
  return field({ type: 'string', description, maxLength: TEXT_CHARS_MAX })
}

/** An e-mail address. Its form is left to the mail system that gave it. */
export function emailAddress(description: string): TSchema {
  return personal(label(description, ADDRESS_CHARS_MAX))
}

/** A telephone number or whatever stands in its place (a SIP address, "anonymous"); empty when it is not known. */
export function phoneNumber(description: string): TSchema {
  return personal(labelOrEmpty(description))
}

export function url(description: string): TSchema {
  return field({ type: 'string', description, minLength: 1, maxLength: URL_CHARS_MAX })
}

/** A moment as text, with its offset from UTC: without one it would be another moment for every reader. */
export function instant(description: string): TSchema {
  return field({ type: 'string', description, format: 'date-time', [UNIT]: 'ISO 8601' })
}

export function oneOf(values: readonly string[], description: string): TSchema {
  return field({ type: 'string', description, enum: values })
}

export function flag(description: string): TSchema {
  return field({ type: 'boolean', description })
}

/** A whole number of things, 0 or more. */
export function count(description: string, unit?: string): TSchema {
  const schema: FieldSchema = { type: 'integer', description, minimum: 0, maximum: Number.MAX_SAFE_INTEGER }
  return field(unit === undefined ? schema : { ...schema, [UNIT]: unit })
}

/** A measured number without bounds of its own. */
export function measure(description: string, unit?: string): TSchema {
  const schema: FieldSchema = { type: 'number', description }
  return field(unit === undefined ? schema : { ...schema, [UNIT]: unit })
}

/** How sure something is: 0 (not at all) to 1 (certain). */
export function confidence(description: string): TSchema {
  return field({ type: 'number', description, minimum: 0, maximum: 1 })
}

export function seconds(description: string): TSchema {
  return field({ type: 'number', description, minimum: 0, [UNIT]: 's' })
}

export function milliseconds(description: string): TSchema {
  return field({ type: 'number', description, minimum: 0, [UNIT]: 'ms' })
}

export function wholeMilliseconds(description: string): TSchema {
  return count(description, 'ms')
}

/** A moment as seconds since 1970. */
export function unixSeconds(description: string): TSchema {
  return field({ type: 'number', description, minimum: 0, [UNIT]: 'unix s' })
}

export function list(items: TSchema, description: string): TSchema {
  return field({ type: 'array', description, items })
}

/** An object whose keys the producer chooses and whose values are all of one kind. */
export function map(values: TSchema, description: string): TSchema {
  return field({ type: 'object', description, additionalProperties: values })
}

/** An object with known members. */
export function group(properties: Readonly<Record<string, TSchema>>, description: string): TSchema {
  return Type.Object(properties, { description })
}

/** An object of any shape. */
export function anyObject(description: string): TSchema {
  return field({ type: 'object', description, additionalProperties: true })
}

/** Personal data: masked for readers without `pii:read`. */
export function personal(schema: TSchema): TSchema {
  return isPersonal(schema) ? schema : field({ ...schema, [PERSONAL_DATA]: true })
}

/** May be null. */
export function nullable(schema: TSchema): TSchema {
  const { type, enum: values, ...rest } = schema as FieldSchema
  const types = typeof type === 'string' ? [type] : (type ?? [])
  return field({ type: [...types, 'null'], ...rest, ...(values && { enum: [...values, null] }) })
}

/** May be left out, and may be null, which says the same. */
export function optional(schema: TSchema): TSchema {
  return Type.Optional(nullable(schema))
}

/** May be left out; never null. Nothing is filled in for it. */
export function omittable(schema: TSchema): TSchema {
  return Type.Optional(schema)
}
