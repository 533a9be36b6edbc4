import type { AuditAction, RouteId } from '@switchboard/contract'
import { decodeJwt } from 'jose/jwt/decode'
import type { Audit, AuditEntry } from '../audit/audit.js'
import { READS, type Reads } from '../audit/reads.js'
import type { Checked } from './route-types.js'

/** To be told of a request before it is answered. Resolves when it may be. */
export type OnAnswer = (id: RouteId, checked: Checked<RouteId>, answer: unknown) => Promise<void> | undefined

type Changed = Pick<AuditEntry, 'action' | 'target' | 'details'>
/** What a route has changed, from its request and its answer. */
type Change<Id extends RouteId> = (checked: Checked<Id>, answer: Readonly<Record<string, unknown>>) => Changed

/** Routes that change who may do what. */
const CHANGES: { readonly [Id in RouteId]?: Change<Id> } = {
  createApiKey: (_, { key_id: id, permissions, expires_at }) => ({
    action: 'key.created',
    target: { kind: 'key', id: String(id) },
    details: { permissions, expires_at },
  }),
  rotateApiKey: ({ params }) => ({ action: 'key.rotated', target: { kind: 'key', id: params.key_id } }),
  revokeApiKey: ({ params }) => ({ action: 'key.revoked', target: { kind: 'key', id: params.key_id } }),
  createAccessToken: (_, { access_token: token, permissions, call_sids, expires_at }) => ({
    action: 'token.issued',
    target: { kind: 'token', id: decodeJwt(String(token)).jti ?? '' },
    details: { permissions, call_sids: call_sids ?? null, expires_at },
  }),
  setTwilioSecret: () => ({ action: 'secret.set', target: { kind: 'secret', id: 'twilio' } }),
  deleteTwilioSecret: () => ({ action: 'secret.deleted', target: { kind: 'secret', id: 'twilio' } }),
  eraseCallData: ({ params }, { erased_at }) => ({ ...onCall('data.erased', params), details: { erased_at } }),
  placeCallHold: ({ params }) => onCall('hold.set', params),
  liftCallHold: ({ params }) => onCall('hold.lifted', params),
  eraseSurfaceData: ({ params }, { erased_at }) => ({ ...onSurface('data.erased', params), details: { erased_at } }),
  placeSurfaceHold: ({ params }) => onSurface('hold.set', params),
  liftSurfaceHold: ({ params }) => onSurface('hold.lifted', params),
  createWorkspace: (_, { id }) => ({ action: 'workspace.created', target: { kind: 'workspace', id: String(id) } }),
}

/** Notes what requests have read and changed. Whoever has changed something is answered once that is noted. */
export function auditAnswers(audit: Audit, reads: Reads): OnAnswer {
  return (id, checked, answer) => {
    const { principal, request } = checked
    if (principal === undefined) return
    const { workspace_id: workspace, call_sid: callSid } = checked.params as Readonly<Record<string, string>>
    if (isRead(id) && workspace !== undefined) {
      reads.note({ workspace, route: id, callSid, principal, requestId: request.id, address: request.ip })
      return
    }
    // The table agrees with its routes by type; per id the compiler cannot follow.
    const change = (CHANGES[id] as Change<RouteId> | undefined)?.(checked, (answer ?? {}) as Record<string, unknown>)
    if (change === undefined) return
    // A workspace that has just been made is not in the path.
    const where = workspace ?? change.target?.id ?? ''
    return audit.record(where, { ...change, actor: principal, requestId: request.id, address: request.ip })
  }
}

function onCall(action: AuditAction, { call_sid: id }: { readonly call_sid: string }): Changed {
  return { action, target: { kind: 'call', id } }
}

function onSurface(action: AuditAction, { surface_id: id }: { readonly surface_id: string }): Changed {
  return { action, target: { kind: 'surface', id } }
}

function isRead(id: RouteId): id is keyof typeof READS {
  return Object.hasOwn(READS, id)
}
