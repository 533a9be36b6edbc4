import { createHmac, hkdfSync } from 'node:crypto'

/**
 * A digest of what an idempotency key stands for. Two bodies that mean the same have the same fingerprint, however they
 * are spaced or ordered. The value must have passed the catalogue, which bounds its depth.
 */
export type Fingerprint = (value: unknown) => string

/**
 * HMAC-SHA-256 of the value with its members in a fixed order, base64url. Keyed, since it stays for a day beside what may
 * be erased: without the key nobody finds a phone number out by trying them all.
 * @param secretOf The deployment's, so that all its processes come to the same.
 */
export function createFingerprint(secretOf: () => Uint8Array): Fingerprint {
  let secret: Uint8Array | undefined
  let key = Buffer.alloc(0)
  return (value) => {
    const current = secretOf()
    if (current !== secret) key = Buffer.from(hkdfSync('sha256', current, '', 'switchboard fingerprint 1', 32))
    secret = current
    return createHmac('sha256', key).update(canonicalJson(value)).digest('base64url')
  }
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
