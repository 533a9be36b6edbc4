import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * The text of credentials that people and programs keep.
 *
 *     sb_<key_id>_<secret>      letters and digits only between the underscores
 *
 * All characters fit an RFC 6455 subprotocol token, a header and a shell word, and a secret scanner finds the prefix.
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** Bytes at or above the largest multiple of 62 are thrown away, or the first letters would come more often. */
const BYTE_LIMIT = 256 - (256 % ALPHABET.length)

/** 12 of 62 characters are 71 bits: ids do not collide, and they are no secret. */
const KEY_ID_CHARS = 12

/** 43 of 62 characters are 256 bits. */
const SECRET_CHARS = 43

const API_KEY = /^sb_([A-Za-z0-9]{1,64})_([A-Za-z0-9]{22,128})$/

/** Letters and digits from the system's random source. */
export function randomText(chars: number): string {
  let text = ''
  while (text.length < chars) {
    for (const byte of randomBytes(chars)) {
      if (byte < BYTE_LIMIT && text.length < chars) text += ALPHABET[byte % ALPHABET.length]
    }
  }
  return text
}

export function newKeyId(): string {
  return randomText(KEY_ID_CHARS)
}

/** A new credential for a key id. Its text is shown once and nowhere kept. */
export function newApiKey(keyId: string): string {
  return `sb_${keyId}_${randomText(SECRET_CHARS)}`
}

/** The key id inside an API key, or undefined when the text has another shape. */
export function keyIdOf(credential: string): string | undefined {
  return API_KEY.exec(credential)?.[1]
}

/** True for what was surely meant as an API key, well-formed or not. */
export function looksLikeApiKey(credential: string): boolean {
  return credential.startsWith('sb_')
}

/** What is kept of a credential: SHA-256 of its whole text. No salt is needed, a random secret has no dictionary. */
export function digest(credential: string): Buffer {
  // In one call, since every request does this: 0.6 µs, and with a hash object 1.0 µs and work for the collector.
  return hash('sha256', credential, 'buffer')
}

/** Compares two digests in a time that does not depend on where they differ. */
export function sameDigest(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
