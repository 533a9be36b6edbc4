import type { ErrorItem } from '../api/failures.js'
import { limits } from '../api/limits.js'
import { pointer } from './pointer.js'

/**
 * What no schema says of a JSON value and every reader relies on: it is not nested too deep, its keys cannot be taken
 * for parts of an object's machinery, its numbers are numbers and its texts are valid Unicode.
 */
export interface Wholesome {
  readonly errors: readonly ErrorItem[]
  /** How many values there are, inner ones included. Counting stops with the errors. */
  readonly values: number
}

/** More errors than a person reads at once are of no use. */
export const ERRORS_MAX = 20

/** JavaScript readers drop these keys or, worse, change the objects' behaviour by them. */
const DANGEROUS_KEYS: readonly string[] = ['__proto__', 'constructor', 'prototype']
const LONE_SURROGATE = /[\uD800-\uDFFF]/u

interface Place {
  readonly value: object
  readonly key: string
  readonly parent: Place | undefined
  readonly depth: number
}

/** Looks at every value once, without recursion: a deep value must not exhaust the stack before it is refused. */
export function checkWholesome(root: object): Wholesome {
  const errors: ErrorItem[] = []
  const waiting: Place[] = [{ value: root, key: '', parent: undefined, depth: 1 }]
  let values = 1
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const { value } = place
    const isArray = Array.isArray(value)
    for (const key of Object.keys(value)) {
      values += 1
      if (errors.length >= ERRORS_MAX) return { errors, values }
      if (!isArray) {
        const wrong = keyProblem(key)
        if (wrong !== undefined) {
          errors.push({ path: pathTo(place, key), message: wrong })
          continue
        }
      }
      const child: unknown = (value as Record<string, unknown>)[key]
      if (typeof child === 'object' && child !== null) {
        if (place.depth < limits.eventDepthMax) {
          waiting.push({ value: child, key, parent: place, depth: place.depth + 1 })
        } else {
          const message = `is nested too deep: an event may have ${limits.eventDepthMax} levels of objects and arrays`
          errors.push({ path: pathTo(place, key), message })
        }
        continue
      }
      const wrong = valueProblem(child)
      if (wrong !== undefined) errors.push({ path: pathTo(place, key), message: wrong })
    }
  }
  return { errors, values }
}

function keyProblem(key: string): string | undefined {
  if (DANGEROUS_KEYS.includes(key)) {
    return 'is not accepted as a name: JavaScript readers would drop it or be harmed by it'
  }
  return LONE_SURROGATE.test(key) ? 'has a name that is not valid Unicode (half of a surrogate pair)' : undefined
}

function valueProblem(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return LONE_SURROGATE.test(value) ? 'is not valid Unicode: it holds half of a surrogate pair' : undefined
    case 'number':
      // JSON.parse reads 1e999 as Infinity, which JSON cannot say.
      return Number.isFinite(value) ? undefined : 'is a number out of range'
    case 'boolean':
    case 'object':
      return undefined
    default:
      return `is not a JSON value (${typeof value})`
  }
}

function pathTo(place: Place, key: string): string {
  const keys = [key]
  for (let at = place; at.parent !== undefined; at = at.parent) keys.unshift(at.key)
  return pointer(keys)
}
