import type { ErrorItem, FailureCode } from '@switchboard/contract'
import { failures } from '@switchboard/contract/core'
import type { Context } from './context.js'
import { CliError } from './failure.js'
import { certificateTrouble } from './trust.js'

/** How long an answer may take. None of these requests does much work. */
const ANSWER_MS_MAX = 15_000
/** Pages of one list: 100 items each, so a list beyond this is no longer for reading. */
const PAGES_MAX = 100

/** The requests that the SDK leaves out: workspaces, keys, tokens, and questions about the server itself. */
export interface Api {
  readonly url: string
  /** The answer's body. @throws CliError with the server's code, or `unavailable` when nothing answers. */
  request<T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T>
  /** All items of a paged list. */
  list<T>(path: string): Promise<readonly T[]>
}

interface Page<T> {
  readonly items: readonly T[]
  readonly has_more: boolean
  readonly continuation_token?: unknown
}

export function createApi(url: string, key: string | undefined, context: Pick<Context, 'fetch' | 'signal'>): Api {
  const api: Api = {
    url,
    async request<T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T> {
      const headers: Record<string, string> = { accept: 'application/json' }
      if (key !== undefined) headers.authorization = `Bearer ${key}`
      if (body !== undefined) headers['content-type'] = 'application/json'
      const response = await send(url, path, context, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      if (!response.ok) throw failureOf(response, text)
      if (text === '') return undefined as T
      const answer = parse(text)
      if (answer !== undefined) return answer as T
      throw new CliError('internal', `${url} answered with something that is not JSON.`, 'Is it a Switchboard server?')
    },
    async list<T>(path: string): Promise<readonly T[]> {
      const items: T[] = []
      const join = path.includes('?') ? '&' : '?'
      let token = ''
      for (let pages = 0; pages < PAGES_MAX; pages++) {
        const page = await api.request<Page<T>>('GET', `${path}${join}limit=100${token}`)
        items.push(...page.items)
        if (!page.has_more || typeof page.continuation_token !== 'string') break
        token = `&continuation_token=${encodeURIComponent(page.continuation_token)}`
      }
      return items
    },
  }
  return api
}

/** A path segment of something that a person typed. */
export function segment(text: string): string {
  return encodeURIComponent(text)
}

/** @throws CliError `unavailable` when nothing answers. */
export async function send(
  url: string,
  path: string,
  context: Pick<Context, 'fetch' | 'signal'>,
  init: RequestInit,
): Promise<Response> {
  try {
    return await context.fetch(`${url}${path}`, {
      ...init,
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(ANSWER_MS_MAX)]),
    })
  } catch (error) {
    if (context.signal.aborted) throw error
    const slow = error instanceof Error && error.name === 'TimeoutError'
    throw unreachable(url, error, slow ? `${url} did not answer within ${ANSWER_MS_MAX / 1000} s.` : undefined)
  }
}

/** What to say when a connection to a server could not be made. @param what Instead of "Nothing answers". */
export function unreachable(
  url: string,
  error: unknown,
  what = `Nothing answers at ${url}${because(error)}.`,
): CliError {
  const trouble = certificateTrouble(error)
  if (trouble !== undefined) {
    return new CliError('unavailable', `${url} is there, and its certificate ${trouble.what}.`, trouble.advice)
  }
  return new CliError(
    'unavailable',
    what,
    'Is it running? Start it with `switchboard serve`, or say where it is with --url or SWITCHBOARD_URL.',
  )
}

/** fetch hides the reason two levels deep. */
function because(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  const code = (cause as { code?: unknown } | undefined)?.code
  if (code === 'ECONNREFUSED') return ' (connection refused)'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return ' (the name is not known)'
  return typeof code === 'string' ? ` (${code})` : ''
}

function failureOf(response: Response, text: string): CliError {
  const problem = parse(text)
  const { code, detail, errors } = (typeof problem === 'object' && problem !== null ? problem : {}) as {
    code?: unknown
    detail?: unknown
    errors?: unknown
  }
  const known = typeof code === 'string' && Object.hasOwn(failures, code) ? (code as FailureCode) : undefined
  const words = typeof detail === 'string' ? detail : `the server answered ${response.status}`
  return new CliError(
    known ?? codeOfStatus(response.status),
    words,
    undefined,
    Array.isArray(errors) ? (errors as ErrorItem[]) : [],
  )
}

function codeOfStatus(status: number): FailureCode {
  if (status === 401) return 'unauthenticated'
  if (status === 403) return 'forbidden'
  if (status === 404) return 'not_found'
  if (status === 429) return 'rate_limited'
  if (status >= 500) return status === 503 ? 'unavailable' : 'internal'
  return 'bad_request'
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
