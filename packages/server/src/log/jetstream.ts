import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { SwitchboardError } from '@switchboard/contract'
import { type Finding, warn as warning } from '@switchboard/contract/core'
import type { Clock } from '../clock.js'
import { BATCH_GET_VERSION, isAtLeast } from '../nats/version.js'
import { prepareFolder } from './folder.js'
import { throwLater } from './followers.js'
import { connectNats, type NatsAddress, shown, watchConnection } from './jetstream/connection.js'
import { inspectServers } from './jetstream/inspect.js'
import { JetStreamLog } from './jetstream/jetstream-log.js'
import { Partition } from './jetstream/partition.js'
import { patiently } from './jetstream/patience.js'
import { openKvStore } from './jetstream/store.js'
import { StreamLedger } from './jetstream/stream-ledger.js'
import { ensureStreams, wantedReplicas } from './jetstream/streams.js'
import { lockFolder } from './lock.js'
import type { Engine, Fault, Projection, Store } from './log.js'

export interface JetStreamOptions extends NatsAddress {
  /**
   * Where this gateway keeps its copy of what it follows. Gateways of one machine may share it: each takes a folder of
   * its own inside.
   */
  readonly dir: string
  readonly clock: Clock
  readonly projections?: readonly Projection[]
  /** How long events are kept, in ms. */
  readonly retentionMs: number
  /** Copies of every event. Default: 1, or 3 on a cluster. */
  readonly replicas?: number | undefined
  /** Streams that the workspaces are spread over: the same for every gateway, for ever. Default: 1. */
  readonly partitions?: number
  /** Which of them this gateway follows. Default: all. */
  readonly follow?: readonly number[] | undefined
  /** Addresses of the servers' monitoring ports, to see whether they sync before they acknowledge. */
  readonly monitors?: readonly string[] | undefined
  /** False leaves the settings of streams that are there as other gateways want them. Default: true. */
  readonly mends?: boolean
  /** How long an idempotency key is remembered, in ms. Default: `limits.idempotencyWindowMs`. */
  readonly idempotencyWindowMs?: number
  /** How long an erased channel's messages stay in the stream, for gateways that are behind, in ms. Default: a minute. */
  readonly purgeAfterMs?: number
  readonly onFault?: (fault: Fault) => void
  /**
   * The streams have lost what they had acknowledged, and a start is needed to serve what is left. Default: thrown as an
   * uncaught exception, which ends the process.
   */
  readonly onLost?: (error: SwitchboardError) => void
  readonly onListenerError?: (error: unknown) => void
  /** Told, in one line without secrets, of what somebody should know. */
  readonly warn?: (line: string) => void
}

export interface JetStreamEngine extends Engine {
  readonly log: JetStreamLog
  /** What is not as it should be with the servers. */
  readonly findings: readonly Finding[]
  /** Appends in the streams that this gateway does not have yet. */
  behind(): number
}

/** Folders for copies in one data folder: gateways on one machine. */
const GATEWAYS_MAX = 64
/** A cluster that is being started has no leader at first; it gets one within this time, in ms. */
const LEADER_MS_MAX = 30_000
/** An election takes 4 to 9 s: what takes longer, or a little less, may be the fault of the server we are connected to. */
const STRUGGLE_MS_MAX = 5_000
/** One request to the servers, in ms. */
const REQUEST_MS_MAX = 2_000
/** What servers take in one message unless they say otherwise, in bytes. */
const PAYLOAD_BYTES = 1024 * 1024

/**
 * Opens the engine for several machines: the log and the store over NATS JetStream.
 * @throws SwitchboardError `unavailable` when the servers cannot be reached or have no JetStream; `storage_full` and
 *   `storage_fault` when the folder cannot be used.
 */
