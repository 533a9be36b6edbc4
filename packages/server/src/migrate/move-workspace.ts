import { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import { channelsOf } from '../log/belongings.js'
import type { JetStreamLog } from '../log/jetstream/jetstream-log.js'
import type { Channel, Store } from '../log/log.js'
import { carryRecords, UsedKeys } from './carried.js'
import { type Comparison, compareChannel, type Pair } from './compare-channel.js'
import { inParallel } from './in-parallel.js'
import { type MovedSecrets, moveApiKeys, moveSecrets, openWorkspaceThere, type Seals } from './move-access.js'
import { moveChannel, NotTheBeginning } from './move-channel.js'
import type { Plan } from './plan.js'
import { recordDifferences } from './records.js'
import type { Source } from './source.js'
import { noteBegin, noteEnd, type Standing } from './standing.js'

/** What a run does, for whoever waits. */
export interface Progress {
  readonly step: 'moving' | 'comparing'
  /** Of how many entries. */
  readonly entries: number
  readonly of: number
}

export interface MoveOptions {
  readonly source: Source
  readonly target: JetStreamLog
  readonly store: Store
  readonly seals: Seals
  readonly clock: Clock
  /** Stops between two messages: what is there stays, and the next run goes on. */
  readonly signal: AbortSignal
  /** True removes what an unfinished run has left. */
  readonly startOver: boolean
  readonly progress: (progress: Progress) => void
  /** Takes positions of a channel that were compared, some at a time, in their order. */
  readonly map: (channel: Channel, pairs: readonly Pair[]) => Promise<void>
  /** Done once everything is there and equal, before the workspace is opened. */
  readonly beforeOpening: () => Promise<void>
}

/** What became of a workspace. */
export interface Moved {
  readonly plan: Plan
  readonly slug: string
  /** Records that are not the same on both sides. */
  readonly recordsDiffering: number
  readonly idempotencyKeys: number
  readonly secrets: MovedSecrets
  /** Empty for a workspace whose earlier run was complete. */
  readonly channels: readonly Comparison[]
  /** True when both sides are the same: then, and only then, the workspace is open at the target. */
  readonly isSame: boolean
}

/** Channels whose entries travel at the same time: each waits for its own answers. */
const CHANNELS_AT_ONCE = 8

const NO_SECRETS: MovedSecrets = { moved: 0, closed: [] }

/** Moves one workspace. @throws SwitchboardError what stopped it; the next run goes on. */
export async function moveWorkspace(
  plan: Plan,
  slug: string,
  standing: Standing,
  options: MoveOptions,
): Promise<Moved> {
  const { source, target, store, clock } = options
  const { workspace } = plan
  if (standing === 'complete') {
    // It may be in use since then, and is no longer what the folder has.
    await noteEnd(store, workspace)
    return { plan, slug, channels: [], recordsDiffering: 0, idempotencyKeys: 0, secrets: NO_SECRETS, isSame: true }
  }
  // 1. From here on a run that is broken off can be told from a workspace that is in use.
  await noteBegin(store, workspace, source.dir, clock.now())
  if (standing === 'unfinished' && options.startOver) await eraseAll(workspace.id, options)
  // 2. Events, in the order of each channel.
  await moveAll(plan, options)
  // 3. Both sides, side by side: what differs is found before anybody relies on it.
  const used = new UsedKeys(source, workspace.id, clock.now())
  const channels = await compareAll(plan, used, options)
  const moved = { plan, slug, channels, idempotencyKeys: used.count, recordsDiffering: 0, secrets: NO_SECRETS }
  if (!channels.every(({ isSame }) => isSame)) return { ...moved, isSame: false }
  // 4. What the events came to, and which of them must not be stored again.
  await carryRecords(source, target, workspace.id)
  await used.carry(target)
  let recordsDiffering = 0
  for await (const _ of recordDifferences(source.log, target, workspace.id)) recordsDiffering += 1
  if (recordsDiffering > 0) return { ...moved, recordsDiffering, isSame: false }
  // 5. Who may do what; and last the workspace, with which everything is there at once.
  const secrets = await moveSecrets(source, store, workspace, options.seals)
  await moveApiKeys(source, store, workspace)
  await options.beforeOpening()
  if (!(await openWorkspaceThere(store, workspace, slug))) {
    const detail = `the slug ${slug} was taken by another workspace meanwhile: give this one another with --slug`
    throw new SwitchboardError('conflict', detail)
  }
  await noteEnd(store, workspace)
  return { ...moved, secrets, isSame: true }
}

async function eraseAll(workspace: string, { target }: MoveOptions): Promise<void> {
  const channels = channelsOf(target.copyOf(workspace).environment, workspace)
  for (const channel of [...channels].filter(({ call }) => call !== undefined)) await target.erase(channel)
  // Its records go with it.
  await target.erase({ workspace })
}

async function moveAll({ workspace, channels }: Plan, options: MoveOptions): Promise<void> {
  const { source, target, signal, progress } = options
  const known = new Set(channels.map(({ channel }) => channel.call))
  for (const channel of [...channelsOf(target.copyOf(workspace.id).environment, workspace.id)]) {
    // A call that an earlier run has moved, and that has gone from the folder by age since.
    if (!known.has(channel.call) && (await target.bounds(channel)).oldest) throw new NotTheBeginning()
  }
  let entries = 0
  const of = entriesOf(channels)
  const moved = (count: number) => {
    entries += count
    progress({ step: 'moving', entries, of })
  }
  await inParallel(channels, CHANNELS_AT_ONCE, ({ channel }) =>
    moveChannel(channel, { source: source.log, target, signal, moved }),
  )
}

async function compareAll({ channels }: Plan, used: UsedKeys, options: MoveOptions): Promise<readonly Comparison[]> {
  const { source, target, signal, progress, map } = options
  const comparisons: Comparison[] = []
  let entries = 0
  const of = entriesOf(channels)
  for (const { channel } of channels) {
    const told = async (pairs: readonly Pair[]) => {
      signal.throwIfAborted()
      for (const pair of pairs) used.note(channel, pair)
      await map(channel, pairs)
      entries += pairs.length
      progress({ step: 'comparing', entries, of })
    }
    comparisons.push(await compareChannel(source.log, target, channel, told))
  }
  return comparisons
}

function entriesOf(channels: Plan['channels']): number {
  return channels.reduce((sum, { entries }) => sum + entries, 0)
}
