import type { Workspace } from '@switchboard/contract'
import { createApi } from './api.js'
import type { Context } from './context.js'
import { CliError } from './failure.js'
import { keyOf, type Target } from './target.js'

/** A workspace's id is a UUID, which no slug looks like. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/**
 * The id of the workspace that a command is about. A slug is looked up with the admin key.
 * @throws CliError when none was named, or no workspace has that slug.
 */
export async function workspaceId(target: Target, context: Pick<Context, 'fetch' | 'signal'>): Promise<string> {
  const named = target.workspace?.value
  if (named !== undefined && UUID.test(named)) return named.toLowerCase()
  if (named === undefined) {
    throw new CliError(
      'bad_request',
      'Which workspace?',
      'Give --workspace with an id or a slug, or set SWITCHBOARD_WORKSPACE. `switchboard workspaces list` shows them.',
    )
  }
  const api = createApi(target.url.value, keyOf(target, 'managingKey'), context)
  const workspaces = await api.list<Workspace>('/v1/workspaces').catch((error: unknown) => {
    if (!(error instanceof CliError) || error.code !== 'forbidden') throw error
    throw new CliError(
      'forbidden',
      `Only the admin key can look up the slug "${named}".`,
      'Give the id of the workspace instead.',
    )
  })
  const match = workspaces.find(({ slug }) => slug === named)
  if (match !== undefined) return match.id
  const known = workspaces.map(({ slug }) => slug).join(', ')
  throw new CliError(
    'not_found',
    `There is no workspace "${named}".`,
    known === '' ? undefined : `There are: ${known}.`,
  )
}
