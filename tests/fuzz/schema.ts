import fc from 'fast-check'

/** What of JSON Schema our documents are written with. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
}

/** Texts and lists are short even where a schema lets them be long: what is long has its own tests. */
const CHARS_MAX = 24
const ITEMS_MAX = 3

/** Values that a schema describes. `resolve` follows references. */
export function valuesOf(schema: Schema, resolve: (reference: string) => Schema): fc.Arbitrary<unknown> {
  const of = (inner: Schema): fc.Arbitrary<unknown> => valuesOf(inner, resolve)
  if (schema.$ref !== undefined) return of(resolve(schema.$ref))
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  const { type, anyOf, oneOf, allOf } = schema
  const either = (anyOf ?? oneOf)?.filter(({ required, ...more }) => Object.keys(more).length > 0)
  if (either !== undefined && either.length > 0) return fc.oneof(...either.map(of))
  if (type === undefined && allOf?.length === 1) return of(allOf[0] as Schema)
  if (typeof type === 'object') return fc.oneof(...type.map((one) => of({ ...schema, type: one })))
  switch (type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
      return fc.integer({
        min: Math.max(schema.minimum ?? -1000, -(2 ** 31)),
        max: Math.min(schema.maximum ?? 1e6, 2 ** 31 - 1),
      })
    case 'number': {
      const { minimum: min = -1e6, maximum: max = 1e9 } = schema
      return fc.oneof(fc.double({ min, max, noNaN: true }), fc.constantFrom(min, max)).map((value) => value + 0)
    }
    case 'string':
      return textsOf(schema)
    case 'array': {
      const { items = {}, minItems: minLength = 0, maxItems = ITEMS_MAX, uniqueItems } = schema
      const bounds = { minLength, maxLength: Math.max(minLength, Math.min(maxItems, ITEMS_MAX)) }
      return uniqueItems ? fc.uniqueArray(of(items), bounds) : fc.array(of(items), bounds)
    }
    case 'object':
      return objectsOf(schema, of)
    default:
      return fc.jsonValue({ maxDepth: 2 }).map(plain)
  }
}

function objectsOf(schema: Schema, of: (inner: Schema) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties, patternProperties } = schema
  const known = fc.record(Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, of(inner)])), {
    requiredKeys: required.filter((name) => name in properties),
  })
  const others =
    typeof additionalProperties === 'object' ? additionalProperties : Object.values(patternProperties ?? {})[0]
  const isOpen = others !== undefined || (additionalProperties === true && Object.keys(properties).length === 0)
  if (!isOpen) return known.map(plain)
  // Names that JavaScript's own objects have are refused everywhere.
  const names = fc.stringMatching(/^[a-z][a-z_]{0,8}$/).filter((name) => !(name in {}) && name !== 'prototype')
  return fc
    .tuple(known, fc.dictionary(names, of(others ?? {}), { maxKeys: ITEMS_MAX }))
    .map(([a, b]) => plain({ ...b, ...a }))
}

function textsOf({ format, pattern, minLength = 0, maxLength = CHARS_MAX }: Schema): fc.Arbitrary<string> {
  if (format === 'date-time') {
    const bounds = { min: new Date(0), max: new Date(Date.UTC(2100, 0)), noInvalidDate: true }
    return fc.date(bounds).map((date) => date.toISOString())
  }
  if (format === 'uuid') return fc.uuid()
  const bounds = { minLength, maxLength: Math.max(minLength, Math.min(maxLength, CHARS_MAX)) }
  const text = fc.string({ unit: 'grapheme', ...bounds })
  if (pattern === undefined) return text
  const matches = new RegExp(pattern, 'u')
  // Looking ahead is not something to make texts of: what does not fit is left out.
  const plainPattern = new RegExp(pattern.replace(/\(\?!.*?\)/, ''), 'u')
  const made = fc.stringMatching(plainPattern, { maxLength: CHARS_MAX })
  return fc
    .oneof(made, text)
    .filter(
      (value) =>
        matches.test(value) && value.length >= minLength && value.length <= maxLength && !/\p{Cs}/u.test(value),
    )
}

/** As it comes from JSON: with an object's usual prototype, and nothing that JSON does not know. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}
