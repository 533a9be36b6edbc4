import { CIPHER_KEY_BYTES, decrypt, encrypt } from '../cipher.js'

/** Bytes of a sealing key. */
export const SEALING_KEY_BYTES = CIPHER_KEY_BYTES

/** Encrypts what is stored, so that a copy of the database alone gives no secret away. */
export interface Seal {
  /** @param place Where the text belongs. It opens only there: a record that is moved or copied does not. */
  close(place: string, text: string): string
  /** The text, or undefined when it was altered, moved, or sealed with another key. */
  open(place: string, sealed: string): string | undefined
}

/**
 * Sealed text is base64.
 * @param key `SEALING_KEY_BYTES` random bytes, kept apart from what they seal.
 */
export function createSeal(key: Buffer): Seal {
  if (key.length !== SEALING_KEY_BYTES) throw new RangeError(`A sealing key has ${SEALING_KEY_BYTES} bytes`)
  return {
    close: (place, text) => encrypt(key, Buffer.from(place), Buffer.from(text)).toString('base64'),
    open: (place, sealed) => decrypt(key, Buffer.from(place), Buffer.from(sealed, 'base64'))?.toString(),
  }
}
