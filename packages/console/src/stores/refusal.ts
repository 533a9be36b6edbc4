import { isSwitchboardError } from '@switchboard/sdk'

/** Where something is published to: the workspace stream, or one call's observer. */
export type ChannelKind = 'workspace' | 'observer'

/** What a key needs to publish to a channel. */
const needed = { workspace: 'events:write', observer: 'calls:publish' } as const satisfies Record<ChannelKind, string>

/** Why a publish was not taken, for people. */
export interface Refusal {
  readonly why: string
  /** The permission that is missing, when that is why. */
  readonly permission: string | undefined
  /** What is wrong where, by JSON pointer. */
  readonly errors: readonly { readonly path: string; readonly message: string }[]
}

export function refusalOf(error: unknown, channel: ChannelKind): Refusal {
  if (!isSwitchboardError(error)) {
    return { why: error instanceof Error ? error.message : String(error), permission: undefined, errors: [] }
  }
  const permission = error.code === 'forbidden' ? needed[channel] : undefined
  return { why: error.detail, permission, errors: error.errors ?? [] }
}
