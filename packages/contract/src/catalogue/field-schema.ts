import type { TSchema } from 'typebox'

/** Marks a field, or the values of a map, as personal data. */
export const PERSONAL_DATA = 'x-personal-data'
/** The unit of a quantity: `s`, `ms`, `unix s`, `tokens`. */
export const UNIT = 'x-unit'

/** The JSON Schema keywords that a field is described with, as they are read back from a `TSchema`. */
export interface FieldSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly required?: readonly string[]
  readonly items?: TSchema
  readonly additionalProperties?: boolean | TSchema
  readonly [keyword: string]: unknown
}

export function isPersonal(schema: TSchema): boolean {
  return (schema as FieldSchema)[PERSONAL_DATA] === true
}

/** The JSON types a field may have, `null` included. */
export function typesOf(schema: TSchema): readonly string[] {
  const { type } = schema as FieldSchema
  return type === undefined ? [] : typeof type === 'string' ? [type] : type
}

/** Whether personal data may stand in a value of this schema, at any depth. */
export function holdsPersonalData(schema: TSchema): boolean {
  const { properties, additionalProperties, items } = schema as FieldSchema
  return (
    isPersonal(schema) ||
    (items !== undefined && holdsPersonalData(items)) ||
    (typeof additionalProperties === 'object' && holdsPersonalData(additionalProperties)) ||
    Object.values(properties ?? {}).some(holdsPersonalData)
  )
}
