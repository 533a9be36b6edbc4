import type { ErrorItem } from '../api/failures.js'
import type { EventType, JsonObject } from './define.js'
import { requiredFields } from './event-type.js'

/** A pair of names of one field, ready for use. */
export interface Pair {
  readonly names: readonly [string, string]
  readonly required: boolean
}

export function pairsOf(type: EventType): readonly Pair[] {
  const required = new Set(requiredFields(type))
  return (type.spellings ?? []).map(({ names }) => ({ names, required: names.some((name) => required.has(name)) }))
}

/** What is wrong with how an event uses a pair; undefined when one name, or both with one value, are there. */
export function pairError(type: EventType, { names, required }: Pair, input: JsonObject): ErrorItem | undefined {
  const [first, second] = names
  const a = input[first]
  const b = input[second]
  if (a === undefined && b === undefined) {
    if (!required) return undefined
    return { path: `/${first}`, message: `is missing: ${type.type} needs ${first}, or ${second}, its other name` }
  }
  if (a === undefined || b === undefined || sameJson(a, b)) return undefined
  return {
    path: `/${second}`,
    message: `differs from ${first}: they are two names of one field; send one, or both alike`,
  }
}

/** Whether two JSON values are equal; the order of an object's members does not count. Both are known to be shallow. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
    return a.every((item, index) => sameJson(item, b[index]))
  }
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  const left = a as JsonObject
  const right = b as JsonObject
  return keys.every((key) => Object.hasOwn(b, key) && sameJson(left[key], right[key]))
}
