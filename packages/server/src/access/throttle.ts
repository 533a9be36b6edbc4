import { isIPv6 } from 'node:net'
import { limits, SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'

const WINDOW_MS = 60_000

/** Addresses remembered at a time, about 10 MB. Beyond it the one whose window began first is forgotten. */
const ADDRESSES_MAX = 100_000

/** Counts failed credentials per address. Successful traffic never comes here. */
export interface Throttle {
  /**
   * Counts one failure.
   * @throws SwitchboardError `rate_limited` when the address has used up its failures of this minute.
   */
  failed(address: string): void
  /** Counts failures that another process has answered. */
  count(address: string, failures: number): void
  /** True when one more failure would be one too many. */
  isSpent(address: string): boolean
}

/**
 * A fixed window per address: it begins with the first failure, holds `limits.failedCredentialsPerMinute` of them and
 * ends a minute later, however many refusals came in between. Time is monotonic, so that a clock that jumps frees nobody
 * and locks nobody out.
 */
export function createThrottle(clock: Clock): Throttle {
  // In the order in which the windows began: the first key is the one to forget.
  const windows = new Map<string, Window>()

  function add(address: string, failures: number, now: number): Window {
    const key = networkOf(address)
    const open = windows.get(key)
    if (open !== undefined && now - open.began < WINDOW_MS) {
      open.count += failures
      return open
    }
    const opened = { began: now, count: failures }
    windows.delete(key)
    windows.set(key, opened)
    forget(windows, now)
    return opened
  }

  return {
    failed(address) {
      const now = clock.monotonic()
      const { began, count } = add(address, 1, now)
      if (count > limits.failedCredentialsPerMinute) throw tooMany(began + WINDOW_MS - now)
    },
    count(address, failures) {
      add(address, failures, clock.monotonic())
    },
    isSpent(address) {
      const open = windows.get(networkOf(address))
      if (open === undefined || clock.monotonic() - open.began >= WINDOW_MS) return false
      return open.count >= limits.failedCredentialsPerMinute
    },
  }
}

interface Window {
  readonly began: number
  count: number
}

function forget(windows: Map<string, Window>, now: number): void {
  for (const [key, { began }] of windows) {
    if (now - began < WINDOW_MS && windows.size <= ADDRESSES_MAX) return
    windows.delete(key)
  }
}

function tooMany(leftMs: number): SwitchboardError {
  const retryAfterSeconds = Math.max(1, Math.ceil(leftMs / 1000))
  return new SwitchboardError(
    'rate_limited',
    `Too many failed credentials from this address: ${limits.failedCredentialsPerMinute} a minute are allowed. Try again in ${retryAfterSeconds} s, with a valid one.`,
    { retryAfterSeconds },
  )
}

/** One IPv6 subscriber has a whole /64 to take addresses from, so that is what counts as one address. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped?.[1] !== undefined) return mapped[1]
  const [head = '', tail] = (address.split('%')[0] as string).toLowerCase().split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0)
    while (groups.length + after < 8) groups.push('0')
    if (tail !== '') groups.push(...tail.split(':'))
  }
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}
