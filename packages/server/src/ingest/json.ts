import { isUtf8 } from 'node:buffer'
import { SwitchboardError } from '@switchboard/contract'
import { locateJsonFault } from './json-fault.js'

/** How a fault is placed for the caller: `body` or, for newline-delimited JSON, `line 3`. */
export type Place = 'body' | `line ${number}`

/**
 * The value a JSON text holds.
 *
 * A byte order mark before the text is ignored, as RFC 8259 allows. Of two members with one name the last one counts, as
 * everywhere in JavaScript; what is stored and delivered is written anew and so never holds a name twice.
 *
 * @throws SwitchboardError `invalid_json`, with line and column, and never with a piece of the text: it may hold
 * personal data.
 */
export function parseJson(bytes: Buffer, place: Place = 'body'): unknown {
  if (!isUtf8(bytes)) {
    const offset = firstInvalidUtf8(bytes)
    throw new SwitchboardError('invalid_json', `The ${place} is not UTF-8: byte ${offset} does not fit.`, {
      errors: [{ path: '', message: `invalid UTF-8 at byte ${offset}` }],
    })
  }
  const text = bytes.toString('utf8', startsWithMark(bytes) ? 3 : 0)
  try {
    return JSON.parse(text)
  } catch {
    const fault = locateJsonFault(text)
    const where = place === 'body' ? `line ${fault.line}, column ${fault.column}` : `column ${fault.column}`
    throw new SwitchboardError('invalid_json', `The ${place} is not JSON: ${fault.message} at ${where}.`, {
      errors: [{ path: '', message: `${fault.message} at ${where}` }],
    })
  }
}

function startsWithMark(bytes: Buffer): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
}

/** Offset of the first byte that cannot belong to UTF-8 (RFC 3629). Call it only when there is one. */
export function firstInvalidUtf8(bytes: Buffer): number {
  let at = 0
  while (at < bytes.length) {
    const length = sequenceLength(bytes[at] as number)
    // The shortest slice that is wrong tells where: one character is judged at a time.
    if (length === 0 || !isUtf8(bytes.subarray(at, at + length))) return at
    at += length
  }
  return bytes.length
}

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1
  if (lead >= 0xc2 && lead < 0xe0) return 2
  if (lead >= 0xe0 && lead < 0xf0) return 3
  if (lead >= 0xf0 && lead < 0xf5) return 4
  return 0
}

/** True for what JSON calls an object. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A JSON value's kind, for messages: what came instead of what is accepted. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  return `a ${typeof value}`
}
