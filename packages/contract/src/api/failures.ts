/**
 * The one table of failures. A failure has a stable code; its HTTP status, WebSocket close code, retry advice and
 * CLI exit status follow from the code, here and nowhere else. A published code is never given a new meaning.
 */
export interface Failure {
  /** HTTP status of a problem answer. */
  readonly status: number
  /** One line for people: the problem's `title`. */
  readonly title: string
  /** When the same request may be sent again. `after-refresh` means: with a new credential. */
  readonly retry: 'never' | 'now' | 'later' | 'after-refresh'
  /** Exit status of the CLI. */
  readonly exit: number
  /** Close code on an observer, when it can end one. */
  readonly close?: number
  /** It may appear as an `error` frame on the workspace stream. */
  readonly frame?: true
}

export const failures = {
  bad_request: { status: 400, title: 'The request is malformed', retry: 'never', exit: 2, close: 4001 },
  invalid_json: { status: 400, title: 'The body is not valid JSON', retry: 'never', exit: 2 },
  invalid_position: { status: 400, title: 'The position is malformed', retry: 'never', exit: 2, close: 4001 },
  invalid_parameter: { status: 400, title: 'A parameter is not accepted', retry: 'never', exit: 2, close: 4001 },
  invalid_idempotency_key: { status: 400, title: 'The idempotency key is not accepted', retry: 'never', exit: 2 },
  unauthenticated: { status: 401, title: 'A valid credential is needed', retry: 'after-refresh', exit: 3, close: 4403 },
  credential_expired: {
    status: 401,
    title: 'The credential has expired',
    retry: 'after-refresh',
    exit: 3,
    close: 4100,
    frame: true,
  },
  credential_revoked: {
    status: 401,
    title: 'The credential has been revoked',
    retry: 'after-refresh',
    exit: 3,
    close: 4100,
    frame: true,
  },
  invalid_signature: { status: 403, title: 'The signature does not match', retry: 'never', exit: 4 },
  forbidden: { status: 403, title: 'The credential does not allow this', retry: 'never', exit: 4, close: 4403 },
  not_found: { status: 404, title: 'There is nothing here', retry: 'never', exit: 5 },
  call_unknown: { status: 404, title: 'The call is not known', retry: 'later', exit: 5, close: 4004 },
  method_not_allowed: { status: 405, title: 'The method is not allowed here', retry: 'never', exit: 2 },
  request_timeout: { status: 408, title: 'The request did not arrive in time', retry: 'now', exit: 75 },
  conflict: { status: 409, title: 'It exists already', retry: 'never', exit: 6 },
  idempotency_key_reused: {
    status: 409,
    title: 'The idempotency key was used with another body',
    retry: 'never',
    exit: 6,
  },
  legal_hold: { status: 409, title: 'The data is under a legal hold', retry: 'never', exit: 6 },
  body_too_large: { status: 413, title: 'The body is too large', retry: 'never', exit: 2 },
  event_too_large: { status: 413, title: 'An event is too large', retry: 'never', exit: 2 },
  unsupported_media_type: { status: 415, title: 'The content type is not accepted', retry: 'never', exit: 2 },
  invalid_event: { status: 422, title: 'An event does not fit the catalogue', retry: 'never', exit: 7 },
  unknown_event_type: { status: 422, title: 'The event type is not in the catalogue', retry: 'never', exit: 7 },
  too_many_events: { status: 422, title: 'The batch holds too many events', retry: 'never', exit: 7 },
  invalid_request: { status: 422, title: 'The request does not fit its schema', retry: 'never', exit: 7 },
  rate_limited: { status: 429, title: 'Too many requests', retry: 'later', exit: 8 },
  too_many_streams: {
    status: 429,
    title: 'The workspace has its maximum of open streams',
    retry: 'later',
    exit: 8,
    close: 4029,
    frame: true,
  },
  internal: { status: 500, title: 'The server failed', retry: 'later', exit: 70, close: 1011 },
  stream_error: { status: 500, title: 'The stream failed', retry: 'now', exit: 70, close: 1011, frame: true },
  stream_unavailable: {
    status: 503,
    title: 'The stream cannot be served now',
    retry: 'later',
    exit: 75,
    close: 1013,
    frame: true,
  },
  unavailable: { status: 503, title: 'The server cannot do this now', retry: 'later', exit: 75 },
  overloaded: {
    status: 503,
    title: 'The server has more to do than it can',
    retry: 'later',
    exit: 75,
    close: 1013,
    frame: true,
  },
  storage_full: { status: 507, title: 'The disk is full', retry: 'later', exit: 75 },
  storage_fault: {
    status: 503,
    title: 'The storage failed, so nothing more is acknowledged',
    retry: 'later',
    exit: 75,
  },
  server_draining: { status: 503, title: 'The server is going away', retry: 'now', exit: 75, close: 1012, frame: true },
  client_stalled: {
    status: 408,
    title: 'The reader took nothing for too long',
    retry: 'now',
    exit: 75,
    close: 1013,
    frame: true,
  },
  misdirected: { status: 421, title: 'Another server has this workspace', retry: 'later', exit: 75, close: 1013 },
  call_ended: { status: 410, title: 'The call is over', retry: 'never', exit: 0, close: 1000 },
  frame_too_big: { status: 413, title: 'The message is too big', retry: 'never', exit: 2, close: 1009 },
} as const satisfies Record<string, Failure>

export type FailureCode = keyof typeof failures

/** One thing that is wrong with a body or a parameter: where (a JSON pointer, `/limit` for a parameter) and what would be accepted. */
export interface ErrorItem {
  readonly path: string
  readonly message: string
}

/** A failure of the table, thrown. `detail` is for the caller to read and never holds personal data. */
export class SwitchboardError extends Error {
  override readonly name = 'SwitchboardError'
  readonly code: FailureCode
  readonly detail: string
  /** What is wrong where, for validation failures. */
  readonly errors: readonly ErrorItem[] | undefined
  /** Seconds for `Retry-After`. */
  readonly retryAfterSeconds: number | undefined
  /** Further members of the problem body. */
  readonly extra: Readonly<Record<string, unknown>> | undefined

  constructor(
    code: FailureCode,
    detail: string,
    options: ErrorOptions & {
      errors?: readonly ErrorItem[]
      retryAfterSeconds?: number
      extra?: Readonly<Record<string, unknown>>
    } = {},
  ) {
    // The code first: a close reason or a terminal may show no more.
    super(`[${code}] ${detail}`, options)
    this.code = code
    this.detail = detail
    this.errors = options.errors
    this.retryAfterSeconds = options.retryAfterSeconds
    this.extra = options.extra
  }
}
