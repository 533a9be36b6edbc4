import type { ErrorObject } from 'ajv/dist/2020.js'
import type { ErrorItem } from '../api/failures.js'
import { limits } from '../api/limits.js'
import { PATH_ID_PATTERN } from '../api/schemas/text.js'
import { type FieldSchema, typesOf } from './field-schema.js'
import { ID_PATTERN, LABEL_PATTERN } from './fields.js'
import { nearestName } from './nearest.js'
import { pointer } from './pointer.js'
import { ERRORS_MAX } from './wholesome.js'

/** Whose errors they are. */
export interface Subject {
  /** What to call the whole value in a message. */
  readonly name: string
  /** A required member that is there for sure, and not worth telling of. */
  readonly known?: string
}

/**
 * A validator's errors in words for people: where, and what is accepted there. Values are never repeated, for they
 * may be personal data.
 */
export function explain(subject: Subject, errors: readonly ErrorObject[]): readonly ErrorItem[] {
  const found = new Map<string, { readonly keyword: string; readonly item: ErrorItem }>()
  for (const error of errors) {
    const item = explainOne(subject, error)
    const earlier = found.get(item.path)
    // Of two errors of one value, the list of what is accepted says more than the type does.
    if (earlier === undefined || (earlier.keyword === 'type' && error.keyword === 'enum')) {
      found.set(item.path, { keyword: error.keyword, item })
    }
    if (found.size >= ERRORS_MAX) break
  }
  return [...found.values()].map(({ item }) => item)
}

function explainOne(subject: Subject, error: ErrorObject): ErrorItem {
  const { instancePath: path, keyword } = error
  const params: Readonly<Record<string, unknown>> = error.params
  const limit = String(params.limit)
  switch (keyword) {
    case 'required': {
      const name = String(params.missingProperty)
      const needed = requiredIn(error.parentSchema).filter((needs) => path !== '' || needs !== subject.known)
      const owner = path === '' ? subject.name : 'it'
      return { path: path + pointer([name]), message: `is missing: ${owner} needs ${needed.join(', ')}` }
    }
    case 'additionalProperties':
      return unknownField(subject, path, String(params.additionalProperty), error.parentSchema)
    case 'type':
      return { path, message: `must be ${kinds(error.parentSchema)}, not ${given(error)}` }
    case 'enum':
      return { path, message: `must be one of ${values(params.allowedValues)}` }
    case 'pattern':
      return { path, message: patternMessage(params.pattern) }
    case 'format':
      return { path, message: formatMessage(String(params.format)) }
    case 'minLength':
      return { path, message: limit === '1' ? 'must not be empty' : `must have ${limit} characters or more` }
    case 'maxLength':
      return { path, message: `must have ${limit} characters or fewer` }
    case 'minimum':
      return { path, message: `must be ${limit} or more` }
    case 'maximum':
      return { path, message: `must be ${limit} or less` }
    default:
      return { path, message: error.message ?? 'is not accepted' }
  }
}

function unknownField(subject: Subject, path: string, name: string, schema: unknown): ErrorItem {
  const known = Object.keys((schema as FieldSchema | undefined)?.properties ?? {})
  const near = nearestName(known, name)
  const owner = path === '' ? subject.name : 'this object'
  const hint = near === undefined ? `its fields are ${known.join(', ')}` : `the nearest is ${near}`
  return { path: path + pointer([name]), message: `is not a field of ${owner}; ${hint}` }
}

function requiredIn(schema: unknown): readonly string[] {
  return (schema as FieldSchema | undefined)?.required ?? []
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  null: 'null',
}

function kinds(schema: unknown): string {
  return alternatives(typesOf(schema as FieldSchema).map((type) => KINDS[type] ?? type))
}

function given({ data, parentSchema }: ErrorObject): string {
  const wantsWhole = typesOf(parentSchema ?? {}).includes('integer')
  return wantsWhole && typeof data === 'number' ? 'a fraction' : kindOf(data)
}

/** What a JSON value is, in words. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'boolean') return 'a boolean'
  if (typeof value === 'object') return 'an object'
  return KINDS[typeof value] ?? 'nothing that JSON knows'
}

function values(allowed: unknown): string {
  const list: readonly unknown[] = Array.isArray(allowed) ? allowed : [allowed]
  return alternatives(list.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))))
}

function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

function patternMessage(pattern: unknown): string {
  if (pattern === ID_PATTERN) return 'must have visible characters only: no spaces, line breaks or control characters'
  if (pattern === PATH_ID_PATTERN) return `must be 1 to ${limits.idCharsMax} letters, digits, or any of _ . : -`
  if (pattern === LABEL_PATTERN) return 'must be one line without control characters'
  return `must match ${String(pattern)}`
}

function formatMessage(format: string): string {
  return format === 'date-time'
    ? 'must be a date and time with its offset (ISO 8601), such as 2026-11-22T10:15:02Z'
    : `must be of the format ${format}`
}
