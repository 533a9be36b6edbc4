import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { TSchema } from 'typebox'
import { Type } from '../type.js'
import { discriminators, type EventType } from './define.js'
import { acceptedFields } from './event-type.js'
import { type FieldSchema, PERSONAL_DATA, UNIT } from './field-schema.js'

/** Whether fields that the catalogue does not know are an error (`refuse`) or left as they are (`pass`). */
export type ExtraFields = 'refuse' | 'pass'

/** A JSON Schema 2020-12 compiler that knows the catalogue's own keywords and refuses any other unknown one. */
export function newAjv(options: { allErrors: boolean; validateSchema: boolean }): Ajv2020 {
  const ajv = new Ajv2020({
    ...options,
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    // Errors carry the value, of which `explain` tells the type.
    verbose: true,
    logger: false,
  })
  ajv.addVocabulary([UNIT, PERSONAL_DATA])
  addFormats.default(ajv)
  return ajv
}

interface Compiled {
  readonly first: Partial<Record<ExtraFields, ValidateFunction>>
  readonly all: Partial<Record<ExtraFields, ValidateFunction>>
}

// Compiled when first needed: a process that only reads events never pays for it, nor does a browser whose content
// security policy forbids compiling.
const compiled = new WeakMap<EventType, Compiled>()
let firstError: Ajv2020 | undefined
let allErrors: Ajv2020 | undefined

/** The validator that stops at the first error: the way of every event. */
export function validatorOf(type: EventType, extraFields: ExtraFields): ValidateFunction {
  const entry = entryOf(type)
  const known = entry.first[extraFields]
  if (known !== undefined) return known
  firstError ??= newAjv({ allErrors: false, validateSchema: false })
  const validator = firstError.compile(inputSchema(type, extraFields))
  entry.first[extraFields] = validator
  return validator
}

/** Every error of an event that is known to be wrong. */
export function errorsOf(type: EventType, extraFields: ExtraFields, event: object): readonly ErrorObject[] {
  const entry = entryOf(type)
  let validator = entry.all[extraFields]
  if (validator === undefined) {
    allErrors ??= newAjv({ allErrors: true, validateSchema: false })
    validator = allErrors.compile(inputSchema(type, extraFields))
    entry.all[extraFields] = validator
  }
  validator(event)
  return validator.errors ?? []
}

function entryOf(type: EventType): Compiled {
  const known = compiled.get(type)
  if (known !== undefined) return known
  const entry: Compiled = { first: {}, all: {} }
  compiled.set(type, entry)
  return entry
}

/**
 * What `accepted` says, but for two things: that one name of a required pair is there is checked by hand, for a
 * message that names both; and `refuse` closes every object with known members.
 */
function inputSchema(type: EventType, extraFields: ExtraFields): TSchema {
  const fields = acceptedFields(type)
  const open = Type.Object({ [discriminators[type.channel]]: Type.String(), ...fields })
  return extraFields === 'pass' ? open : closed(open)
}

function closed(schema: TSchema): TSchema {
  const { properties, items, additionalProperties, ...rest } = schema as FieldSchema
  return Type.Unsafe({
    ...rest,
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, closed(field)])),
    }),
    ...(items && { items: closed(items) }),
    ...(additionalProperties !== undefined
      ? { additionalProperties }
      : properties !== undefined && { additionalProperties: false }),
  })
}
