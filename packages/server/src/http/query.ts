import { commaSeparated, type SwitchboardError } from '@switchboard/contract'
import { refusedParameter } from '../refused-parameter.js'

interface PropertySchema {
  readonly type?: string
}

/**
 * A query as its schema speaks of it. On the wire everything is text: here lists become arrays (given several times, or
 * between commas where the contract says so) and digits become numbers. What does not fit is left as it is, for the
 * schema to refuse with a message that names it.
 * @throws SwitchboardError `invalid_parameter` for a name that is not in the schema: a misspelt filter must not let
 * everything through.
 */
export function typedQuery(
  query: Readonly<Record<string, unknown>>,
  properties: Readonly<Record<string, PropertySchema>>,
): Record<string, unknown> {
  const typed: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(query)) {
    if (!Object.hasOwn(properties, name)) throw unknownName(name, Object.keys(properties))
    const type = properties[name]?.type
    if (type === 'array') typed[name] = listOf(name, value)
    else if (type === 'integer') typed[name] = numberOf(value)
    else typed[name] = value
  }
  return typed
}

function listOf(name: string, value: unknown): unknown[] {
  const values: unknown[] = Array.isArray(value) ? value : [value]
  if (!commaSeparated.includes(name)) return values
  return values.flatMap((text) => (typeof text === 'string' ? text.split(',').map((part) => part.trim()) : [text]))
}

function numberOf(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
}

function unknownName(name: string, known: readonly string[]): SwitchboardError {
  const accepted = known.length === 0 ? 'none is' : `known are ${known.join(', ')}`
  return refusedParameter(name, `is not a query parameter here; ${accepted}`)
}
