import type { EventType, JsonObject } from '@switchboard/contract'
import { CliError } from '../failure.js'

/** A field as it was typed: `name=text` is read by the catalogue's type, `name:=json` is JSON as it stands. */
export interface TypedField {
  readonly name: string
  readonly value: string
  readonly json: boolean
}

const FIELD = /^([A-Za-z_][A-Za-z0-9_]*)(:?=)([\s\S]*)$/

/** @throws CliError when an argument is neither `name=value` nor `name:=json`. */
export function splitField(argument: string): TypedField {
  const match = FIELD.exec(argument)
  const [, name, sign, value] = match ?? []
  if (name === undefined || value === undefined) {
    throw new CliError(
      'bad_request',
      `"${argument}" is not a field.`,
      'Write name=value, or name:=json for a number, true, null, a list or an object.',
    )
  }
  return { name, value, json: sign === ':=' }
}

/** The event that these fields make, each of the type that the catalogue gives its name. */
export function eventFromFields(type: EventType, discriminator: string, fields: readonly TypedField[]): JsonObject {
  const event: Record<string, unknown> = { [discriminator]: type.type }
  for (const field of fields) {
    if (Object.hasOwn(event, field.name)) {
      throw new CliError('bad_request', `The field ${field.name} is given twice.`)
    }
    event[field.name] = field.json ? fromJson(field) : fromText(type, field)
  }
  return event
}

function fromJson({ name, value }: TypedField): unknown {
  try {
    return JSON.parse(value)
  } catch {
    throw new CliError('bad_request', `What follows ${name}:= is not JSON.`, `For a plain text write ${name}=${value}`)
  }
}

/** The JSON Schema types that a field takes; empty when the catalogue does not know the field. */
function typesOf(type: EventType, name: string): readonly string[] {
  const schema: { readonly type?: unknown } | undefined = type.fields[name]
  if (schema === undefined) return []
  return Array.isArray(schema.type) ? schema.type : [schema.type].filter((each) => typeof each === 'string')
}

function fromText(type: EventType, { name, value }: TypedField): unknown {
  const types = typesOf(type, name)
  // The server knows the workspace's own types and whether it lets further fields through; an unknown one stays text.
  if (types.length === 0 || types.includes('string')) return value === 'null' && types.includes('null') ? null : value
  if (value === 'null' && types.includes('null')) return null
  if (types.includes('number') || types.includes('integer')) {
    const number = value.trim() === '' ? Number.NaN : Number(value)
    if (Number.isFinite(number) && (types.includes('number') || Number.isInteger(number))) return number
    throw expected(name, types.includes('number') ? 'a number' : 'a whole number', value)
  }
  if (types.includes('boolean')) {
    if (value === 'true') return true
    if (value === 'false') return false
    throw expected(name, 'true or false', value)
  }
  throw new CliError('invalid_event', `${name} takes ${types.join(' or ')}.`, `Write it as JSON: ${name}:='…'`)
}

function expected(name: string, what: string, value: string): CliError {
  return new CliError('invalid_event', `${name} takes ${what}, not "${value}".`)
}
