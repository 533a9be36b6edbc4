import type { Workspace } from '@switchboard/contract'
import { createApi } from '../api.js'
import type { Context } from '../context.js'
import { credentialsPath, readCredentials, type ServerCredentials, saveCurrent } from '../credentials.js'
import { CliError } from '../failure.js'
import { heldAfter, type Made, makeFirst } from './first-start.js'

/** A server that has just been started on this machine. */
export interface Newcomer {
  readonly url: string
  /** The admin key, when this start made it. */
  readonly generatedKey: string | undefined
  /** The admin key, when it was set. */
  readonly givenKey: string | undefined
  /** An absolute path. */
  readonly dataDir: string
}

export interface Introduced {
  /** Where credentials are kept. */
  readonly path: string
  /** What a first start made; undefined at a later one. */
  readonly made: Made | undefined
  /** True when the server has keys that this user does not hold. */
  readonly stranger: boolean
  /** Why credentials could not be kept; undefined when they were. */
  readonly trouble: unknown
}

/** Makes sure that the commands of this user find the server and may use it: makes a workspace and keys, or finds them. */
export async function introduce(server: Newcomer, context: Context): Promise<Introduced> {
  const { url, generatedKey, givenKey, dataDir } = server
  const path = credentialsPath(context)
  let trouble: unknown
  const keep = async (held: ServerCredentials): Promise<void> => {
    await saveCurrent(path, url, held).catch((error: unknown) => {
      trouble = error
    })
  }
  // A new admin key means new data: what was held for this address belonged to other data.
  const held = generatedKey === undefined ? await heldFor(url, dataDir, path) : {}
  const adminKey = generatedKey ?? givenKey ?? held.admin_key
  if (adminKey === undefined) {
    if (held.api_key !== undefined) await keep({ ...held, data_dir: dataDir })
    return { path, made: undefined, stranger: held.api_key === undefined, trouble }
  }
  // Before anything else can go wrong: this key is never shown again.
  if (generatedKey !== undefined) await keep({ admin_key: generatedKey, data_dir: dataDir })
  try {
    const made = await makeFirst(url, adminKey, context)
    const known = made === undefined ? await laterHeld(url, held, adminKey, context) : heldAfter(made, adminKey)
    await keep({ ...known, data_dir: dataDir })
    return { path, made, stranger: false, trouble }
  } catch (error) {
    // The key in the file is of other data that was here before.
    if (!(error instanceof CliError) || error.code !== 'unauthenticated') throw error
    return { path, made: undefined, stranger: true, trouble }
  }
}

/** What is kept for this address, or for this folder when it had another address before. A file that cannot be read holds nothing. */
async function heldFor(url: string, dataDir: string, path: string): Promise<ServerCredentials> {
  const { servers } = await readCredentials(path).catch(() => ({ servers: {} as Record<string, ServerCredentials> }))
  const ofFolder = Object.values(servers).find(({ data_dir }) => data_dir === dataDir)
  if (ofFolder !== undefined) return ofFolder
  // Another folder is served at a known address: its keys are others, unless the folder was moved, which they will show.
  return servers[url] ?? {}
}

/** At a later start, with what this user held before; somebody who only has the admin key gets the one workspace there is. */
async function laterHeld(
  url: string,
  held: ServerCredentials,
  adminKey: string,
  context: Context,
): Promise<ServerCredentials> {
  const { api_key: _perhapsOfAnother, ...rest } = held
  const api = createApi(url, adminKey, context)
  const { items } = await api.request<{ items: readonly Workspace[] }>('GET', '/v1/workspaces?limit=100')
  if (held.workspace_id !== undefined && items.some(({ id }) => id === held.workspace_id)) {
    return { ...held, admin_key: adminKey }
  }
  const { workspace_id: _id, workspace_slug: _slug, ...bare } = rest
  const [only, ...others] = items
  if (only === undefined || others.length > 0) return { ...bare, admin_key: adminKey }
  return { ...bare, admin_key: adminKey, workspace_id: only.id, workspace_slug: only.slug }
}
