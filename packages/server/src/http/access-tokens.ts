import type { AccessTokens } from '../access/access-tokens.js'
import type { Handlers } from './route-types.js'

/** Short-lived credentials for browsers. */
export function accessTokenHandlers(accessTokens: AccessTokens): Handlers<'createAccessToken'> {
  return {
    createAccessToken: ({ params, body, principal }) =>
      accessTokens.issue(principal, params.workspace_id, {
        permissions: body.permissions,
        callSids: body.call_sids,
        ttlSeconds: body.ttl_seconds,
      }),
  }
}
