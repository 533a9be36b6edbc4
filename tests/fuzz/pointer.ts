/** A pointer that grew too long ends in this, and so points at nothing for certain. */
const CUT_OFF = '…'

/**
 * Whether a JSON pointer (RFC 6901) leads to something, or to the place in an object where something is missing. One that was
 * cut off is followed as far as it goes.
 */
export function leadsSomewhere(root: unknown, pointer: string): boolean {
  if (pointer === '') return true
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) return false
  const keys = pointer
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  let value = root
  for (const [index, key] of keys.entries()) {
    if (typeof value !== 'object' || value === null) return false
    if (!Object.hasOwn(value, key)) {
      const isLast = index === keys.length - 1
      return isLast && (key.endsWith(CUT_OFF) || !Array.isArray(value))
    }
    value = (value as Record<string, unknown>)[key]
  }
  return true
}
