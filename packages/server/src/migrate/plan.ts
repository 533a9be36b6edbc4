import type { Position, Workspace } from '@switchboard/contract'
import { apiKeyKind } from '../access/api-key-record.js'
import { secretKind } from '../access/secrets.js'
import { channelsOf, usedKeysOf } from '../log/belongings.js'
import type { Channel } from '../log/log.js'
import { projections } from '../state/projections.js'
import { blocksOf } from './entries.js'
import { recordsOf } from './records.js'
import type { Source } from './source.js'

/** A channel that keeps something. */
export interface ChannelPlan {
  readonly channel: Channel
  /** Entries that can be read. */
  readonly entries: number
  readonly first: Position
  readonly last: Position
}

/** What cannot be read of a channel. */
export interface Damage {
  readonly channel: Channel
  readonly from: number
  readonly to: number
}

/** What belongs to a workspace. */
export interface Plan {
  readonly workspace: Workspace
  /** Those that keep something: the workspace's own first. */
  readonly channels: readonly ChannelPlan[]
  readonly records: number
  readonly apiKeys: number
  readonly secrets: number
  readonly idempotencyKeys: number
  readonly damage: readonly Damage[]
}

/** Reads everything that a workspace has, and counts it. */
export async function planOf({ log, store }: Source, workspace: Workspace, now: number): Promise<Plan> {
  const { id } = workspace
  const channels: ChannelPlan[] = []
  const damage: Damage[] = []
  for (const channel of [...channelsOf(log.environment, id)]) {
    let entries = 0
    let first: Position | undefined
    let last: Position | undefined
    for await (const block of blocksOf(log, channel)) {
      if (block.damaged) damage.push({ channel, ...block.damaged })
      if (block.count === 0) continue
      entries += block.count
      first ??= block.position(0)
      last = block.position(block.count - 1)
    }
    if (first && last) channels.push({ channel, entries, first, last })
  }
  let records = 0
  for (const { name } of projections) for await (const _ of recordsOf(log, id, name)) records += 1
  let idempotencyKeys = 0
  for (const { remembered } of usedKeysOf(log.environment, id)) if (remembered.expires > now) idempotencyKeys += 1
  const apiKeys = (await store.all(apiKeyKind.kind)).filter(({ value }) => value.workspace === id).length
  const secrets = (await store.all(secretKind.kind)).filter(({ key }) => key.startsWith(`${id}/`)).length
  return { workspace, channels, records, apiKeys, secrets, idempotencyKeys, damage }
}
