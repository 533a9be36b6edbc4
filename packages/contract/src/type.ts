import type { TSchema, Type as TypeBox } from 'typebox'

/**
 * What the contract uses of TypeBox to write JSON Schemas: its types, made here. TypeBox itself comes in 370 modules,
 * which took every process that loads the contract a quarter of a second to start.
 */
type Builders = Pick<
  typeof TypeBox,
  | 'Array'
  | 'Boolean'
  | 'Enum'
  | 'Integer'
  | 'IsOptional'
  | 'Literal'
  | 'Null'
  | 'Number'
  | 'Object'
  | 'Optional'
  | 'Record'
  | 'String'
  | 'Union'
  | 'Unsafe'
>

/** As TypeBox marks a member that may be absent: on its schema, where nobody who lists or serializes keywords sees it. */
const OPTIONAL = '~optional'

const isOptional = (schema: unknown): boolean => typeof schema === 'object' && schema !== null && OPTIONAL in schema

/** The same schema as another object. */
const copy = (schema: object): object => Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema))

const simple = (type: string) => (options?: object) => ({ type, ...options })

// Options come last and win, as in TypeBox. The cast: its types are told apart by members that exist for the compiler.
export const Type: Builders = {
  Array: (items: TSchema, options?: object) => ({ type: 'array', items, ...options }),
  Boolean: simple('boolean'),
  Enum: (values: readonly unknown[], options?: object) => ({ enum: values, ...options }),
  Integer: simple('integer'),
  IsOptional: isOptional,
  Literal: (value: unknown, options?: object) => ({ type: typeof value, const: value, ...options }),
  Null: simple('null'),
  Number: simple('number'),
  Object(properties: Readonly<Record<string, TSchema>>, options?: object) {
    const required = Object.keys(properties).filter((name) => !isOptional(properties[name]))
    return { type: 'object', ...(required.length > 0 && { required }), properties, ...options }
  },
  Optional: (schema: TSchema) => Object.defineProperty(copy(schema), OPTIONAL, { value: true }),
  /** Keys are any text, whatever the schema of keys says. */
  Record: (_keys: TSchema, values: TSchema, options?: object) => ({
    type: 'object',
    patternProperties: { '^.*$': values },
    ...options,
  }),
  String: simple('string'),
  Union: (anyOf: readonly TSchema[], options?: object) => ({ anyOf, ...options }),
  Unsafe: copy,
} as unknown as Builders
