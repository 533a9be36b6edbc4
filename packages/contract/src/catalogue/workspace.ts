import type { EventDefinition } from './define.js'
import { flag, id, label, omittable } from './fields.js'

const entityId = id('The member.')
const role = label('The role from now on.')
const MEMBER = '40d9f2b7-15ce-4a83-9f60-e7b81c5a2d94'

/** Who belongs to a workspace. */
export const workspaceEvents: readonly EventDefinition[] = [
  {
    channel: 'workspace',
    type: 'workspace.member_added',
    title: 'Workspace member added',
    meaning: 'Somebody has become a member of the workspace.',
    fields: { entity_id: entityId, role },
    example: { event_type: 'workspace.member_added', entity_id: MEMBER, role: 'viewer' },
  },
  {
    channel: 'workspace',
    type: 'workspace.member_role_updated',
    title: 'Workspace member role updated',
    meaning: 'A member of the workspace has been given another role.',
    fields: { entity_id: entityId, role, previous_role: label('The role until now.') },
    example: {
      event_type: 'workspace.member_role_updated',
      entity_id: MEMBER,
      role: 'admin',
      previous_role: 'viewer',
    },
  },
  {
    channel: 'workspace',
    type: 'workspace.invitation_sent',
    title: 'Workspace invitation sent',
    meaning: 'Somebody has been invited to the workspace.',
    fields: {
      invitation_id: id('The invitation.'),
      role: label('The role that is offered.'),
      resent: omittable(flag('Whether it had been sent before; absent means false.')),
    },
    example: { event_type: 'workspace.invitation_sent', invitation_id: 'inv_27c4', role: 'operator', resent: false },
  },
  {
    channel: 'workspace',
    type: 'workspace.invitation_accepted',
    title: 'Workspace invitation accepted',
    meaning: 'Somebody has accepted an invitation and is now a member.',
    fields: { entity_id: entityId, role },
    example: { event_type: 'workspace.invitation_accepted', entity_id: MEMBER, role: 'operator' },
  },
]
