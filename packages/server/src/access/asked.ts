import {
  type ErrorItem,
  isPermission,
  limits,
  PATH_ID_PATTERN,
  type Permission,
  permissionNames,
  SwitchboardError,
} from '@switchboard/contract'

/** Checks of what callers ask for. Routes check against the same schemas; these hold for every other way in. */

const SLUG = new RegExp(`^[a-z0-9](?:[a-z0-9-]{0,${limits.slugCharsMax - 2}}[a-z0-9])?$`)
const CALL_SID = new RegExp(PATH_ID_PATTERN)
const SECRET_NAME = /^[a-z0-9][a-z0-9_.-]{0,62}$/
// Control and direction characters: a name is shown in lists and terminals.
const UNSHOWABLE = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/

/** @throws SwitchboardError `invalid_request` unless everything was in order. */
export function refuseIf(errors: readonly (ErrorItem | undefined)[]): void {
  const found = errors.filter((error) => error !== undefined)
  if (found.length === 0) return
  const detail = found.map(({ path, message }) => `${path} ${message}`).join('; ')
  throw new SwitchboardError('invalid_request', `${detail}.`, { errors: found })
}

export function nameError(name: unknown): ErrorItem | undefined {
  const path = '/name'
  if (typeof name !== 'string' || name.trim() === '') return { path, message: 'must be a text that is not empty' }
  if (name.length > limits.nameCharsMax) return { path, message: `must have at most ${limits.nameCharsMax} characters` }
  return UNSHOWABLE.test(name) ? { path, message: 'must hold no control characters' } : undefined
}

export function slugError(slug: unknown): ErrorItem | undefined {
  if (typeof slug === 'string' && SLUG.test(slug)) return undefined
  const message = `must have 1 to ${limits.slugCharsMax} lower-case letters, digits and hyphens, and begin and end with a letter or digit`
  return { path: '/slug', message }
}

export function secretNameError(name: unknown): ErrorItem | undefined {
  if (typeof name === 'string' && SECRET_NAME.test(name)) return undefined
  return { path: '/name', message: 'must have 1 to 63 lower-case letters, digits, dots, hyphens and underscores' }
}

export function permissionsError(asked: unknown): ErrorItem | undefined {
  const path = '/permissions'
  if (!Array.isArray(asked) || asked.length === 0) return { path, message: 'must name at least one permission' }
  const unknown = asked.findIndex((name) => !isPermission(name))
  if (unknown >= 0) return { path: `${path}/${unknown}`, message: `must be one of ${permissionNames.join(', ')}` }
  return new Set(asked).size === asked.length ? undefined : { path, message: 'must name each permission once' }
}

export function wholeNumberError(path: string, value: unknown, max: number): ErrorItem | undefined {
  if (value === undefined) return undefined
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max) return undefined
  return { path, message: `must be a whole number from 1 to ${max}` }
}

export function callSidsError(asked: unknown): ErrorItem | undefined {
  const path = '/call_sids'
  if (asked === undefined) return undefined
  if (!Array.isArray(asked) || asked.length === 0 || asked.length > limits.filterValuesMax) {
    return { path, message: `must name 1 to ${limits.filterValuesMax} calls, or be left out for all` }
  }
  const wrong = asked.findIndex((sid) => typeof sid !== 'string' || !CALL_SID.test(sid))
  if (wrong < 0) return undefined
  const message = `must have 1 to ${limits.idCharsMax} letters, digits and the signs _ . : -`
  return { path: `${path}/${wrong}`, message }
}

/** In the order of the table, so that equal grants look equal. */
export function inOrder(granted: Iterable<Permission>): Permission[] {
  const set = new Set(granted)
  return permissionNames.filter((name) => set.has(name))
}
