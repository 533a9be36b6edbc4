import { Type as TypeBox } from 'typebox'
import { expect, test } from 'vitest'
import { Type } from './type.js'

const options = { description: 'What it is.', 'x-unit': 's' }

/** One schema of each kind, with options and without, made by either. */
function schemas(type: typeof Type) {
  const members = { a: type.String(), b: type.Optional(type.Integer(options)), c: type.Optional(type.Unsafe({})) }
  const all = [
    ...[type.Array(type.Null()), type.Array(type.Number(), { ...options, minItems: 1 })],
    ...[type.Boolean(), type.Boolean(options), type.Null(), type.Null(options)],
    ...[
      type.Integer(),
      type.Integer(options),
      type.Number(),
      type.Number(options),
      type.String(),
      type.String(options),
    ],
    ...[type.Enum(['a', 'b']), type.Enum(['a', 'b'], options)],
    ...[type.Literal('a'), type.Literal(1, options), type.Literal(true)],
    ...[type.Object({}), type.Object(members), type.Object(members, { ...options, additionalProperties: false })],
    ...[type.Record(type.String(), type.Number()), type.Record(type.String(), type.Number(), options)],
    ...[type.Union([type.String(), type.Null()]), type.Union([type.String(), type.Null()], options)],
    type.Unsafe({ type: ['string', 'null'], ...options }),
  ]
  return [...all, ...all.map((schema) => type.Optional(schema)), ...all.map((schema) => type.Unsafe(schema))]
}

test('makes the schemas that TypeBox makes, keyword for keyword in the same order', () => {
  expect(schemas(Type).map((schema) => JSON.stringify(schema))).toEqual(
    schemas(TypeBox).map((schema) => JSON.stringify(schema)),
  )
})

test('marks what may be absent as TypeBox does, so that each knows the marks of the other', () => {
  const ours = schemas(Type)
  const theirs = schemas(TypeBox)
  expect(ours.map(Type.IsOptional)).toEqual(theirs.map(TypeBox.IsOptional))
  expect(ours.map(TypeBox.IsOptional)).toEqual(theirs.map(Type.IsOptional))
  const optional = Type.Optional(Type.String())
  expect(Type.IsOptional(Type.Unsafe(optional))).toBe(TypeBox.IsOptional(TypeBox.Unsafe(optional)))
})

test('leaves a schema that is made optional as it was', () => {
  const schema = Type.String()
  Type.Optional(schema)
  expect(Type.IsOptional(schema)).toBe(false)
})
