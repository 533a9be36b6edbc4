import { EventEmitter } from 'node:events'
import { createAccess } from './access/access.js'
import { type Clock, systemClock } from './clock.js'
import { callFacts } from './compose/call-facts.js'
import { tuneCollector } from './compose/collector.js'
import { loadCatalogue } from './compose/custom-catalogue.js'
import { folderBytes } from './compose/folder-bytes.js'
import { listen } from './compose/listen.js'
import { keepRetention } from './compose/retention.js'
import { Undo } from './compose/undo.js'
import { routeUpgrades } from './compose/upgrades.js'
import { version } from './compose/version.js'
import { createFanout } from './fanout/fanout.js'
import { registerApi } from './http/api.js'
import { createApp } from './http/app.js'
import { clientAddress, trustOf } from './http/client-address.js'
import { twilioSettings } from './http/sources.js'
import { createIngest } from './ingest/ingest.js'
import { createPublishRate, noPublishRate } from './ingest/rate.js'
import { openLmdbEngine } from './log/lmdb.js'
import type { Fault } from './log/log.js'
import { type Config, requireEmbeddedEngine } from './ops/config.js'
import { createHealth, storageCheck } from './ops/health.js'
import { ensureAdminKey, ensureSealingKey, forgetAdminKey } from './ops/keys.js'
import { watchOver } from './ops/lifecycle.js'
import { createLogger, type Logger, logRequest } from './ops/logging.js'
import { createMetrics } from './ops/metrics.js'
import { createTwilioSource } from './sources/twilio.js'
import { projections } from './state/projections.js'
import { createSessions } from './transport/sessions.js'
import { createObserverEndpoint } from './transport/websocket.js'

export interface ServerOptions {
  /** Default: the system's. */
  readonly clock?: Clock
  /** Default: JSON lines on standard output, readable on a terminal. */
  readonly logger?: Logger
  /**
   * True when the process is the server's own: it then stops in order on SIGTERM and SIGINT and ends the process, and
   * ends it at once on a failure that nobody caught. Default false: who embeds a server looks after the process.
   */
  readonly ownsProcess?: boolean
}

export interface RunningServer {
  /** Where it can be reached from this machine, for example `http://127.0.0.1:8080`. */
  readonly url: string
  readonly port: number
  /** The admin key, at the one start that made it: show it once. Undefined ever after, or when one is set. */
  readonly adminKey: string | undefined
  /** Stops as a signal would: streams are told, requests finished, within `config.drainMs`. Resolves when all is closed. */
  close(): Promise<void>
}

/** Parts of the drain time: streams say goodbye, then requests finish, and something is left for the storage. */
const STREAMS_SHARE = 0.6
const REQUESTS_SHARE = 0.2

/**
 * Starts a server.
 *
 *     config ─▶ engine ─▶ access ─▶ ingest ─▶ fan-out ─▶ transports ─▶ HTTP ─▶ listen        and back again at a stop
 *
 * @throws ConfigError, in one line for people, when it cannot start with this configuration; SwitchboardError when the
 * storage cannot be opened. What was opened by then is closed again.
 */
export async function startServer(config: Config, options: ServerOptions = {}): Promise<RunningServer> {
  const { clock = systemClock, logger = createLogger({ level: config.logLevel }) } = options
  if (options.ownsProcess === true) tuneCollector()
  const undo = new Undo()
  try {
    return await start(config, clock, logger, options.ownsProcess === true, undo)
  } catch (error) {
    await undo.all()
    throw error
  }
}

