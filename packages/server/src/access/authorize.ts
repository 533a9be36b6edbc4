import { type Permission, SwitchboardError } from '@switchboard/contract'
import type { Principal } from './principal.js'

/**
 * Returns when the principal may use a permission in a workspace and, if given, on a call.
 *
 * A token that is limited to calls may use what concerns calls on those alone, and nowhere without naming one. What it
 * was granted besides, such as `events:read`, was granted by name and is not narrowed.
 *
 * @throws SwitchboardError `forbidden`, in the same words for another workspace and for one that does not exist.
 */
export function authorize(principal: Principal, workspace: string, permission: Permission, callSid?: string): void {
  requireWorkspace(principal, workspace)
  if (principal.kind !== 'admin' && !principal.permissions.has(permission)) {
    throw new SwitchboardError('forbidden', `The credential lacks the permission ${permission}.`)
  }
  const { callSids } = principal
  if (callSids === undefined) return
  const allowed = callSid === undefined ? !permission.startsWith('calls:') : callSids.has(callSid)
  if (!allowed) throw new SwitchboardError('forbidden', 'The access token is limited to other calls.')
}

/** @throws SwitchboardError `forbidden` unless the principal is an API key of the workspace, or the admin key. */
export function requireKey(principal: Principal, workspace: string): void {
  requireWorkspace(principal, workspace)
  if (principal.kind === 'access-token') {
    throw new SwitchboardError('forbidden', 'An access token cannot do this. Use an API key of the workspace.')
  }
}

/** @throws SwitchboardError `forbidden`, naming what the principal would have to have itself. */
export function requireSubset(principal: Principal, permissions: readonly Permission[]): void {
  if (principal.kind === 'admin') return
  const lacking = permissions.filter((permission) => !principal.permissions.has(permission))
  if (lacking.length === 0) return
  throw new SwitchboardError('forbidden', `The credential cannot grant what it lacks itself: ${lacking.join(', ')}.`)
}

function requireWorkspace(principal: Principal, workspace: string): void {
  if (principal.kind === 'admin' || principal.workspace === workspace) return
  throw new SwitchboardError('forbidden', 'The credential does not belong to this workspace.')
}
