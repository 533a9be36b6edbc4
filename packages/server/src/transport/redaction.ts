import type { Principal } from '../access/principal.js'

/** Whether personal data must be masked for this reader. */
export function mustMask({ kind, permissions }: Principal): boolean {
  return kind !== 'admin' && !permissions.has('pii:read')
}
