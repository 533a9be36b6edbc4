import { isPermission, type Permission, parseResumePoint, permissionNames } from '@switchboard/contract/core'
import { InvalidArgumentError } from 'commander'

/** Small parsers for options and arguments. Each gives a value, or says what it would have taken. */

/** How much faster than life: `1`, `0.5`, `10`, `10x`, or `max` for no waiting at all (Infinity). */
export function parseSpeed(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY
  const speed = Number(/^(\d+(?:\.\d+)?)x?$/.exec(text)?.[1])
  if (!(speed > 0)) throw new InvalidArgumentError('Give a number above 0, such as 1, 0.5 or 20, or the word max.')
  return speed
}

/** A whole number from `low` to `high`. */
export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value >= low && value <= high) return value
    throw new InvalidArgumentError(`Give a whole number from ${low} to ${high}.`)
  }
}

/** A number above 0 and up to `high`. */
export function numberUpTo(high: number): (text: string) => number {
  return (text) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
    if (value > 0 && value <= high) return value
    throw new InvalidArgumentError(`Give a number above 0, up to ${high}.`)
  }
}

/** A position as lines of `tail --json` show it in `id`, or a number of Unix milliseconds. Gives back the text. */
export function parseAfter(text: string): string {
  if (parseResumePoint(text) !== undefined) return text
  throw new InvalidArgumentError('Give a position such as 1763788800123-42, or Unix milliseconds.')
}

/** Collects values of an option that may be repeated or hold several, separated by commas. */
export function parseList(text: string, before: readonly string[] = []): readonly string[] {
  const values = text.split(',').map((value) => value.trim())
  if (values.some((value) => value === '')) throw new InvalidArgumentError('A name between two commas is missing.')
  return [...new Set([...before, ...values])]
}

/** A list of permissions. */
export function parsePermissions(text: string, before: readonly Permission[] = []): readonly Permission[] {
  const names = parseList(text)
  const unknown = names.find((name) => !isPermission(name))
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`There is no permission ${unknown}. There are: ${permissionNames.join(', ')}.`)
  }
  return [...new Set([...before, ...names.filter(isPermission)])]
}

/** The address of a server, without a slash at its end. */
export function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new InvalidArgumentError('Give an address such as http://127.0.0.1:8080.')
  }
  if (url.username !== '' || url.password !== '') {
    throw new InvalidArgumentError('An address must not hold a password; give the key with --key.')
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}
