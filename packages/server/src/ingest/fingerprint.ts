import { createHash } from 'node:crypto'

/**
 * A digest of what an idempotency key stands for: SHA-256 of the value with its members in a fixed order, base64url.
 * Two bodies that mean the same have the same fingerprint, however they are spaced or ordered.
 * The value must have passed the catalogue, which bounds its depth.
 */
export function fingerprint(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('base64url')
}

/** JSON with the members of every object sorted by name. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    members.sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`
  }
  return JSON.stringify(value)
}
