import {
  type ErrorItem,
  type FailureCode,
  failures,
  pointer,
  problemType,
  SwitchboardError,
} from '@switchboard/contract'
import type { FastifyError } from 'fastify'
import { visible } from '../visible.js'

/** The answer to a request that failed (RFC 9457). */
export interface ProblemAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
}

export const PROBLEM_TYPE = 'application/problem+json'

/** The failure as an answer. What no code stands for is `internal`, and nothing of it is told. */
export function problemOf(error: unknown, requestId: string): ProblemAnswer {
  const failure = failureOf(error)
  const { status, title } = failures[failure.code]
  const { errors } = failure
  return {
    status,
    headers: {
      'content-type': PROBLEM_TYPE,
      ...(status === 401 && { 'www-authenticate': challenge(failure.code) }),
      ...(failure.retryAfterSeconds !== undefined && { 'retry-after': String(failure.retryAfterSeconds) }),
      // What is left of a body that is too large, or too slow, would otherwise be waited for.
      ...(status === 413 || status === 408 ? { connection: 'close' } : {}),
    },
    body: {
      ...failure.extra,
      type: problemType(failure.code),
      title,
      status,
      // It may name what the caller named; where that is, letter by letter, is in the errors.
      detail: visible(failure.detail),
      code: failure.code,
      error_code: failure.code,
      request_id: requestId,
      ...(errors !== undefined && errors.length > 0 && { errors }),
    },
  }
}

/** What a client is told of a credential (RFC 6750, section 3): `invalid_token` when there was one. */
function challenge(code: FailureCode): string {
  return code === 'unauthenticated' ? 'Bearer realm="switchboard"' : 'Bearer realm="switchboard", error="invalid_token"'
}

/** The failure that an error stands for. */
export function failureOf(error: unknown): SwitchboardError {
  if (error instanceof SwitchboardError) return withRetryAfter(error)
  if (isFastifyError(error)) {
    if (error.validation !== undefined) return validationFailure(error)
    const known = frameworkFailures[error.code]
    if (known !== undefined) return new SwitchboardError(known[0], known[1], { cause: error })
  }
  return new SwitchboardError('internal', 'Something went wrong here. It has been logged under the request id.', {
    cause: error,
  })
}

/** Seconds after which a request that failed for the server's own reasons is worth sending again. */
const RETRY_AFTER_SECONDS: Partial<Record<FailureCode, number>> = {
  storage_full: 30,
  storage_fault: 30,
  unavailable: 5,
  server_draining: 1,
  stream_unavailable: 5,
  overloaded: 1,
  rate_limited: 1,
}

function withRetryAfter(error: SwitchboardError): SwitchboardError {
  const retryAfterSeconds = RETRY_AFTER_SECONDS[error.code]
  if (error.retryAfterSeconds !== undefined || retryAfterSeconds === undefined) return error
  return new SwitchboardError(error.code, error.detail, {
    ...(error.errors && { errors: error.errors }),
    ...(error.extra && { extra: error.extra }),
    retryAfterSeconds,
    cause: error,
  })
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
}

/** What the framework itself refuses, before any of our code is asked. */
const frameworkFailures: Readonly<Record<string, readonly [FailureCode, string]>> = {
  FST_ERR_BAD_URL: ['bad_request', 'The path is not a valid URL path: check its percent-encoding.'],
  FST_ERR_MAX_PARAM_LENGTH: ['invalid_parameter', 'A parameter in the path is too long: no id has so many characters.'],
  FST_ERR_ASYNC_CONSTRAINT: ['bad_request', 'The request cannot be routed.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['bad_request', 'The body is not as long as Content-Length says.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['body_too_large', 'The body is too large.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['invalid_json', 'The body is empty.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['invalid_json', 'The body is not JSON.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported_media_type',
    'The Content-Type is empty, or is none that is accepted here: send application/json.',
  ],
  ECONNRESET: ['bad_request', 'The connection ended before the body did.'],
}

/** More errors than a person reads at once are of no use: a refusal must not be larger than what it refuses. */
const ERRORS_MAX = 20

/** A schema's refusal. Values are never repeated: they may be personal data or secrets. */
function validationFailure(error: FastifyError): SwitchboardError {
  const context = error.validationContext ?? 'body'
  const errors = (error.validation ?? [])
    .slice(0, ERRORS_MAX)
    .map(({ keyword, instancePath, params, message }): ErrorItem => {
      const told: Readonly<Record<string, unknown>> = params
      if (keyword === 'required')
        return { path: instancePath + pointer([String(told.missingProperty)]), message: 'is required' }
      if (keyword === 'additionalProperties') {
        return { path: instancePath + pointer([String(told.additionalProperty)]), message: 'is not accepted' }
      }
      if (keyword === 'type' && told.type === 'string' && context === 'querystring') {
        // All of a query is text: only what is given twice is something else.
        return { path: instancePath, message: 'is given more than once; give it once' }
      }
      if (keyword === 'enum') return { path: instancePath, message: `must be one of ${listOf(told.allowedValues)}` }
      return { path: instancePath, message: textMessage(keyword, told) ?? message ?? 'is not accepted' }
    })
  const first = errors[0] ?? { path: '', message: 'is not accepted' }
  if (context === 'body') {
    const where = first.path === '' ? 'The body' : first.path
    return new SwitchboardError('invalid_request', `${where} ${first.message}.`, { errors, cause: error })
  }
  const name = first.path.split('/')[1] ?? ''
  const code: FailureCode = name === 'idempotency-key' ? 'invalid_idempotency_key' : 'invalid_parameter'
  const place = context === 'headers' ? 'header' : context === 'params' ? 'path parameter' : 'query parameter'
  return new SwitchboardError(code, `The ${place} ${name} ${first.message}.`, { errors, cause: error })
}

/** What is accepted of a text, in words; undefined for other keywords, and for patterns that have none. */
function textMessage(keyword: string, { limit, pattern }: Readonly<Record<string, unknown>>): string | undefined {
  if (keyword === 'minLength') return limit === 1 ? 'must not be empty' : `must have ${limit} characters or more`
  if (keyword === 'maxLength') return `must have ${limit} characters or fewer`
  if (keyword !== 'pattern') return undefined
  if (pattern === '\\S') return 'must not be blank'
  const [, least, most] = /^\^\[\\x21-\\x7e\]\{(\d+),(\d+)\}\$$/.exec(String(pattern)) ?? []
  return least && `must be ${least} to ${most} visible ASCII characters without spaces`
}

function listOf(values: unknown): string {
  return Array.isArray(values) ? values.map((value) => JSON.stringify(value)).join(', ') : 'the accepted values'
}
