import type { IncomingHttpHeaders } from 'node:http'
import { type FailureCode, SwitchboardError } from '@switchboard/contract'
import { keyIdOf } from './secret-text.js'

const BEARER = /^bearer +(\S+) *$/i
/** The form of a signed JWT. Whether it is a valid one is for `authenticate` to find out. */
const TOKEN_FORM = /^[\w-]+\.[\w-]+\.[\w-]+$/

/**
 * The credential of a request, without the word "Bearer", or undefined when there is none.
 *
 * The header wins over `?access_token=`. A query is where credentials leak (history, proxies, `Referer`), so it may hold
 * a short-lived access token only, and only where a browser cannot send headers; anything else there is refused even
 * beside a good header, since it has leaked already.
 *
 * @param query The parsed query, if any.
 * @param options.allowQueryToken Default false.
 * @throws SwitchboardError `unauthenticated`, saying which form is accepted, and never what was sent.
 */
export function readCredential(
  headers: IncomingHttpHeaders,
  query: unknown,
  options: { readonly allowQueryToken?: boolean } = {},
): string | undefined {
  const fromQuery = readQuery(query, options.allowQueryToken === true)
  const { authorization } = headers
  if (authorization === undefined) return fromQuery
  const credential = BEARER.exec(authorization)?.[1]
  if (credential !== undefined) return credential
  throw refused('The Authorization header is not of the form: Bearer <API key or access token>.')
}

/**
 * True when a credential that was refused here may be one that another process has just made: by its form alone, so that
 * known and unknown key ids go the same way. What has expired stays so, and a secret that was replaced does not come back;
 * but a token may be of a newer secret of its key, or signed with a newer one of ours.
 */
export function mayBeNew(credential: string, refusal: FailureCode): boolean {
  if (keyIdOf(credential) !== undefined) return refusal === 'unauthenticated'
  return TOKEN_FORM.test(credential) && (refusal === 'unauthenticated' || refusal === 'credential_revoked')
}

function readQuery(query: unknown, allowed: boolean): string | undefined {
  if (typeof query !== 'object' || query === null || !('access_token' in query)) return undefined
  const { access_token: token } = query
  if (!allowed) throw refused('access_token is not accepted in the query here: send it in the Authorization header.')
  if (typeof token === 'string' && TOKEN_FORM.test(token)) return token
  throw refused(
    'The query parameter access_token takes one access token, never an API key: ask for one with POST /v1/{workspace_id}/access-tokens. If this was a key, rotate it: URLs end up in histories and logs.',
  )
}

function refused(detail: string): SwitchboardError {
  return new SwitchboardError('unauthenticated', detail)
}
