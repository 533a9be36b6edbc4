/** One thing that is wrong with a body or a parameter: where (a JSON pointer, `/limit` for a parameter) and what would be accepted. */
export interface ErrorItem {
  readonly path: string
  readonly message: string
}

/** Failures that arise on this side of the wire. */
export type ClientFailureCode =
  /** An argument is not accepted; nothing was sent. */
  | 'invalid_argument'
  /** The server could not be reached, or the connection broke. */
  | 'connection_failed'
  /** Every reconnect that the budget allows has failed; `cause` is the last failure. */
  | 'connection_lost'
  /** Nothing arrived for `silenceMs`, not even a heartbeat. */
  | 'connection_silent'
  /** The credential function threw, or gave something that is no credential. */
  | 'credential_failed'
  /** The answer is not what a Switchboard server sends: a proxy's page, another content type. */
  | 'unexpected_response'
  /** The caller's signal aborted a request. Streams end without an error instead. */
  | 'aborted'
  /** No WebSocket here: neither a global one nor the `ws` package. */
  | 'websocket_missing'

/** Codes that a Switchboard server answers with. */
export type ServerFailureCode =
  | 'bad_request'
  | 'invalid_json'
  | 'invalid_position'
  | 'invalid_parameter'
  | 'invalid_idempotency_key'
  | 'unauthenticated'
  | 'credential_expired'
  | 'credential_revoked'
  | 'invalid_signature'
  | 'forbidden'
  | 'not_found'
  | 'call_unknown'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'conflict'
  | 'idempotency_key_reused'
  | 'legal_hold'
  | 'body_too_large'
  | 'event_too_large'
  | 'unsupported_media_type'
  | 'invalid_event'
  | 'unknown_event_type'
  | 'too_many_events'
  | 'invalid_request'
  | 'rate_limited'
  | 'too_many_streams'
  | 'internal'
  | 'stream_error'
  | 'stream_unavailable'
  | 'unavailable'
  | 'overloaded'
  | 'storage_full'
  | 'storage_fault'
  | 'server_draining'
  | 'client_stalled'
  | 'misdirected'
  | 'call_ended'
  | 'frame_too_big'

export type KnownFailureCode = ClientFailureCode | ServerFailureCode

/** Open, because a newer server may have codes this SDK has not heard of. */
export type FailureCode = KnownFailureCode | (string & {})

export interface SwitchboardErrorOptions extends ErrorOptions {
  readonly status?: number | undefined
  readonly requestId?: string | undefined
  readonly retryAfterMs?: number | undefined
  readonly errors?: readonly ErrorItem[] | undefined
  readonly idempotencyKey?: string | undefined
}

/** Every failure of this SDK. Decide by `code`, never by the message. */
export class SwitchboardError extends Error {
  override readonly name = 'SwitchboardError'
  readonly code: FailureCode
  /** What happened, for people. */
  readonly detail: string
  /** HTTP status, when an HTTP answer told of the failure. */
  readonly status: number | undefined
  /** The server's name for the request: quote it when asking for help. */
  readonly requestId: string | undefined
  /** Milliseconds after which the server wants to be asked again. */
  readonly retryAfterMs: number | undefined
  /** What is wrong where, for refused events. */
  readonly errors: readonly ErrorItem[] | undefined
  /** The key of a failed publish. Publishing the same events with it again cannot store them twice. */
  readonly idempotencyKey: string | undefined

  constructor(code: FailureCode, detail: string, options: SwitchboardErrorOptions = {}) {
    // The code first: a terminal or a log line may show no more.
    super(`[${code}] ${detail}`, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.detail = detail
    this.status = options.status
    this.requestId = options.requestId
    this.retryAfterMs = options.retryAfterMs
    this.errors = options.errors
    this.idempotencyKey = options.idempotencyKey
  }
}

/** True for errors of this SDK, also of another copy of it (one loaded as ESM, one as CommonJS). */
export function isSwitchboardError(error: unknown): error is SwitchboardError {
  return (
    error instanceof Error && error.name === 'SwitchboardError' && 'code' in error && typeof error.code === 'string'
  )
}
