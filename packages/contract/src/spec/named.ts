import { catalogueUnions, namedSchemas } from '../api/schemas/index.js'
import type { JsonObject } from '../catalogue/define.js'

/** Where named schemas stand in both documents. */
export const SCHEMAS = '#/components/schemas/'

export function reference(name: string): JsonObject {
  return { $ref: `${SCHEMAS}${name}` }
}

/** The schema as plain JSON, with every named schema inside it replaced by a reference. */
export function referenced(schema: object): JsonObject {
  return replace(schema, true) as JsonObject
}

/** Every named schema of the API as a component, those that the catalogue fills apart. */
export function apiSchemas(): Record<string, JsonObject> {
  const schemas: Record<string, JsonObject> = {}
  for (const [name, schema] of namedSchemas) {
    if (name in catalogueUnions) continue
    // Its name is its key: a title would only say it again.
    const { title: _, ...described } = replace(schema, false) as JsonObject
    schemas[name] = described
  }
  return schemas
}

function replace(value: unknown, mayBeNamed: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => replace(item, true))
  if (typeof value !== 'object' || value === null) return value
  if (mayBeNamed && 'title' in value && typeof value.title === 'string' && namedSchemas.has(value.title)) {
    return reference(value.title)
  }
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, replace(member, true)]))
}
