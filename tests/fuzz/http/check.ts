import { failures } from '@switchboard/contract'
import { leadsSomewhere } from '../pointer.js'
import type { OpenApi } from './document.js'
import type { RawAnswer } from './raw.js'
import type { Draft, Ground } from './request.js'

/** Of these the body was at fault, so that a pointer leads into it. */
const OF_BODY = ['invalid_request', 'invalid_event', 'unknown_event_type', 'too_many_events', 'event_too_large']
/** Answers to a preflight, and to a path that can only be asked for its methods. */
const BODILESS = [204, 304]

/** What is wrong with an answer; empty when nothing is. */
export function faultsOf(document: OpenApi, draft: Draft, answer: RawAnswer, ground: Ground): readonly string[] {
  const faults: string[] = []
  const { status, headers, body, cut } = answer
  const text = body.toString()
  const type = headers.get('content-type')?.[0]?.split(';')[0] ?? ''
  const id = headers.get('x-request-id') ?? []
  if (id.length !== 1) faults.push(`${id.length} x-request-id`)
  if (headers.has('x-injected')) faults.push('a header that was injected')
  for (const secret of [ground.adminKey, ground.apiKey, ground.accessToken]) {
    if (text.includes(secret)) faults.push('a credential is repeated')
  }
  if (draft.method === 'HEAD' || BODILESS.includes(status)) {
    // What the parser itself refuses has no method that anybody knows of.
    if (body.length > 0 && !isOfParser(draft, status))
      faults.push(`a body of ${body.length} bytes where there must be none`)
    return status < 500 ? faults : [...faults, `${status}`]
  }
  if (status >= 400) return [...faults, ...problemFaults(document, draft, answer, type, text)]
  const operation = document.at(draft)
  if (operation === undefined || draft.done.includes('the path')) return faults
  if (cut) {
    if (!/^[0-9a-f]+\r\n/.test(text) || !text.includes('retry: '))
      faults.push(`a stream that begins with ${JSON.stringify(text.slice(0, 80))}`)
    return faults
  }
  const fault = document.fault(operation, status, type, bodyValue(type, text))
  return fault === undefined ? faults : [...faults, `${status} ${type}: ${fault}`]
}

function bodyValue(type: string, text: string): unknown {
  return type === 'application/json' ? jsonOf(text) : text
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''))
  } catch {
    return undefined
  }
}

/** What pointers lead into: the body, or its lines by their number. */
function sentIn({ headers, body }: Draft): unknown {
  const isLines = headers.some(([name, value]) => name === 'Content-Type' && value === 'application/x-ndjson')
  if (!isLines) return jsonOf(String(body))
  return {
    lines: Object.fromEntries(
      String(body)
        .split('\n')
        .map((line, index) => [index + 1, jsonOf(line)]),
    ),
  }
}

function isOfParser(draft: Draft, status: number): boolean {
  return status === 431 || (status === 400 && draft.done.includes('the path'))
}

interface Told {
  readonly code: string
  readonly status: number
  readonly detail: string
  readonly request_id: string
  readonly errors?: readonly { readonly path: string; readonly message: string }[]
}

function problemFaults(
  document: OpenApi,
  draft: Draft,
  { status, headers }: RawAnswer,
  type: string,
  text: string,
): readonly string[] {
  if (type !== 'application/problem+json') return [`${status} as ${type}`]
  const problem = jsonOf(text) as Told | undefined
  const fault = document.problemFault(problem)
  if (problem === undefined || fault !== undefined) return [`the problem: ${fault}`]
  const faults: string[] = []
  const { code, detail, errors = [] } = problem
  const known: { readonly status: number } | undefined = failures[code as keyof typeof failures]
  // What the parser refuses for its size has a status of its own, and no row of the table.
  if (known?.status !== status && status !== 431) faults.push(`${status} with the code ${code}`)
  if (problem.status !== status) faults.push(`${status} that says ${problem.status}`)
  if (problem.request_id !== headers.get('x-request-id')?.[0]) faults.push('another request id than the header has')
  // Another path may be another operation's.
  const isKnown = !draft.done.includes('the path')
  if (isKnown && !(status in (document.at(draft)?.responses ?? {})) && !document.general.includes(code))
    faults.push(`${status} ${code} is not declared`)
  if (status >= 500) faults.push(`${status} ${code}: ${detail}`)
  if (/[\p{Cc}\u202e\u2028]/u.test(detail)) faults.push('the detail holds characters that nobody sees')
  if (text.length > 64 * 1024) faults.push(`a problem of ${text.length} bytes`)
  if (code === 'invalid_parameter' && !/[\w-]/.test(detail)) faults.push('an invalid parameter without its name')
  if (OF_BODY.includes(code)) {
    // A workspace that is full is no fault of anything that was sent.
    if (errors.length === 0 && !detail.includes('has its maximum of')) faults.push(`${code} that does not say where`)
    const sent = sentIn(draft)
    for (const { path } of errors) {
      if (sent !== undefined && !leadsSomewhere(sent, path)) faults.push(`${code}: ${path} leads nowhere`)
    }
  }
  return faults
}
