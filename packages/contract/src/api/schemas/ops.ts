import type { Static } from 'typebox'
import { Type } from '../../type.js'

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
