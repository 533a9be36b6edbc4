import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'

/** Bytes of a key: AES-256. */
export const CIPHER_KEY_BYTES = 32

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** What encryption adds to a text, in bytes. */
export const CIPHER_ADDS_BYTES = NONCE_BYTES + TAG_BYTES

/**
 * AES-256-GCM: `nonce | tag | ciphertext`. Nonces are random, which is safe for 2^32 texts of one key.
 * @param place Where the text belongs. It opens only there: what is moved or copied elsewhere does not.
 */
export function encrypt(key: KeyObject | Buffer, place: Buffer, text: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(place)
  const body = cipher.update(text)
  cipher.final()
  return Buffer.concat([nonce, cipher.getAuthTag(), body])
}

/** The text, or undefined when it was altered, moved, or encrypted with another key. */
export function decrypt(key: KeyObject | Buffer, place: Buffer, bytes: Buffer): Buffer | undefined {
  if (bytes.length < CIPHER_ADDS_BYTES) return undefined
  const nonce = bytes.subarray(0, NONCE_BYTES)
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(place)
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, CIPHER_ADDS_BYTES))
  try {
    const text = decipher.update(bytes.subarray(CIPHER_ADDS_BYTES))
    decipher.final()
    return text
  } catch {
    return undefined
  }
}
