import type { Ajv2020 } from 'ajv/dist/2020.js'
import type { ErrorItem } from '../api/failures.js'
import { explain } from './explain.js'
import { PERSONAL_DATA, UNIT } from './field-schema.js'
import { nearestName } from './nearest.js'
import { pointer } from './pointer.js'

/**
 * The part of JSON Schema (2020-12) that a deployment's fields are described with: what masking, the reference page
 * and the generated types all understand. References and combinations (`$ref`, `anyOf`, …) are not in it, because
 * personal data inside them could not be found and masked for certain.
 */
const KEYWORDS = [
  'type',
  'title',
  'description',
  'examples',
  'enum',
  'const',
  'minLength',
  'maxLength',
  'pattern',
  'format',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'items',
  'minItems',
  'maxItems',
  'uniqueItems',
  'properties',
  'required',
  'additionalProperties',
  'minProperties',
  'maxProperties',
  PERSONAL_DATA,
  UNIT,
] as const

/** Names of fields, at every depth: they become names in generated code. */
const FIELD_NAME = /^[a-z][a-z0-9_]{0,63}$/
const FIELD_NAME_RULE = 'must be a name of small letters, digits and _, at most 64, a letter first'
const DANGEROUS_NAMES: readonly string[] = ['constructor', 'prototype']

/** What is wrong with the description of a field; empty when nothing. `path` leads to it. */
export function fieldProblems(ajv: Ajv2020, schema: unknown, path: readonly string[]): readonly ErrorItem[] {
  const errors = subsetProblems(schema, path, true)
  if (errors.length > 0 || !isObject(schema)) return errors
  if (ajv.validateSchema(schema) !== true) {
    const at = pointer(path)
    return explain({ name: 'a schema' }, ajv.errors ?? []).map((error) => ({ ...error, path: at + error.path }))
  }
  try {
    ajv.compile(schema)
    return []
  } catch (error) {
    return [
      { path: pointer(path), message: `is not a schema: ${error instanceof Error ? error.message : String(error)}` },
    ]
  }
}

/** Whether a name may be a field's. */
export function nameProblem(name: string): string | undefined {
  if (!FIELD_NAME.test(name)) return FIELD_NAME_RULE
  return DANGEROUS_NAMES.includes(name)
    ? 'is not accepted as a name: JavaScript readers would be harmed by it'
    : undefined
}

function subsetProblems(schema: unknown, path: readonly string[], named: boolean): readonly ErrorItem[] {
  if (!isObject(schema)) return [{ path: pointer(path), message: 'must be a JSON Schema, as an object' }]
  const errors: ErrorItem[] = []
  const keywords: readonly string[] = KEYWORDS
  for (const keyword of Object.keys(schema)) {
    if (keywords.includes(keyword)) continue
    const near = nearestName(keywords, keyword)
    const hint = near === undefined ? `accepted are ${keywords.join(', ')}` : `the nearest is ${near}`
    errors.push({
      path: pointer([...path, keyword]),
      message: `is not a keyword that fields are described with; ${hint}`,
    })
  }
  if (schema.type === undefined) errors.push({ path: pointer([...path, 'type']), message: TYPE_RULE })
  if (named && !(typeof schema.description === 'string' && schema.description.trim() !== '')) {
    errors.push({ path: pointer([...path, 'description']), message: 'must say what the field means' })
  }
  if (schema[PERSONAL_DATA] !== undefined && typeof schema[PERSONAL_DATA] !== 'boolean') {
    errors.push({ path: pointer([...path, PERSONAL_DATA]), message: 'must be true or false' })
  }
  if (schema[UNIT] !== undefined && typeof schema[UNIT] !== 'string') {
    errors.push({ path: pointer([...path, UNIT]), message: 'must be a unit, such as "s", "ms" or "EUR"' })
  }
  return [...errors, ...innerProblems(schema, path)]
}

const TYPE_RULE = 'must be string, number, integer, boolean, array, object or null, or a list of these'

function innerProblems(schema: Readonly<Record<string, unknown>>, path: readonly string[]): readonly ErrorItem[] {
  const { properties, items, additionalProperties } = schema
  const errors: ErrorItem[] = []
  if (items !== undefined) errors.push(...subsetProblems(items, [...path, 'items'], false))
  if (additionalProperties !== undefined && typeof additionalProperties !== 'boolean') {
    errors.push(...subsetProblems(additionalProperties, [...path, 'additionalProperties'], false))
  }
  for (const [name, member] of isObject(properties) ? Object.entries(properties) : []) {
    const at = [...path, 'properties', name]
    const wrong = nameProblem(name)
    if (wrong !== undefined) errors.push({ path: pointer(at), message: wrong })
    errors.push(...subsetProblems(member, at, true))
  }
  return errors
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
