import { crc32c } from './crc32c.js'

/**
 * What every stored value carries: LMDB keeps no checksums, so that a flipped bit would come back as altered data (P7).
 *
 *     u32 CRC-32C of the key and the payload | payload
 *
 * The key is part of it: a value that damage has put under another key is found out too.
 */
export const SEAL_BYTES = 4

/** Writes the checksum into the first four bytes of `value`, whose payload is behind them. */
export function sealInPlace(key: Uint8Array, value: Buffer): Buffer {
  value.writeUInt32LE(crc32c(value.subarray(SEAL_BYTES), crc32c(key)), 0)
  return value
}

export function seal(key: Uint8Array, payload: Uint8Array): Buffer {
  const value = Buffer.allocUnsafe(SEAL_BYTES + payload.length)
  value.set(payload, SEAL_BYTES)
  return sealInPlace(key, value)
}

/** The payload, or undefined when it is not what was stored. */
export function unseal(key: Uint8Array, value: Buffer): Buffer | undefined {
  if (value.length < SEAL_BYTES) return undefined
  const payload = value.subarray(SEAL_BYTES)
  return crc32c(payload, crc32c(key)) === value.readUInt32LE(0) ? payload : undefined
}

export function sealJson(key: Uint8Array, value: unknown): Buffer {
  return sealText(key, JSON.stringify(value))
}

export function sealText(key: Uint8Array, text: string): Buffer {
  const sealed = Buffer.allocUnsafe(SEAL_BYTES + Buffer.byteLength(text))
  sealed.write(text, SEAL_BYTES)
  return sealInPlace(key, sealed)
}
