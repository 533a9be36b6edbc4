import { type Route, SwitchboardError } from '@switchboard/contract'
import type { FastifyRequest } from 'fastify'
import { requireKey } from '../access/authorize.js'
import type { Gate, Principal } from '../access/principal.js'
import type { NoteUse } from '../audit/key-uses.js'
import type { OnAnswer } from './audit-answers.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard of a route that asks for a credential, before anything else of the request is looked at. */
    principal: Principal | undefined
    /** Set by the guard once the workspace is known to exist and to be the caller's: refusals are counted as its own. */
    ownWorkspace: string | undefined
  }
}

/** What the guard asks of access. */
export interface GuardDeps {
  readonly gate: Gate
  /** The credential of a request, without the word "Bearer". @throws SwitchboardError `unauthenticated`, in a wrong place. */
  readonly credentialOf: (request: FastifyRequest, route: Route) => string | undefined
  readonly workspaceExists: (workspace: string) => Promise<boolean>
  /** Told of every credential that was let in to a workspace. */
  readonly onUse?: NoteUse
  /** Told of every request that was answered, before it is. */
  readonly onAnswer?: OnAnswer
}

/**
 * Lets a request in or throws, by what the table of routes says of its route. Every route of the table is registered
 * with it, so that none can forget it.
 *
 * An unknown workspace, another one and a missing permission are refused with the same words: the answer must not tell
 * which workspaces exist. Only the admin key, which may see them all, is told that there is none.
 */
export async function guard(request: FastifyRequest, route: Route, deps: GuardDeps): Promise<void> {
  const { permission } = route
  if (permission === 'none' || permission === 'signature') return
  const principal = await deps.gate.authenticate(deps.credentialOf(request, route), request.ip)
  request.principal = principal

  if (permission === 'admin') {
    if (principal.kind !== 'admin') throw new SwitchboardError('forbidden', 'Only the admin key may do this.')
    return
  }
  if (permission === 'any') return
  const { workspace_id: workspace = '', call_sid: callSid } = request.params as Readonly<Record<string, string>>
  if (principal.workspace === workspace) request.ownWorkspace = workspace
  if (permission === 'api-key') requireKey(principal, workspace)
  else deps.gate.authorize(principal, workspace, permission, callSid)
  if (principal.kind !== 'admin') {
    deps.onUse?.(principal, workspace, request.raw)
    return
  }
  if (!(await deps.workspaceExists(workspace))) throw new SwitchboardError('not_found', 'There is no such workspace.')
  request.ownWorkspace = workspace
  deps.onUse?.(principal, workspace, request.raw)
}
