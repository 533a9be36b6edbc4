import type { Static } from 'typebox'
import { Type } from '../../type.js'
import { auditActionNames, auditActions } from '../audit-actions.js'
import { CredentialKind } from './credentials.js'
import { page } from './page.js'
import { instant, nullable, uuid } from './text.js'

const sequence = (description: string) => Type.Integer({ minimum: 1, description })
const hash = (description: string) => Type.String({ pattern: '^[0-9a-f]{64}$', description })

export const AuditActionName = Type.Enum([...auditActionNames], {
  title: 'AuditActionName',
  description: Object.entries(auditActions)
    .map(([action, meaning]) => `- \`${action}\`: ${meaning}`)
    .join('\n'),
})

const Actor = Type.Object(
  {
    kind: nullable(CredentialKind, 'What its credential is; null for the server itself.'),
    key_id: nullable(
      Type.String(),
      'The API key, or the key that asked for the access token; `admin` for the admin key; null for the server itself.',
    ),
    token_id: nullable(Type.String(), 'The access token (its `jti`); null for keys.'),
  },
  { description: 'Who did it.' },
)

const Target = Type.Object(
  {
    kind: Type.Enum(['workspace', 'call', 'surface', 'key', 'token', 'secret', 'audit'], {
      description: 'What it is.',
    }),
    id: Type.String({ description: 'Its id. Of a secret its name, which is no secret.' }),
  },
  { description: 'What it was done to.' },
)

export const AuditRecord = Type.Object(
  {
    sequence: sequence('Its number in the trail of the workspace: 1, 2, 3, without a gap.'),
    time: instant('When it was noted. It never runs backwards in a trail.'),
    workspace_id: uuid('The workspace.'),
    actor: Actor,
    action: AuditActionName,
    target: Target,
    personal_data: Type.Enum(['clear', 'masked', 'none'], {
      description: 'Whether personal data were shown as they are, masked, or not at all.',
    }),
    request_id: nullable(
      Type.String(),
      'The `x-request-id` of the request; for streams the connection too. Null for what no request asked for.',
    ),
    address: nullable(Type.String(), 'The network address it came from. It is personal data itself.'),
    server: Type.String({ description: 'The process that noted it.' }),
    details: Type.Record(Type.String(), Type.Unsafe<unknown>({}), {
      description: 'More, by the action: see the guide on the audit trail. No event and no secret is among it.',
    }),
    previous: hash('The hash of the record before it; 64 zeros for the first.'),
    hash: hash("SHA-256 of this record's canonical JSON (RFC 8785) without this member."),
  },
  { title: 'AuditRecord', description: 'One record of an audit trail.' },
)
export type AuditRecord = Static<typeof AuditRecord>

export const AuditPlace = Type.Object(
  { sequence: Type.Integer({ minimum: 0, description: 'Number of a record.' }), hash: hash('Its hash.') },
  { title: 'AuditPlace', description: 'A place in the trail: a hash stands for everything up to it.' },
)

export const AuditList = page('AuditList', AuditRecord, 'Records of the audit trail of the workspace.', {
  head: nullable(
    AuditPlace,
    'The newest record when this was read: note it elsewhere, and nobody can take records off the end unseen. Null while there is none.',
  ),
  anchor: nullable(
    AuditPlace,
    'The last record that retention has removed: the oldest kept one is linked to it. Null while all are kept.',
  ),
})
export type AuditList = Static<typeof AuditList>
