import { Type } from '../../type.js'
import { auditActionNames } from '../audit-actions.js'
import { limits } from '../limits.js'
import { AuditList } from '../schemas/audit.js'
import { chosenId } from '../schemas/text.js'
import { historyPaging, inWorkspace, paging, since } from './parameters.js'
import { guarded, type Route } from './route.js'

export const auditRoutes = {
  listAudit: {
    method: 'GET',
    path: '/v1/{workspace_id}/audit',
    summary: 'Read the audit trail',
    description:
      'Who opened which stream or call, read what, used which key, and changed access, in an append-only trail whose records are chained by their hashes. Reading it is noted in it. `switchboard audit verify` checks a trail or an export of it.',
    tag: 'Access',
    permission: 'audit:read',
    params: inWorkspace,
    query: Type.Object({
      actor: Type.Optional(
        Type.String({
          pattern: '^[A-Za-z0-9-]{1,64}$',
          description: 'Only what this key or access token did, by its id; `admin` for the admin key.',
        }),
      ),
      action: Type.Optional(
        Type.Array(Type.Enum([...auditActionNames]), {
          maxItems: limits.filterValuesMax,
          description: 'Only this action. May be given several times: any of them.',
        }),
      ),
      call_sid: Type.Optional(chosenId('Only what was done to this call.')),
      since: Type.Optional(since),
      after: Type.Optional(
        Type.Integer({ minimum: 0, description: 'Only records with a greater number than this one.' }),
      ),
      order: Type.Optional(
        Type.Enum(['oldest', 'newest'], {
          default: 'oldest',
          description: 'Which come first: `oldest` when left out.',
        }),
      ),
      limit: historyPaging.limit,
      continuation_token: paging.continuation_token,
    }),
    answers: { 200: { description: 'A page of records.', content: { 'application/json': AuditList } } },
    failures: [...guarded, 'invalid_parameter', 'not_found', 'storage_fault'],
  },
} as const satisfies Record<string, Route>
