import type { ErrorItem } from '@switchboard/contract'
import { type FailureCode, failures, SwitchboardError } from '@switchboard/contract/core'

/** Exit status for arguments that make no sense, the same as `bad_request`. */
const USAGE = failures.bad_request.exit

/** A failure as a person at a terminal gets to see it, with the status to exit with. */
export interface Told {
  readonly code: string
  readonly message: string
  readonly errors: readonly ErrorItem[]
  /** What to do about it; undefined when the message says it already. */
  readonly hint: string | undefined
  readonly exit: number
}

/** Something that the user can put right: one line that says what is wrong, and one that says what to do. */
export class CliError extends Error {
  override readonly name = 'CliError'

  constructor(
    readonly code: FailureCode,
    message: string,
    readonly hint?: string,
    readonly errors: readonly ErrorItem[] = [],
  ) {
    super(message)
  }
}

function isFailureCode(code: unknown): code is FailureCode {
  return typeof code === 'string' && Object.hasOwn(failures, code)
}

/** Failures that the SDK finds on this side of the wire, as the row of the table that exits alike. */
const CLIENT: Readonly<Record<string, FailureCode>> = {
  invalid_argument: 'bad_request',
  connection_failed: 'unavailable',
  connection_lost: 'unavailable',
  connection_silent: 'unavailable',
  credential_failed: 'unauthenticated',
  unexpected_response: 'internal',
  websocket_missing: 'internal',
}

/** System errors by their `code`, in words. `syscall` and paths stay out, `detail` may add them. */
const SYSTEM: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is not a folder',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EMFILE: 'too many files are open',
}

/**
 * What to say about anything that was thrown. Known failures of this program, the SDK and the server carry a code of
 * the failure table; whatever else comes is our mistake, and is said with its stack only when `debug`.
 */
export function tell(error: unknown, debug = false): Told {
  if (error instanceof CliError) return told(error.code, error.message, error.errors, error.hint)
  if (error instanceof SwitchboardError) return told(error.code, error.detail, error.errors ?? [])
  if (error instanceof Error) {
    // The server's word for a setting that cannot be. It is told by name, because only `serve` loads the server.
    if (error.name === 'ConfigError') return told('bad_request', error.message, [])
    const { code } = error as { code?: unknown }
    if (isFailureCode(code)) return told(code, withoutCode(error, code), itemsOf(error))
    const clientSide = typeof code === 'string' ? CLIENT[code] : undefined
    if (clientSide !== undefined && typeof code === 'string') {
      return { ...told(clientSide, withoutCode(error, code), itemsOf(error)), code }
    }
    if (typeof code === 'string' && SYSTEM[code] !== undefined) {
      const path = (error as { path?: unknown }).path
      const exit = code === 'ENOSPC' ? failures.storage_full.exit : USAGE
      return {
        code,
        message: `${typeof path === 'string' ? `${path}: ` : ''}${SYSTEM[code]}`,
        errors: [],
        hint: undefined,
        exit,
      }
    }
    const message = debug ? (error.stack ?? error.message) : error.message
    const hint = debug
      ? undefined
      : 'This looks like a fault in Switchboard. Set DEBUG=switchboard to see where it came from.'
    return { code: 'internal', message, errors: [], hint, exit: failures.internal.exit }
  }
  return { code: 'internal', message: String(error), errors: [], hint: undefined, exit: failures.internal.exit }
}

/** Advice that fits every failure with this code, where there is any. */
const HINTS: Partial<Record<FailureCode, string>> = {
  unauthenticated: 'Give a key with --key or SWITCHBOARD_API_KEY; `switchboard doctor` shows which one is used.',
  credential_expired: 'Make a new one: `switchboard keys create`, or `switchboard token create`.',
  credential_revoked: 'Make a new one: `switchboard keys create`.',
  forbidden:
    'Check --workspace, and which key is used: `switchboard doctor` says. Without SWITCHBOARD_API_KEY it is the one that was kept.',
  call_unknown: 'Calls of the workspace: `switchboard tail --types call.started --since 1h`.',
  storage_full: 'Free some space, or shorten the retention.',
}

function told(code: FailureCode, message: string, errors: readonly ErrorItem[], hint?: string): Told {
  return { code, message, errors, hint: hint ?? HINTS[code], exit: failures[code].exit }
}

/** Messages begin with `[code] ` for close reasons and logs; a person gets the code elsewhere. */
function withoutCode(error: Error, code: string): string {
  const { detail } = error as { detail?: unknown }
  if (typeof detail === 'string') return detail
  return error.message.startsWith(`[${code}] `) ? error.message.slice(code.length + 3) : error.message
}

function itemsOf(error: Error): readonly ErrorItem[] {
  const { errors } = error as { errors?: unknown }
  if (!Array.isArray(errors)) return []
  return errors.filter((item): item is ErrorItem => typeof item?.path === 'string' && typeof item?.message === 'string')
}
