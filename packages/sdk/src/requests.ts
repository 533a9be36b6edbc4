import { type Clock, sleep } from './clock.js'
import { backoffMs, type Ending } from './connection-state.js'
import { type Credential, canRefresh, takeCredential } from './credential.js'
import { SwitchboardError } from './errors.js'
import { endingOfStatus, type Fetch, parseObject, problemError } from './http.js'
import { orAborted } from './link.js'

export interface RequestPolicy {
  /** Attempts of one request, the first included. Default 6. */
  readonly attempts: number
  /** Time for one request with all its attempts and waits. Default 30 s. */
  readonly totalMs: number
  /** Time for one attempt. Default 10 s. */
  readonly attemptMs: number
  /** The first wait is drawn from [0, this), and doubles each time. Default 250 ms. */
  readonly delayMs: number
  /** A wait is never drawn from more than [0, this). Default 5 s. */
  readonly delayMsMax: number
}

export const requestPolicy: RequestPolicy = {
  attempts: 6,
  totalMs: 30_000,
  attemptMs: 10_000,
  delayMs: 250,
  delayMsMax: 5000,
}

export interface SenderOptions {
  readonly fetch: Fetch
  readonly credential: Credential
  readonly clock: Clock
  readonly random: () => number
  readonly policy: RequestPolicy
}

/** Methods that may be sent again when nobody knows whether the first one arrived. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE'])

/**
 * A `fetch` for the REST functions. It adds the credential, asks for a fresh one when the server refuses it, and sends
 * a request again when that is safe: reads, and whatever carries an `Idempotency-Key`. It resolves with a 2xx answer
 * whose body has been read, and throws a SwitchboardError otherwise.
 */
export function sender(options: SenderOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    const body = request.body === null ? undefined : await request.text()
    const deadline = options.clock.monotonic() + options.policy.totalMs
    const repeatable = REPEATABLE.has(request.method) || request.headers.has('idempotency-key')
    let refused = false
    for (let attempt = 0; ; attempt += 1) {
      const remaining = deadline - options.clock.monotonic()
      const outcome = await send(request, body, refused, Math.min(options.policy.attemptMs, remaining), options)
      if (outcome instanceof Response) return outcome
      if (request.signal.aborted) throw new SwitchboardError('aborted', 'the request was aborted by its caller')
      const { ending } = outcome
      if (ending.advice === 'refresh' && !refused && canRefresh(options.credential)) {
        refused = true
        continue
      }
      const unsafe = !repeatable && !outcome.refusedUndone
      if (ending.advice !== 'retry' || unsafe || attempt + 1 >= options.policy.attempts) throw ending.error
      const jitter = options.random() * backoffMs(attempt, options.policy.delayMs, options.policy.delayMsMax)
      const waitMs = (ending.retryAfterMs ?? 0) + jitter
      // Waiting longer than the caller's patience helps nobody: the error says when to come back.
      if (options.clock.monotonic() + waitMs >= deadline) throw ending.error
      await sleep(options.clock, waitMs, request.signal)
    }
  }
}

interface Failed {
  readonly ending: Exclude<Ending, { readonly advice: 'over' | 'resume' }>
  /** The server said no before it did anything. */
  readonly refusedUndone: boolean
}

async function send(
  request: Request,
  body: string | undefined,
  refused: boolean,
  timeoutMs: number,
  options: SenderOptions,
): Promise<Response | Failed> {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  if (request.signal.aborted) abort()
  request.signal.addEventListener('abort', abort)
  let timedOut = false
  const cancel = options.clock.after(timeoutMs, () => {
    timedOut = true
    abort()
  })
  try {
    const headers = new Headers(request.headers)
    headers.set(
      'authorization',
      `Bearer ${await orAborted(takeCredential(options.credential, refused), controller.signal)}`,
    )
    const { method, url } = request
    const answer = await options.fetch(url, {
      method,
      headers,
      signal: controller.signal,
      ...(body !== undefined && { body }),
    })
    // Read here, so that an answer that breaks off half-way is asked for again too.
    const text = await answer.text()
    if (answer.ok) return checked(answer, text)
    const ending = endingOfStatus(problemError(answer, parseObject(text) ?? {}, options.clock.now()))
    return { ending: withError(ending), refusedUndone: answer.status === 429 || answer.status === 408 }
  } catch (cause) {
    if (cause instanceof SwitchboardError && cause.code === 'credential_failed') {
      return { ending: { advice: 'give-up', error: cause }, refusedUndone: true }
    }
    const detail = timedOut ? `no answer within ${Math.round(timeoutMs)} ms` : 'the connection broke or was refused'
    const error = new SwitchboardError('connection_failed', detail, { cause })
    return { ending: { advice: 'retry', error }, refusedUndone: false }
  } finally {
    cancel()
    request.signal.removeEventListener('abort', abort)
  }
}

/** The answer with its body at hand, or why it is not one of a Switchboard server: a proxy's page, a cut JSON. */
function checked(answer: Response, text: string): Response | Failed {
  const { status } = answer
  const type = answer.headers.get('content-type') ?? ''
  const isPage = /html/i.test(type)
  if (isPage || (/json/i.test(type) && text !== '' && !isJson(text))) {
    const detail = `expected JSON, got ${status} with ${type} that is ${isPage ? 'a page' : 'malformed'}; is baseUrl a Switchboard server?`
    const error = new SwitchboardError('unexpected_response', detail, { status })
    return { ending: { advice: 'give-up', error }, refusedUndone: false }
  }
  return new Response(status === 204 || status === 205 ? null : text, answer)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function withError(ending: Ending): Failed['ending'] {
  if ('error' in ending) return ending
  return { advice: 'give-up', error: new SwitchboardError('unexpected_response', 'the server gave no usable answer') }
}
