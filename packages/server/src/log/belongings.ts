import type { Environment } from './environment.js'
import { type Remembered, readRemembered } from './idempotency.js'
import { channelKey, endOf, parseChannelKey, workspacePrefix } from './keys.js'
import type { Channel } from './log.js'

/** An idempotency key that a workspace has used. */
export interface UsedKey {
  readonly channel: Channel
  readonly scope: 'request' | 'event'
  readonly key: string
  readonly remembered: Remembered
}

/** Every channel of a workspace that ever had an entry: its own first, then those of its calls. */
export function* channelsOf(environment: Environment, workspace: string): Generator<Channel> {
  for (const row of environment.keys('heads', rangeOf(workspace))) {
    const channel = parseChannelKey(row)
    if (channel) yield channel
  }
}

/** The idempotency keys that a workspace remembers, and that can be read. */
export function* usedKeysOf(environment: Environment, workspace: string): Generator<UsedKey> {
  for (const { key: row, value } of environment.range('idempotency', rangeOf(workspace))) {
    const channel = parseChannelKey(row)
    const remembered = readRemembered(row, value)
    if (channel === undefined || remembered === undefined) continue
    const at = channelKey(channel).length
    const scope = row.toString('latin1', at, at + 1) === 'r' ? 'request' : 'event'
    yield { channel, scope, key: row.toString('utf8', at + 1), remembered }
  }
}

function rangeOf(workspace: string) {
  const start = workspacePrefix(workspace)
  return { start, end: endOf(start) }
}
