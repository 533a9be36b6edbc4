import { Type } from '../../type.js'
import { CreateWorkspace, Workspace, WorkspaceList } from '../schemas/workspaces.js'
import { inWorkspace, paging } from './parameters.js'
import { bodied, guarded, type Route } from './route.js'

export const workspaceRoutes = {
  createWorkspace: {
    method: 'POST',
    path: '/v1/workspaces',
    summary: 'Create a workspace',
    description:
      'Creates a tenant. By default it is strict: an event with a field that the catalogue does not know is refused. `extra_fields: "pass"` lets such fields through.',
    tag: 'Workspaces',
    permission: 'admin',
    body: { 'application/json': CreateWorkspace },
    answers: { 201: { description: 'The workspace.', content: { 'application/json': Workspace } } },
    failures: [...guarded, ...bodied, 'conflict', 'storage_full', 'storage_fault'],
  },
  listWorkspaces: {
    method: 'GET',
    path: '/v1/workspaces',
    summary: 'List workspaces',
    description: 'All workspaces, in the order they were created.',
    tag: 'Workspaces',
    permission: 'admin',
    query: Type.Object(paging),
    answers: { 200: { description: 'A page of workspaces.', content: { 'application/json': WorkspaceList } } },
    failures: [...guarded, 'invalid_parameter'],
  },
  getWorkspace: {
    method: 'GET',
    path: '/v1/{workspace_id}',
    summary: 'Read a workspace',
    description: 'The workspace that the credential belongs to.',
    tag: 'Workspaces',
    permission: 'events:read',
    params: inWorkspace,
    answers: { 200: { description: 'The workspace.', content: { 'application/json': Workspace } } },
    failures: [...guarded, 'invalid_parameter', 'not_found'],
  },
} as const satisfies Record<string, Route>
