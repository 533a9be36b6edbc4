import type { TSchema } from 'typebox'

/**
 * The schema without `x-` annotations, for validators that refuse keywords they do not know (Fastify's ajv does). A
 * property that is called `x-…`, such as a header, is no annotation and stays.
 */
export function plainSchema<T extends TSchema>(schema: T): T {
  return strip(schema, false) as T
}

function strip(value: unknown, names: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => strip(item, false))
  if (typeof value !== 'object' || value === null) return value
  const kept: Record<string, unknown> = {}
  for (const [key, member] of Object.entries(value)) {
    if (!names && key.startsWith('x-')) continue
    // Below these, keys are names that somebody chose, and below the next ones, plain data.
    if (!names && (key === 'const' || key === 'enum' || key === 'default' || key === 'examples')) kept[key] = member
    else kept[key] = strip(member, !names && (key === 'properties' || key === 'patternProperties' || key === '$defs'))
  }
  return kept
}
