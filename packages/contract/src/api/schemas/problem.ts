import type { Static } from 'typebox'
import { Type } from '../../type.js'
import { type FailureCode, failures } from '../failures.js'

export const failureCodes = Object.keys(failures) as FailureCode[]

export const ProblemItem = Type.Object(
  {
    path: Type.String({
      description:
        'JSON pointer to the value in the request body, for example `/events/3/mode`, or to the parameter: `/limit`.',
    }),
    message: Type.String({ description: 'What is wrong there, and what is accepted.' }),
  },
  { title: 'ProblemItem', description: 'One thing that is wrong with a request.' },
)

/** A failure, as RFC 9457 problem details. The body of every answer with a status of 400 or more. */
export const Problem = Type.Object(
  {
    type: Type.String({ format: 'uri-reference', description: 'Where this failure is explained.' }),
    title: Type.String({ description: 'The failure in one line, the same for every request that meets it.' }),
    status: Type.Integer({ minimum: 400, maximum: 599, description: 'The HTTP status, repeated.' }),
    detail: Type.String({ description: 'What went wrong with this request. For people: programs read `code`.' }),
    code: Type.String({
      description: `Stable code of the failure, one of: ${failureCodes.map((code) => `\`${code}\``).join(', ')}. Treat an unknown one by the status.`,
    }),
    error_code: Type.String({ description: 'The same as `code`, under the name that the public Platform SDK reads.' }),
    request_id: Type.String({ description: 'The same as the `x-request-id` header: quote it when you ask for help.' }),
    errors: Type.Optional(
      Type.Array(ProblemItem, {
        description: 'Every single thing that is wrong, when a body or a parameter is at fault.',
      }),
    ),
  },
  {
    title: 'Problem',
    description: 'What went wrong (RFC 9457). Some codes add members of their own.',
    additionalProperties: true,
  },
)
export type Problem = Static<typeof Problem>