async function start(
  config: Config,
  clock: Clock,
  logger: Logger,
  ownsProcess: boolean,
  undo: Undo,
): Promise<RunningServer> {
  // What is known before anything is opened.
  requireEmbeddedEngine(config)
  const { dataDir: dir, heartbeatMs, maxStreamsPerWorkspace, drainMs } = config
  const catalogue = await loadCatalogue(config.catalogue)
  const allowedOrigins = config.allowedOrigins ?? []
  const health = createHealth()
  const metrics = undo.later(createMetrics({ version }), (opened) => opened.close())

  // The log, and small records beside it.
  const onFault = (fault: Fault): void => logger.error(faultLine(fault), 'the storage has a fault')
  const engine = undo.later(await openLmdbEngine({ dir, clock, projections, onFault }), (opened) => opened.close())
  const { log, store } = engine
  const endRetention = undo.later(keepRetention(log, clock, config.retentionMs, logger), (end) => end())
  health.check('storage', storageCheck(log))

  // Who may do what.
  const adminKey = undo.later(await ensureAdminKey(config, dir), (made) => forgetAdminKey(made, dir))
  const sealingKey = await ensureSealingKey(dir)
  const warn = (line: string): void => logger.warn(line)
  const access = undo.later(
    await createAccess({ store, clock, adminKeyDigest: adminKey.digest, sealingKey, warn }),
    (opened) => opened.close(),
  )

  // The way in.
  const rate = config.publishRate === undefined ? noPublishRate : createPublishRate(config.publishRate, clock)
  const ingest = undo.later(createIngest({ log, catalogue, clock, meter: metrics, rate }), (opened) => opened.close())
  const settings = twilioSettings(access.secrets, access.workspaces)
  const twilio = createTwilioSource({ ingest, log, clock, settings })

  // The way out.
  const fanout = undo.later(createFanout({ log, catalogue, meter: metrics, clock }), (opened) => opened.close())
  const sessions = createSessions({
    gate: access,
    clock,
    meter: metrics,
    maxStreamsPerWorkspace,
    drainMs: drainMs * STREAMS_SHARE,
  })
  const trust = trustOf(config.trustProxy)
  const streaming = { log, fanout, sessions, catalogue, clock, meter: metrics, config: { heartbeatMs, allowedOrigins } }
  const observers = undo.later(
    createObserverEndpoint({
      ...streaming,
      gate: access,
      callFacts: callFacts(log),
      addressOf: (request) => clientAddress(request, trust),
    }),
    (opened) => opened.close(),
  )

  // HTTP.
  const app = await createApp({
    logger,
    clock,
    meter: metrics,
    allowedOrigins,
    trust,
    isDraining: () => health.isDraining,
    onRequestOver(over) {
      logRequest(logger, over)
      metrics.request(over)
    },
  })
  await registerApi(app, {
    access,
    log,
    catalogue,
    clock,
    ingest,
    stream: streaming,
    twilio,
    version,
    publicUrl: config.publicUrl,
    readiness: () => health.readiness(),
    metrics: () => metrics.collect(),
  })
  routeUpgrades(app.server, observers.handleUpgrade)
  metrics.read({
    tailBytes: () => fanout.stats().tailBytes,
    subscriberLagMax: (kind) => fanout.stats().lagMax[kind],
    logWritable: () => log.health().writable,
    logFaults: () => log.health().faults.length,
    logBytes: () => folderBytes(dir),
    storeRecords: () => ({ workspaces: access.workspaces.list().length }),
    ready: () => health.isReady,
  })

  // Listen.
  const server = undo.later(await listen(app, config.host, config.port, clock), (opened) => opened.close(0))
  health.tell({ kind: 'started' })
  logger.info({ version, data_dir: dir, admin_from: adminKey.source }, 'started')

  // Drain: first what lets new work in, last the storage.
  let closing: Promise<void> = Promise.resolve()
  const lifecycle = watchOver({
    health,
    logger,
    clock,
    drainMs,
    ...(!ownsProcess && { process: new EventEmitter() }),
    refuseAppends: () => ingest.refuse(),
    steps: [
      {
        name: 'streams',
        async run() {
          closing = server.close(drainMs * (STREAMS_SHARE + REQUESTS_SHARE))
          await sessions.drain()
        },
      },
      { name: 'requests', run: () => closing },
      {
        name: 'parts',
        async run() {
          await endRetention()
          for (const part of [observers, fanout, ingest, access]) part.close()
        },
      },
      { name: 'storage', run: () => engine.close() },
    ],
  })
  return {
    url: server.url,
    port: server.port,
    adminKey: adminKey.generated,
    async close() {
      await lifecycle.stop('closed by its owner')
      lifecycle.release()
      metrics.close()
    },
  }
}

/** A fault without ids of calls. */
function faultLine({ code, channel, from, to, detail }: Fault): object {
  return {
    code,
    detail,
    from,
    to,
    ...(channel && { workspace: channel.workspace, of_a_call: channel.call !== undefined }),
  }
}
