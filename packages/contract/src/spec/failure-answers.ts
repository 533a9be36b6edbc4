import { type FailureCode, failures } from '../api/failures.js'
import type { JsonObject } from '../catalogue/define.js'
import { reference } from './named.js'

/** Names of the shared answers, one for each status that a failure of the table has. */
const answerNames: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  408: 'RequestTimeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'ContentTooLarge',
  415: 'UnsupportedMediaType',
  422: 'UnprocessableContent',
  429: 'TooManyRequests',
  500: 'InternalServerError',
  503: 'ServiceUnavailable',
  507: 'InsufficientStorage',
}

/** When the same request may be sent again, in words. */
export const retryAdvice = {
  never: 'do not send it again unchanged',
  now: 'send it again',
  later: 'send it again later',
  'after-refresh': 'send it again with a new credential',
} as const satisfies Record<(typeof failures)[FailureCode]['retry'], string>

/** A path or a body shows where the explanation of a failure is found. */
export function problemType(code: FailureCode): string {
  return `/docs#failure-${code}`
}

/** One line on each failure, for the description of an answer. */
function lines(codes: readonly FailureCode[]): string {
  return codes.map((code) => `- \`${code}\`: ${failures[code].title}; ${retryAdvice[failures[code].retry]}.`).join('\n')
}

/** The answers of one operation that are failures, by status: shared answers, each with the codes to expect here. */
export function failureAnswers(codes: readonly FailureCode[], withBody: boolean): Record<string, JsonObject> {
  const answers: Record<string, JsonObject> = {}
  for (const [status, here] of byStatus(codes)) {
    const description = lines(here)
    answers[status] = withBody ? { $ref: `#/components/responses/${answerName(status)}`, description } : { description }
  }
  return answers
}

/** The shared answers, with an example of each failure. */
export function failureComponents(used: readonly FailureCode[]): Record<string, JsonObject> {
  const components: Record<string, JsonObject> = {}
  for (const [status, codes] of byStatus(used)) {
    const later = codes.some((code) => failures[code].retry === 'later')
    components[answerName(status)] = {
      description: lines(codes),
      headers: {
        'X-Request-Id': { $ref: '#/components/headers/RequestId' },
        ...(later && { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } }),
        ...(status === 401 && { 'WWW-Authenticate': { $ref: '#/components/headers/WwwAuthenticate' } }),
      },
      content: {
        'application/problem+json': {
          schema: reference('Problem'),
          examples: Object.fromEntries(codes.map((code) => [code, { value: exampleProblem(code) }])),
        },
      },
    }
  }
  return components
}

function exampleProblem(code: FailureCode): JsonObject {
  const { status, title } = failures[code]
  const detail = details[code] ?? `${title}.`
  const problem = { type: problemType(code), title, status, detail, code, error_code: code, request_id: 'req-4f' }
  const errors = faults[code]
  return errors === undefined ? problem : { ...problem, errors }
}

/** Details as a server would word them, where the title alone says too little. */
const details: { readonly [code in FailureCode]?: string } = {
  unknown_event_type: 'There is no event type `call.start`. Did you mean `call.started`?',
  invalid_event: 'Event 3 of the batch does not fit `operator.joined_call`. Nothing was stored.',
  invalid_position: '`after` is not a position: `<unix ms>-<sequence>` or Unix milliseconds are accepted.',
  forbidden: 'The credential lacks `events:write`, or belongs to another workspace.',
  idempotency_key_reused: 'This Idempotency-Key was used with another body in the last 24 hours.',
}

const faults: { readonly [code in FailureCode]?: readonly JsonObject[] } = {
  unknown_event_type: [{ path: '/event_type', message: 'must be a type of the catalogue' }],
  invalid_event: [{ path: '/events/3/mode', message: 'must be one of: listen, takeover' }],
  invalid_request: [{ path: '/permissions', message: 'must hold at least one permission' }],
}

function answerName(status: number): string {
  return answerNames[status] ?? `Status${status}`
}

function byStatus(codes: readonly FailureCode[]): readonly (readonly [number, readonly FailureCode[]])[] {
  const groups = new Map<number, FailureCode[]>()
  for (const code of codes) {
    const { status } = failures[code]
    const group = groups.get(status)
    if (group === undefined) groups.set(status, [code])
    else if (!group.includes(code)) group.push(code)
  }
  return [...groups].sort(([a], [b]) => a - b)
}
