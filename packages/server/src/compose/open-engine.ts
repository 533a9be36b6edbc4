import type { Clock } from '../clock.js'
import type { ClusterPrivacy } from '../log/jetstream/subject-keys.js'
import { openLmdbEngine } from '../log/lmdb.js'
import type { Engine, Fault, Store } from '../log/log.js'
import type { Privacy } from '../log/vault.js'
import { type Config, ConfigError } from '../ops/config.js'
import type { Logger } from '../ops/logging.js'
import { projections } from '../state/projections.js'
import { logFault } from './faults.js'

/** The engine that the configuration asks for. */
export interface OpenedEngine extends Engine {
  /** True when other processes use the same storage. */
  readonly isShared: boolean
  /** The servers that keep it, for people to read; undefined when it is in the data folder. */
  readonly keptAt: string | undefined
  /** Appends made elsewhere that this process does not have yet. */
  behind(): number
}

/** How personal data is sealed: asked of the one that is needed. */
export interface EnginePrivacy {
  /** In the data folder. */
  own(): Promise<Privacy>
  /** Over JetStream, once the store is open. */
  shared(store: Store): Promise<ClusterPrivacy>
}

/**
 * Opens the storage: JetStream where its servers are named, else LMDB.
 * @throws ConfigError for partitions that are none; SwitchboardError when the storage cannot be had.
 */
export async function openEngine(
  config: Config,
  clock: Clock,
  logger: Logger,
  privacy: EnginePrivacy,
): Promise<OpenedEngine> {
  const { dataDir: dir, natsUrl: servers } = config
  const onFault = (fault: Fault): void => logFault(logger, fault)
  if (servers === undefined) {
    return {
      ...(await openLmdbEngine({ dir, clock, projections, privacy: await privacy.own(), onFault })),
      isShared: false,
      keptAt: undefined,
      behind: () => 0,
    }
  }
  const { natsPartitions: partitions, natsFollow: follow } = config
  const beyond = follow?.find((partition) => partition >= partitions)
  if (beyond !== undefined) {
    throw new ConfigError(
      `SWITCHBOARD_NATS_FOLLOW names partition ${beyond}; accepted: 0 to ${partitions - 1}, as SWITCHBOARD_NATS_PARTITIONS is ${partitions}`,
    )
  }
  // Loaded when it is asked for: a server of one machine starts sooner without it.
  const { openJetStreamEngine } = await import('../log/jetstream.js')
  const { shown } = await import('../log/jetstream/connection.js')
  const engine = await openJetStreamEngine({
    servers,
    credentials: config.natsCredentials,
    ca: config.natsCa,
    dir,
    clock,
    projections,
    retentionMs: config.retentionMs,
    replicas: config.natsReplicas,
    partitions,
    follow,
    privacy: (store) => privacy.shared(store),
    monitors: config.natsMonitor,
    onFault,
    warn: (line) => logger.warn(line),
  })
  for (const { name, verdict, detail, advice } of engine.findings) {
    if (verdict !== 'ok') logger.warn({ about: name, advice }, detail)
  }
  return { ...engine, isShared: true, keptAt: `NATS JetStream at ${shown(servers)}` }
}
