import type { Channel } from '../channel.js'
import type { Draft } from '../draft.js'
import type { Environment } from '../environment.js'
import { endOf, numbered, numberOf } from '../keys.js'
import { sealJson, unseal } from '../seal.js'

/** A channel that was erased here, and whose messages are still in the stream. */
export interface Purge {
  readonly channel: Channel
  /** The message that erased it: what came before it goes. */
  readonly sequence: number
  /** The stream's time of it, unix ms. */
  readonly time: number
}

const PREFIX = Buffer.from('purge:')

export function rememberPurge(draft: Draft, { sequence, channel, time }: Purge): void {
  const key = numbered(PREFIX, sequence)
  draft.put('meta', key, sealJson(key, { channel, time }))
}

export function forgetPurge(draft: Draft, sequence: number): void {
  draft.remove('meta', numbered(PREFIX, sequence))
}

/** What is still to be purged, the oldest first. */
export function purgesOf(environment: Environment): Purge[] {
  return [...environment.range('meta', { start: PREFIX, end: endOf(PREFIX) })].flatMap(({ key, value }) => {
    const payload = unseal(key, value)
    return payload ? [{ ...(JSON.parse(payload.toString()) as Omit<Purge, 'sequence'>), sequence: numberOf(key) }] : []
  })
}
