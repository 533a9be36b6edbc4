import type { ApiKeys } from '../access/api-keys.js'
import { pageOf } from './list-page.js'
import type { Handlers } from './route-types.js'

type ApiKeyRoutes = 'createApiKey' | 'listApiKeys' | 'revokeApiKey' | 'rotateApiKey'

/** The API keys of a workspace. */
export function apiKeyHandlers(apiKeys: ApiKeys): Handlers<ApiKeyRoutes> {
  return {
    createApiKey: ({ params, body, principal }) =>
      apiKeys.create(principal, params.workspace_id, {
        name: body.name,
        permissions: body.permissions,
        durationDays: body.duration_days,
      }),

    listApiKeys: async ({ params, query, principal }) =>
      pageOf(await apiKeys.list(principal, params.workspace_id), ({ key_id }) => key_id, query),

    revokeApiKey: ({ params, principal }) => apiKeys.revoke(principal, params.workspace_id, params.key_id),

    rotateApiKey: ({ params, principal }) => apiKeys.rotate(principal, params.workspace_id, params.key_id),
  }
}
