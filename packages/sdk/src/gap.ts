import { type JsonObject, stringOf } from './http.js'

/**
 * Events that were asked for are not there any more. What follows begins at the oldest that is kept; to be whole again,
 * read the state at `stateUrl` and go on from its position.
 */
export interface Gap {
  /** `history_truncated`: older than what is kept. `unknown_position`: this log never gave it, it was reset. */
  readonly code: 'history_truncated' | 'unknown_position' | (string & {})
  /** The position that was asked for. */
  readonly requested: string | undefined
  /** The oldest position kept. */
  readonly oldest: string | undefined
  /** The newest position when the gap was noticed. */
  readonly newest: string | undefined
  /** Where the state can be read that makes up for what is missing. */
  readonly stateUrl: string | undefined
}

export function readGap(data: JsonObject): Gap {
  return {
    code: stringOf(data.code) ?? 'history_truncated',
    requested: stringOf(data.requested),
    oldest: stringOf(data.oldest),
    newest: stringOf(data.newest),
    stateUrl: stringOf(data.state_url),
  }
}
