import type { Ending } from './connection-state.js'
import { type ErrorItem, type FailureCode, SwitchboardError } from './errors.js'

export type Fetch = typeof globalThis.fetch

/** Values of one query parameter; a list is sent as one parameter each, undefined is left out. */
export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>

/** `baseUrl` + path + query, keeping a path prefix of the base. Path segments are given already encoded. */
export function buildUrl(baseUrl: string, path: string, query: Query = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue
    if (typeof value === 'object') for (const each of value) parameters.append(name, each)
    else parameters.append(name, String(value))
  }
  const text = parameters.toString()
  return `${baseUrl}${path}${text === '' ? '' : `?${text}`}`
}

/** The base without its trailing slashes. @throws SwitchboardError `invalid_argument` when it is no http(s) URL. */
export function cleanBaseUrl(baseUrl: string): string {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  const plain =
    url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '' && url.hash === ''
  if (!plain) {
    const accepted =
      'accepted is an http or https URL without credentials, query and fragment, as https://events.example.com'
    throw new SwitchboardError('invalid_argument', `baseUrl is not a usable URL; ${accepted}`)
  }
  return baseUrl.replace(/\/+$/, '')
}

/** One path segment of what a caller passed. @throws SwitchboardError `invalid_argument` when it is empty or a dot. */
export function segment(name: string, value: string): string {
  if (typeof value === 'string' && value !== '' && value !== '.' && value !== '..') return encodeURIComponent(value)
  throw new SwitchboardError('invalid_argument', `${name} is ${JSON.stringify(value)}; accepted is a non-empty id`)
}

const CODE_OF_STATUS: Readonly<Record<number, FailureCode>> = {
  400: 'bad_request',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  409: 'conflict',
  413: 'body_too_large',
  415: 'unsupported_media_type',
  422: 'invalid_request',
  429: 'rate_limited',
  507: 'storage_full',
}

/** The failure an HTTP answer tells of: from its problem body where there is one, else from its status. */
export async function errorOf(response: Response, now: number): Promise<SwitchboardError> {
  // A body that breaks off or is no JSON takes nothing away: the status has said enough.
  const text = await response.text().catch(() => '')
  return problemError(response, parseObject(text) ?? {}, now)
}

/** As `errorOf`, for a body that has been read and parsed already. */
export function problemError(response: Response, problem: JsonObject, now: number): SwitchboardError {
  const { status } = response
  const code = stringOf(problem.code) ?? stringOf(problem.error_code) ?? CODE_OF_STATUS[status] ?? codeOfClass(status)
  const detail = stringOf(problem.detail) ?? stringOf(problem.title) ?? `the server answered ${status}`
  return new SwitchboardError(code, detail, {
    status,
    requestId: stringOf(problem.request_id) ?? response.headers.get('x-request-id') ?? undefined,
    retryAfterMs: retryAfterMs(response.headers.get('retry-after'), now),
    errors: errorItems(problem.errors),
  })
}

function codeOfClass(status: number): FailureCode {
  if (status >= 500) return status === 503 ? 'unavailable' : 'internal'
  return status >= 400 ? 'bad_request' : 'unexpected_response'
}

function errorItems(value: unknown): readonly ErrorItem[] | undefined {
  if (!Array.isArray(value)) return undefined
  return value.map((item: unknown) => {
    const { path, message } = isObject(item) ? item : { path: '', message: item }
    return { path: stringOf(path) ?? '', message: String(message) }
  })
}

/** `Retry-After` in milliseconds: seconds, or a date. */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/** What a refused stream or request should do next: this is where a status gets its meaning. */
export function endingOfStatus(error: SwitchboardError): Ending {
  const status = error.status ?? 0
  if (status === 401 || status === 403) return { advice: 'refresh', error }
  const again = status === 408 || status === 425 || status === 429 || status >= 500
  return again ? { advice: 'retry', error, retryAfterMs: error.retryAfterMs } : { advice: 'give-up', error }
}

export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The JSON object a text holds, or undefined. Never throws. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
