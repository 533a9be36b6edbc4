import type { JsonObject } from './catalogue/define.js'

/**
 * How the records of an audit trail hang together, for whoever writes, reads or verifies them.
 *
 *     genesis ◀──previous── [1] ◀──previous── [2] ◀──previous── [3] = head
 *
 * A record's hash is the SHA-256, in lower-case hexadecimal, of the UTF-8 of its canonical JSON (RFC 8785) without the
 * member `hash`. `previous` is a member like the others, so that a hash stands for everything before it.
 */

/** What the first record of a workspace has as `previous`. */
export const AUDIT_GENESIS = '0'.repeat(64)

/** A place in a chain: all up to a record, and what it hashes to. */
export interface ChainPlace {
  readonly sequence: number
  readonly hash: string
}

/**
 * Canonical JSON (RFC 8785): members in the order of their names' UTF-16 units, no spaces, numbers and texts as
 * `JSON.stringify` writes them. Of what JSON can hold, and nothing else.
 */
export function canonicalJson(value: unknown): string {
  return isInOrder(value) ? JSON.stringify(value) : ordered(value)
}

/** Whether `JSON.stringify` writes it in that order by itself, four times as fast. It moves names that are numbers to the front. */
function isInOrder(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isInOrder)
  let before = ''
  for (const name of Object.keys(value)) {
    if (name <= before || /^[0-9]/.test(name) || !isInOrder((value as JsonObject)[name])) return false
    before = name
  }
  return true
}

function ordered(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(ordered).join(',')}]`
  // Without a comparison of its own, sort goes by UTF-16 units.
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${ordered((value as JsonObject)[name])}`)
  return `{${members.join(',')}}`
}

/** What a record's hash is taken of. */
export function auditText({ hash: _, ...record }: JsonObject): string {
  return canonicalJson(record)
}

/** Why a record cannot stand behind another. */
export type AuditBreak = 'not_a_record' | 'missing' | 'out_of_order' | 'altered' | 'not_linked'

/**
 * Whether a record stands behind another.
 * @param after The record before it; undefined: the first that is at hand, whose `previous` is taken as it is, unless it
 *   is the chain's first.
 * @param sha256 In lower-case hexadecimal, of a text's UTF-8.
 */
export function auditBreak(
  record: JsonObject,
  after: ChainPlace | undefined,
  sha256: (text: string) => string,
): AuditBreak | undefined {
  const { sequence, previous, hash } = record
  if (!Number.isSafeInteger(sequence) || typeof previous !== 'string' || typeof hash !== 'string') return 'not_a_record'
  const due = after === undefined ? undefined : after.sequence + 1
  if (due !== undefined && sequence !== due) return (sequence as number) > due ? 'missing' : 'out_of_order'
  if (sha256(auditText(record)) !== hash) return 'altered'
  const expected = after?.hash ?? (sequence === 1 ? AUDIT_GENESIS : previous)
  return previous === expected ? undefined : 'not_linked'
}
