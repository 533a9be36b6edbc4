/** A path that is longer says no more about where the mistake is. */
const POINTER_CHARS_MAX = 256

/** The JSON pointer (RFC 6901) to what stands under these keys; the empty text is the whole value. */
export function pointer(keys: readonly string[]): string {
  const path = keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
  return path.length <= POINTER_CHARS_MAX ? path : `${path.slice(0, POINTER_CHARS_MAX)}…`
}
