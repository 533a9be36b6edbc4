import type { Static } from 'typebox'
import { Type } from '../../type.js'
import { limits } from '../limits.js'
import { page } from './page.js'
import { instant, uuid } from './text.js'

const name = Type.String({
  minLength: 1,
  maxLength: limits.nameCharsMax,
  pattern: '\\S',
  description: 'What people call the workspace.',
})
const slug = Type.String({
  pattern: `^[a-z0-9](?:[a-z0-9-]{0,${limits.slugCharsMax - 2}}[a-z0-9])?$`,
  description: 'A short name of lower-case letters, digits and hyphens; no two workspaces share one.',
})
const extraFields = Type.Enum(['refuse', 'pass'], {
  description:
    'What happens to fields of an event that the catalogue does not know: `refuse` answers 422, `pass` delivers them as they came.',
})

export const CreateWorkspace = Type.Object(
  { name, slug, extra_fields: Type.Optional({ ...extraFields, default: 'refuse' }) },
  { title: 'CreateWorkspace', description: 'A workspace to create.', additionalProperties: false },
)
export type CreateWorkspace = Static<typeof CreateWorkspace>

export const Workspace = Type.Object(
  {
    id: uuid('The workspace: the first part of every path.'),
    name,
    slug,
    extra_fields: extraFields,
    created_at: instant('When it was created.'),
  },
  { title: 'Workspace', description: 'A tenant. Nothing ever crosses from one to another.' },
)
export type Workspace = Static<typeof Workspace>

export const WorkspaceList = page('WorkspaceList', Workspace, 'Workspaces, in the order they were created.')
export type WorkspaceList = Static<typeof WorkspaceList>