export async function openJetStreamEngine(options: JetStreamOptions): Promise<JetStreamEngine> {
  const { clock, servers, warn = () => {}, onFault = () => {}, onListenerError = throwLater } = options
  const { partitions = 1, follow, replicas, retentionMs, projections = [] } = options
  const opened: (() => unknown)[] = []
  const close = async () => {
    for (const step of opened.splice(0).reverse()) await step()
  }
  const later = <T>(part: T, step: (part: T) => unknown): T => {
    opened.push(() => step(part))
    return part
  }
  try {
    const connection = later(await connectNats(options, clock, { waiting: warn }), (connection) => connection.close())
    // The servers may still have to agree on a leader.
    const jsm = await patiently(clock, LEADER_MS_MAX, () => jetstreamManager(connection, { timeout: REQUEST_MS_MAX }))
    const isCluster = connection.info?.cluster !== undefined
    const wanted = { partitions, replicas, isCluster, retentionMs }
    const store = later(
      await openKvStore(connection, { replicas: wantedReplicas(wanted), clock, onListenerError, warn }),
      (store) => store.close(),
    )
    // First, so that a wrong number makes no streams.
    await agreeOnPartitions(store, partitions)
    await ensureStreams(jsm, clock, { ...wanted, mends: options.mends ?? true })
    const inspecting = inspectServers(connection, options, { ...wanted, clock, monitors: options.monitors }).catch(
      uninspected,
    )
    const rescue = rescuer(connection, clock, warn)
    const isConnected = watchConnection(connection)
    let taken: readonly Partition[] = []
    const giveUp = () => {
      for (const { log } of taken) log.giveUp('another gateway has taken the folder over')
    }
    const dir = later(await takeFolder(options.dir, clock, giveUp), ({ unlock }) => unlock()).path
    const followed = new Map<number, Partition>()
    for (const partition of follow ?? Array.from({ length: partitions }, (_, index) => index)) {
      const one = await Partition.open({
        partition,
        dir: join(dir, `partition-${partition}`),
        jetstream: jetstream(connection, { timeout: REQUEST_MS_MAX }),
        jsm,
        clock,
        projections,
        ...(options.idempotencyWindowMs !== undefined && { idempotencyWindowMs: options.idempotencyWindowMs }),
        retentionMs,
        givesBatches: () => isAtLeast(connection.info?.version ?? '0', BATCH_GET_VERSION),
        purgeAfterMs: options.purgeAfterMs,
        isConnected,
        payloadBytesMax: () => connection.info?.max_payload ?? PAYLOAD_BYTES,
        onFault,
        onListenerError,
        onStruggle: (ms) => rescue(ms),
        onLost: options.onLost ?? throwLater,
        warn,
      })
      followed.set(
        partition,
        later(one, (partition) => partition.close()),
      )
      taken = [...followed.values()]
    }
    const log = new JetStreamLog(followed, partitions)
    const ledger = new StreamLedger({ jetstream: jetstream(connection, { timeout: REQUEST_MS_MAX }), jsm, clock })
    return { log, store, ledger, findings: await inspecting, behind: () => log.behind, close }
  } catch (error) {
    await close().catch(() => {})
    throw asFailure(error, servers)
  }
}

/** A start does not fail for what could not be looked at. */
function uninspected(error: unknown): readonly Finding[] {
  return [warning('NATS servers', `they could not be looked at: ${(error as Error).message}`, 'switchboard doctor')]
}

/**
 * Looks for another server when the one we are connected to does not bring an append through: it may be cut off from the
 * others, and not know.
 */
function rescuer(connection: NatsConnection, clock: Clock, warn: (line: string) => void): (ms: number) => void {
  let triedAt = Number.NEGATIVE_INFINITY
  return (ms) => {
    const now = clock.monotonic()
    if (ms < STRUGGLE_MS_MAX || now - triedAt < STRUGGLE_MS_MAX || connection.isClosed()) return
    triedAt = now
    warn(`Nothing is acknowledged at ${connection.getServer()}: another server is tried`)
    connection.reconnect().catch(() => {})
  }
}

/** With another number of partitions, a workspace would be looked for where it is not. */
async function agreeOnPartitions(store: Store, count: number): Promise<void> {
  await store.put('deployment', 'partitions', { count }, { ifAbsent: true })
  const stored = (await store.all('deployment')).find(({ key }) => key === 'partitions')?.value.count
  if (stored === count) return
  throw new SwitchboardError(
    'invalid_parameter',
    `this deployment has ${String(stored)} partitions and not ${count}: the number stays what it was at the first start`,
  )
}

/** A folder of this gateway's own. */
async function takeFolder(
  dir: string,
  clock: Clock,
  onLost: () => void,
): Promise<{ readonly path: string; readonly unlock: () => void }> {
  await prepareFolder(dir)
  for (let number = 1; ; number++) {
    const path = join(dir, `replica-${number}`)
    await prepareFolder(path)
    try {
      return { path, unlock: lockFolder(path, clock, onLost) }
    } catch (error) {
      const isHeld = error instanceof SwitchboardError && error.code === 'unavailable'
      if (!isHeld || number === GATEWAYS_MAX) throw error
    }
  }
}

function asFailure(error: unknown, servers: readonly string[]): SwitchboardError {
  if (error instanceof SwitchboardError) return error
  const { message } = error as Error
  return new SwitchboardError('unavailable', `NATS at ${shown(servers)}: ${message}`, { cause: error })
}
