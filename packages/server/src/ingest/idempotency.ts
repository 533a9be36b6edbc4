import { limits, SwitchboardError } from '@switchboard/contract'

const KEY = new RegExp(`^[\\x21-\\x7e]{1,${limits.idempotencyKeyCharsMax}}$`)

const ACCEPTED = `1 to ${limits.idempotencyKeyCharsMax} visible ASCII characters`

/** What is wrong with an idempotency key, or undefined when nothing is. */
export function faultOfKey(key: unknown): string | undefined {
  return typeof key === 'string' && KEY.test(key) ? undefined : `must be ${ACCEPTED}`
}

/**
 * The key of an `Idempotency-Key` header, or undefined when there is none.
 * @throws SwitchboardError `invalid_idempotency_key`.
 */
export function idempotencyKeyOf(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  if (typeof header === 'string' && KEY.test(header)) return header
  throw new SwitchboardError('invalid_idempotency_key', `Idempotency-Key must be ${ACCEPTED}, sent once.`)
}

/**
 * Keys as the log knows them. A channel's keys share one space there, and the three kinds must not meet: a request's
 * key, the key of one line of a request, and the key that an event itself brought.
 */
export const logKeys = {
  request: (key: string) => `r:${key}`,
  line: (key: string, line: number) => `l:${line}:${key}`,
  event: (key: string) => `e:${key}`,
} as const
