import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** Bytes of a sealing key: AES-256. */
export const SEALING_KEY_BYTES = 32

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Encrypts what is stored, so that a copy of the database alone gives no secret away. */
export interface Seal {
  /** @param place Where the text belongs. It opens only there: a record that is moved or copied does not. */
  close(place: string, text: string): string
  /** The text, or undefined when it was altered, moved, or sealed with another key. */
  open(place: string, sealed: string): string | undefined
}

/**
 * AES-256-GCM. Sealed text is base64 of `nonce | tag | ciphertext`; nonces are random, which is safe for 2^32 of them.
 * @param key `SEALING_KEY_BYTES` random bytes, kept apart from what they seal.
 */
export function createSeal(key: Buffer): Seal {
  if (key.length !== SEALING_KEY_BYTES) throw new RangeError(`A sealing key has ${SEALING_KEY_BYTES} bytes`)
  return {
    close(place, text) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place, 'utf8'))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64')
    },
    open(place, sealed) {
      const bytes = Buffer.from(sealed, 'base64')
      if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      }).setAAD(Buffer.from(place, 'utf8'))
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
      try {
        return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString()
      } catch {
        return undefined
      }
    },
  }
}
