import type { ApiKeyWithSecret, Permission, Workspace } from '@switchboard/contract'
import { type Api, createApi } from '../api.js'
import type { Context } from '../context.js'
import type { ServerCredentials } from '../credentials.js'
import { CliError } from '../failure.js'

/** The workspace that a first start makes. */
const WORKSPACE = { name: 'Default', slug: 'default' } as const

/** All that a person at a terminal needs; keys are made with the admin key, which is beside it in the file. */
const PERMISSIONS: readonly Permission[] = [
  'events:read',
  'events:write',
  'calls:observe',
  'calls:publish',
  'pii:read',
  'audit:read',
]

/** What a first start made. */
export interface Made {
  readonly workspace: Workspace
  readonly key: ApiKeyWithSecret
}

/**
 * Makes a workspace and a key for it when the server has no workspace yet.
 * @returns Undefined when it has: somebody else has been here before.
 */
export async function makeFirst(
  url: string,
  adminKey: string,
  context: Pick<Context, 'fetch' | 'signal'>,
): Promise<Made | undefined> {
  const api = createApi(url, adminKey, context)
  const { items } = await api.request<{ items: readonly Workspace[] }>('GET', '/v1/workspaces?limit=1')
  if (items.length > 0) return undefined
  const workspace = await create(api)
  if (workspace === undefined) return undefined
  const body = { name: 'switchboard command line', permissions: PERMISSIONS }
  const key = await api.request<ApiKeyWithSecret>('POST', `/v1/${workspace.id}/api-keys`, body)
  return { workspace, key }
}

/** Undefined when another process of the same deployment was faster. */
async function create(api: Api): Promise<Workspace | undefined> {
  try {
    return await api.request<Workspace>('POST', '/v1/workspaces', WORKSPACE)
  } catch (error) {
    if (error instanceof CliError && error.code === 'conflict') return undefined
    throw error
  }
}

/** What is kept of a first start. */
export function heldAfter({ workspace, key }: Made, adminKey: string): ServerCredentials {
  return {
    admin_key: adminKey,
    workspace_id: workspace.id,
    workspace_slug: workspace.slug,
    api_key: key.api_key,
  }
}
