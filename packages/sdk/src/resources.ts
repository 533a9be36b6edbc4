import { type Context, workspaceOf } from './context.js'
import {
  createAccessToken,
  createApiKey,
  createWorkspace,
  getActivity,
  getState,
  getWorkspace,
  listApiKeys,
  listAudit,
  listDataSources,
  listOperators,
  listStreams,
  listSurfaces,
  listWatchers,
  listWorkspaces,
  revokeApiKey,
  rotateApiKey,
} from './generated/sdk.gen.js'
import type {
  AccessToken,
  Activity,
  ApiKey,
  ApiKeyWithSecret,
  AuditActionName,
  AuditRecord,
  CreateAccessToken,
  CreateApiKey,
  CreateWorkspace,
  DataSourceState,
  OpenStream,
  OperatorState,
  SurfaceState,
  Watcher,
  Workspace,
  WorkspaceState,
} from './generated/types.gen.js'
import { segment } from './http.js'
import { eachItem } from './paging.js'

/**
 * The rest of the API: each group gathers generated functions under one word, with the workspace filled in. For what is
 * not here, call the generated function with `client: switchboard.rest`.
 */

export interface Workspaces {
  /** Needs the admin key. */
  create(workspace: CreateWorkspace): Promise<Workspace>
  /** Needs the admin key. */
  list(): AsyncGenerator<Workspace, void, void>
  /** The client's own workspace. */
  get(): Promise<Workspace>
}

export interface ApiKeys {
  /** The secret is in the answer, this once. */
  create(key: CreateApiKey): Promise<ApiKeyWithSecret>
  list(): AsyncGenerator<ApiKey, void, void>
  /** A new secret for the same key; the old one ends at once. */
  rotate(keyId: string): Promise<ApiKeyWithSecret>
  /** Its open streams end within seconds. */
  revoke(keyId: string): Promise<void>
}

export interface Tokens {
  /** A short-lived credential for a browser, never wider than the client's own. */
  create(token: CreateAccessToken): Promise<AccessToken>
}

/** The present of a workspace. Streaming after the `position` of a state misses nothing and repeats nothing. */
export interface State {
  get(): Promise<WorkspaceState>
  operators(): AsyncGenerator<OperatorState, void, void>
  surfaces(): AsyncGenerator<SurfaceState, void, void>
  sources(): AsyncGenerator<DataSourceState, void, void>
}

/** Who listens now, and what went on. */
export interface Streams {
  /** Open streams of the workspace, or the observers of one call. Needs `audit:read`. */
  list(options?: { readonly callSid?: string }): AsyncGenerator<OpenStream, void, void>
  /** Who observes a call now. Needs `calls:observe`. */
  watchers(callSid: string): AsyncGenerator<Watcher, void, void>
  /** Counts since the server started. Needs `audit:read`. */
  activity(): Promise<Activity>
}

export interface AuditOptions {
  /** Only what this key or access token did, by its id; `admin` for the admin key. */
  readonly actor?: string
  readonly action?: readonly AuditActionName[]
  readonly callSid?: string
  /** An age (`15m`, `2h`) or an instant in ISO 8601. */
  readonly since?: string
  /** Only records with a greater number. */
  readonly after?: number
  /** Which come first. Default: the oldest. */
  readonly order?: 'oldest' | 'newest'
  /** Records a request fetches, 1 to 1000. Default 100. */
  readonly pageSize?: number
}

/** Who watched, read and changed what, in an append-only trail. Needs `audit:read`. */
export interface Audit {
  list(options?: AuditOptions): AsyncGenerator<AuditRecord, void, void>
}

const from = (token: string | undefined): { continuation_token?: string } =>
  token === undefined ? {} : { continuation_token: token }

export function workspaces(context: Context): Workspaces {
  const common = { client: context.rest, throwOnError: true } as const
  return {
    create: async (body) => (await createWorkspace({ ...common, body })).data,
    list: () => eachItem(async (token) => (await listWorkspaces({ ...common, query: from(token) })).data),
    get: async () => (await getWorkspace({ ...common, path: { workspace_id: workspaceOf(context) } })).data,
  }
}

export function apiKeys(context: Context): ApiKeys {
  const common = { client: context.rest, throwOnError: true } as const
  const path = (): { workspace_id: string } => ({ workspace_id: workspaceOf(context) })
  const pathTo = (key_id: string): { workspace_id: string; key_id: string } => {
    segment('keyId', key_id)
    return { ...path(), key_id }
  }
  return {
    create: async (body) => (await createApiKey({ ...common, path: path(), body })).data,
    list: () => eachItem(async (token) => (await listApiKeys({ ...common, path: path(), query: from(token) })).data),
    rotate: async (keyId) => (await rotateApiKey({ ...common, path: pathTo(keyId) })).data,
    revoke: async (keyId) => {
      await revokeApiKey({ ...common, path: pathTo(keyId) })
    },
  }
}

export function tokens(context: Context): Tokens {
  return {
    create: async (body) => {
      const path = { workspace_id: workspaceOf(context) }
      return (await createAccessToken({ client: context.rest, throwOnError: true, path, body })).data
    },
  }
}

export function streams(context: Context): Streams {
  const common = { client: context.rest, throwOnError: true } as const
  const path = (): { workspace_id: string } => ({ workspace_id: workspaceOf(context) })
  return {
    list({ callSid } = {}) {
      const wanted = callSid === undefined ? {} : { call_sid: callSid }
      return eachItem(
        async (token) => (await listStreams({ ...common, path: path(), query: { ...wanted, ...from(token) } })).data,
      )
    },
    watchers(callSid) {
      segment('callSid', callSid)
      const pathTo = { ...path(), call_sid: callSid }
      return eachItem(async (token) => (await listWatchers({ ...common, path: pathTo, query: from(token) })).data)
    },
    activity: async () => (await getActivity({ ...common, path: path() })).data,
  }
}

export function audit(context: Context): Audit {
  const common = { client: context.rest, throwOnError: true } as const
  return {
    list({ actor, action, callSid, since, after, order, pageSize } = {}) {
      const path = { workspace_id: workspaceOf(context) }
      const wanted = {
        ...(actor !== undefined && { actor }),
        ...(action !== undefined && { action: [...action] }),
        ...(callSid !== undefined && { call_sid: callSid }),
        ...(since !== undefined && { since }),
        ...(after !== undefined && { after }),
        ...(order !== undefined && { order }),
        ...(pageSize !== undefined && { limit: pageSize }),
      }
      return eachItem(
        async (token) => (await listAudit({ ...common, path, query: { ...wanted, ...from(token) } })).data,
      )
    },
  }
}

export function state(context: Context): State {
  const common = { client: context.rest, throwOnError: true } as const
  const path = (): { workspace_id: string } => ({ workspace_id: workspaceOf(context) })
  return {
    get: async () => (await getState({ ...common, path: path() })).data,
    operators: () => eachItem(async (t) => (await listOperators({ ...common, path: path(), query: from(t) })).data),
    surfaces: () => eachItem(async (t) => (await listSurfaces({ ...common, path: path(), query: from(t) })).data),
    sources: () => eachItem(async (t) => (await listDataSources({ ...common, path: path(), query: from(t) })).data),
  }
}
