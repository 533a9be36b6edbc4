import { InvalidArgumentError } from 'commander'

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g

/** Longer than anything is kept, and short enough to count with. */
const DURATION_DAYS_MAX = 3650

/** Milliseconds of a text such as `90s`, `15m`, `1h30m` or `250ms`, or undefined when it is none. */
export function durationMs(text: string): number | undefined {
  if (!WHOLE.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(PART)) total += Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS]
  return Math.round(total)
}

/** For options: a duration above zero, in milliseconds. @throws InvalidArgumentError */
export function parseDuration(text: string): number {
  const ms = durationMs(text)
  if (ms === undefined || ms === 0) throw new InvalidArgumentError('Give a duration such as 30s, 15m, 1h30m or 7d.')
  if (ms > DURATION_DAYS_MAX * UNIT_MS.d) throw new InvalidArgumentError(`Give at most ${DURATION_DAYS_MAX}d.`)
  return ms
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/

/**
 * For `--since`: a duration before now, or an ISO time with its offset. Gives back a text that means the same to the server,
 * whose clock it is that counts. @throws InvalidArgumentError
 */
export function parseSince(text: string): string {
  if (durationMs(text)) {
    const ms = parseDuration(text)
    // The server counts in one unit, of up to nine digits.
    return ms < 10 * UNIT_MS.s ? `${ms}ms` : `${Math.ceil(ms / UNIT_MS.s)}s`
  }
  if (INSTANT.test(text) && !Number.isNaN(Date.parse(text))) return text
  throw new InvalidArgumentError('Give a duration such as 15m, or a time with its offset such as 2026-01-31T09:00:00Z.')
}
