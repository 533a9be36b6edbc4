import { formatPosition, SwitchboardError, type Workspace } from '@switchboard/contract'
import type { Finding } from '@switchboard/contract/core'
import { partitionOf } from '../log/jetstream/names.js'
import { peekStore } from '../log/jetstream/peek.js'
import { type JetStreamEngine, openJetStreamEngine } from '../log/jetstream.js'
import type { Channel, Store } from '../log/log.js'
import type { Config } from '../ops/config.js'
import { projections } from '../state/projections.js'
import { moveDeployment, openSeals } from './move-access.js'
import { type Moved, type MoveOptions, moveWorkspace } from './move-workspace.js'
import { type Plan, planOf } from './plan.js'
import { chosen, openSource, type Source } from './source.js'
import { type Standing, standingOf } from './standing.js'

export interface MigrateOptions extends Pick<MoveOptions, 'clock' | 'signal' | 'startOver' | 'progress'> {
  /** Of a gateway of the target; its data folder is the source, and where the copy is made that a gateway starts from. */
  readonly config: Config
  /** Ids or slugs. */
  readonly workspaces: readonly string[] | 'all'
  /** What the workspace is called at the target. Default: as in the folder. */
  readonly slug?: string | undefined
  /** True looks and moves nothing. */
  readonly dryRun: boolean
  /** True leaves out what is damaged; otherwise nothing is moved then. */
  readonly skipDamaged: boolean
  /** Told of what will be moved. */
  readonly planned: (plan: Planned) => Promise<void>
  /** Takes pairs of positions, as lines: channel, the one before, the one now, with tabs between. */
  readonly map?: ((lines: string) => Promise<void>) | undefined
  /** Told of what somebody should know of the servers. */
  readonly found: (findings: readonly Finding[]) => void
}

export interface Planned extends Plan {
  /** How it stands at the target; undefined when nobody has asked there. */
  readonly standing: Standing | undefined
  readonly slug: string
}

export interface Migrated {
  readonly workspaces: readonly Moved[]
  /** True when the folder's admin key is that of the target as well. */
  readonly adminKeyMoved: boolean
}

/**
 * Moves workspaces from the folder of a server that is stopped into JetStream, with everything that belongs to them.
 *
 *     folder ──▶ events, as they are, in their order ──▶ compared ──▶ records, keys, secrets ──▶ the workspace itself
 *
 * Nobody can see a workspace there before its last step. A run that was broken off leaves a note; the next one goes on
 * behind what is there.
 * @throws SwitchboardError when nothing could be moved, or not all; nothing is there twice then.
 */
export async function migrate(options: MigrateOptions): Promise<Migrated> {
  const { config, clock } = options
  const source = await openSource(config.dataDir, clock, config)
  try {
    const workspaces = chosen(source, options.workspaces)
    if (options.slug !== undefined && workspaces.length !== 1) {
      throw new SwitchboardError('invalid_parameter', '--slug is for one workspace')
    }
    const plans: Plan[] = []
    for (const workspace of workspaces) plans.push(await planOf(source, workspace, clock.now()))
    if (!options.skipDamaged) refuseDamage(plans)
    return options.dryRun ? await look(plans, options) : await move(source, plans, options)
  } finally {
    await source.close()
  }
}

async function look(plans: readonly Plan[], options: MigrateOptions): Promise<Migrated> {
  const { config, clock } = options
  const { natsUrl: servers } = config
  const ask = (store: Store) => allStandings(store, plans, options)
  const there = servers && (await peekStore({ ...addressOf(config), servers }, clock, ask))
  for (const [index, plan] of plans.entries()) {
    const standing = servers && (there?.[index] ?? 'new')
    await options.planned({ ...plan, slug: slugOf(plan, options), standing })
  }
  return { workspaces: [], adminKeyMoved: false }
}

async function move(source: Source, plans: readonly Plan[], options: MigrateOptions): Promise<Migrated> {
  const { config, clock, map } = options
  const { natsUrl: servers, natsPartitions: partitions } = config
  if (servers === undefined) {
    throw new SwitchboardError(
      'invalid_parameter',
      '--nats-url or SWITCHBOARD_NATS_URL must name the servers to move to',
    )
  }
  // Before anything is made there: a copy of what is there may be long in the making.
  const ask = (store: Store) => allStandings(store, plans, options)
  await peekStore({ ...addressOf(config), servers }, clock, ask)
  const engine = await openJetStreamEngine({
    ...addressOf(config),
    servers,
    dir: config.dataDir,
    clock,
    projections,
    retentionMs: config.retentionMs,
    replicas: config.natsReplicas,
    partitions,
    follow: [...new Set(plans.map(({ workspace }) => partitionOf(workspace.id, partitions)))],
    monitors: config.natsMonitor,
    // Gateways that are at work may keep events for longer than this command was told.
    mends: false,
  })
  try {
    options.found(engine.findings)
    await engine.store.refresh()
    await arrive(engine)
    const standings = await ask(engine.store)
    const seals = await openSeals(source, engine.store, config)
    let adminKeyMoved = false
    const workspaces: Moved[] = []
    for (const [index, plan] of plans.entries()) {
      const slug = slugOf(plan, options)
      const standing = standings[index] ?? 'new'
      await options.planned({ ...plan, slug, standing })
      const moved = await moveWorkspace(plan, slug, standing, {
        ...options,
        source,
        target: engine.log,
        store: engine.store,
        seals,
        map: async (channel, pairs) => {
          const lines = pairs.map((pair) => `${[nameOf(channel), ...pair.map(formatPosition)].join('\t')}\n`)
          await map?.(lines.join(''))
        },
        beforeOpening: async () => {
          adminKeyMoved = await moveDeployment(source, engine.store, seals)
        },
      })
      workspaces.push(moved)
    }
    return { workspaces, adminKeyMoved }
  } finally {
    await engine.close()
  }
}

/** Resolves when the copy has everything that is in the streams: much, where the target is in use. */
async function arrive({ log, behind }: JetStreamEngine): Promise<void> {
  for (let before = Number.POSITIVE_INFINITY; ; before = behind()) {
    try {
      await log.catchUp()
      return
    } catch (error) {
      const isOnItsWay = error instanceof SwitchboardError && error.code === 'unavailable' && behind() < before
      if (!isOnItsWay || behind() === 0) throw error
    }
  }
}

/** How a channel is called in messages and in the map: the workspace's id, and that of the call. */
export function nameOf({ workspace, call }: Channel): string {
  return call === undefined ? workspace : `${workspace}/${call}`
}

/** All of them, before anything is moved. */
async function allStandings(store: Store, plans: readonly Plan[], options: MigrateOptions): Promise<Standing[]> {
  const standings: Standing[] = []
  for (const plan of plans) standings.push(await standingOf(store, plan.workspace, slugOf(plan, options)))
  return standings
}

function slugOf({ workspace }: { readonly workspace: Workspace }, { slug }: MigrateOptions): string {
  return slug ?? workspace.slug
}

function addressOf({ natsCredentials: credentials, natsCa: ca }: Config) {
  return { credentials, ca }
}

function refuseDamage(plans: readonly Plan[]): void {
  const [first, ...more] = plans.flatMap(({ damage }) => damage)
  if (first === undefined) return
  const others = more.length === 0 ? '' : `, and ${more.length} more`
  throw new SwitchboardError(
    'storage_fault',
    `the folder is damaged: ${first.from} to ${first.to} of ${nameOf(first.channel)} cannot be read${others}. Restore a backup, or leave out what is lost with --skip-damaged`,
  )
}
