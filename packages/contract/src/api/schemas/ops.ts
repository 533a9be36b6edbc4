import Type, { type Static } from 'typebox'
import { page } from './page.js'
import { instant, nullable } from './text.js'

export const Health = Type.Object(
  { status: Type.Literal('ok'), version: Type.String({ description: "The server's version." }) },
  { title: 'Health', description: 'The process is alive.' },
)
export type Health = Static<typeof Health>

export const Readiness = Type.Object(
  {
    status: Type.Enum(['ready', 'not_ready']),
    checks: Type.Array(
      Type.Object({
        name: Type.String({ description: 'What was looked at, for example `storage`.' }),
        ok: Type.Boolean(),
        detail: Type.Optional(Type.String({ description: 'What is wrong, and what to do.' })),
      }),
    ),
  },
  { title: 'Readiness', description: 'Whether the process can take traffic, and why not.' },
)
export type Readiness = Static<typeof Readiness>

export const AuditRecord = Type.Object(
  {
    id: Type.String({ description: 'Place in the trail; later records have larger ones.' }),
    at: instant('When it happened.'),
    action: Type.String({ description: 'What was done, for example `api_key.created`.' }),
    actor: Type.String({ description: 'The key that did it, or `admin`.' }),
    target: nullable(Type.String(), 'What it was done to: a key, a call, a secret.'),
    request_id: nullable(Type.String(), 'The request that did it.'),
    detail: Type.Unsafe<{ readonly [name: string]: unknown }>({
      type: 'object',
      additionalProperties: true,
      description: 'More about it. Holds no secret and no personal data.',
    }),
  },
  { title: 'AuditRecord', description: 'Something that was done with credentials, secrets or personal data.' },
)
export type AuditRecord = Static<typeof AuditRecord>

export const AuditTrail = page('AuditTrail', AuditRecord, 'The audit trail, newest first.')
export type AuditTrail = Static<typeof AuditTrail>
