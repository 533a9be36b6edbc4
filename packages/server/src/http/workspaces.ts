import { SwitchboardError } from '@switchboard/contract'
import type { Workspaces } from '../access/workspaces.js'
import { pageOf } from './list-page.js'
import type { Handlers } from './route-types.js'

/** Tenants: made and listed with the admin key, read with any key that may read events. */
export function workspaceHandlers(
  workspaces: Workspaces,
): Handlers<'createWorkspace' | 'listWorkspaces' | 'getWorkspace'> {
  return {
    createWorkspace: ({ body }) =>
      workspaces.create({ name: body.name, slug: body.slug, extraFields: body.extra_fields }),

    listWorkspaces: async ({ query }) => pageOf(await workspaces.list(), ({ id }) => id, query),

    async getWorkspace({ params }) {
      const workspace = await workspaces.find(params.workspace_id)
      if (workspace === undefined) throw new SwitchboardError('not_found', 'There is no such workspace.')
      return workspace
    },
  }
}
