import { type FailureCode, SwitchboardError } from '@switchboard/contract'
import { ConfigError } from '../ops/config.js'

/** What was thrown in one process, on its way to be thrown in another. */
export type SentFailure =
  | {
      readonly kind: 'failure'
      readonly code: FailureCode
      readonly detail: string
      readonly options: ConstructorParameters<typeof SwitchboardError>[2]
    }
  | { readonly kind: 'config'; readonly message: string }
  | { readonly kind: 'bug'; readonly message: string; readonly stack: string | undefined }

export function sendFailure(error: unknown): SentFailure {
  if (error instanceof ConfigError) return { kind: 'config', message: error.message }
  if (!(error instanceof SwitchboardError)) return sentBug(error)
  const { code, detail, errors, retryAfterSeconds, extra, cause } = error
  const options = {
    ...(errors && { errors }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(extra && { extra }),
    // For the log: a cause may be anything, and not everything can be sent.
    ...(cause !== undefined && { cause: sentBug(cause) }),
  }
  return { kind: 'failure', code, detail, options }
}

export function receiveFailure(sent: SentFailure): Error {
  if (sent.kind === 'config') return new ConfigError(sent.message)
  if (sent.kind === 'bug') return receiveBug(sent)
  const { cause, ...options } = sent.options ?? {}
  return new SwitchboardError(sent.code, sent.detail, {
    ...options,
    ...(cause !== undefined && { cause: receiveBug(cause as Extract<SentFailure, { kind: 'bug' }>) }),
  })
}

function sentBug(error: unknown): Extract<SentFailure, { kind: 'bug' }> {
  return error instanceof Error
    ? { kind: 'bug', message: error.message, stack: error.stack }
    : { kind: 'bug', message: String(error), stack: undefined }
}

function receiveBug({ message, stack }: Extract<SentFailure, { kind: 'bug' }>): Error {
  return Object.assign(new Error(message), stack !== undefined && { stack })
}
