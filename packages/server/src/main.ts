import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Catalogue, Workspace } from '@switchboard/contract'
import { createAccess } from './access/access.js'
import { createThrottle } from './access/throttle.js'
import { openTrail } from './audit/trail.js'
import { keepAudit } from './audit/upkeep.js'
import { type Clock, systemClock } from './clock.js'
import { callFacts } from './compose/call-facts.js'
import { tuneCollector } from './compose/collector.js'
import { folderBytes } from './compose/folder-bytes.js'
import type { Founding } from './compose/founding.js'
import { type Listening, listen } from './compose/listen.js'
import { openCatalogue } from './compose/open-catalogue.js'
import { type OpenedEngine, openEngine } from './compose/open-engine.js'
import { clusterPrivacy, ownPrivacy } from './compose/own-privacy.js'
import { keepRetention } from './compose/retention.js'
import type { RunningServer } from './compose/running-server.js'
import { alone, type Shared } from './compose/shared.js'
import { Undo } from './compose/undo.js'
import { routeUpgrades } from './compose/upgrades.js'
import { keepVerified } from './compose/verification.js'
import { version } from './compose/version.js'
import { createFanout } from './fanout/fanout.js'
import { registerApi } from './http/api.js'
import { createApp, type RequestOver } from './http/app.js'
import { clientAddress, plainAddress, trustOf } from './http/client-address.js'
import { answerDirectly } from './http/direct.js'
import { directPublish } from './http/direct-publish.js'
import { directStream } from './http/direct-stream.js'
import { twilioSettings } from './http/sources.js'
import { createStrangers } from './http/strangers.js'
import { createFingerprint } from './ingest/fingerprint.js'
import { createIngest } from './ingest/ingest.js'
import { createPublishRate, noPublishRate } from './ingest/rate.js'
import type { Store } from './log/log.js'
import type { Privacy } from './log/vault.js'
import { type Config, requireOneMachine } from './ops/config.js'
import { createHealth, type Health, storageCheck, waitingTrouble } from './ops/health.js'
import { folderPlace, storePlace } from './ops/key-place.js'
import { ensureAdminKey, forgetAdminKey } from './ops/keys.js'
import { type StopStep, watchOver } from './ops/lifecycle.js'
import { openCertificate } from './ops/live-certificate.js'
import { watchLoad } from './ops/load.js'
import { createLogger, type Logger, logRequest } from './ops/logging.js'
import { createMetrics, type Metrics } from './ops/metrics.js'
import { createTwilioSource } from './sources/twilio.js'
import { Tally, tallied } from './tally.js'
import { createDetacher } from './transport/detached.js'
import { presenceOf } from './transport/presence.js'
import { createSessions } from './transport/sessions.js'
import { createObserverEndpoint } from './transport/websocket.js'
import { startWorkers } from './workers/start-workers.js'

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

export type { RunningServer } from './compose/running-server.js'

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
  const { clock = systemClock, logger = createLogger({ level: config.logLevel }), ownsProcess = false } = options
  if (ownsProcess) tuneCollector()
  const undo = new Undo()
  try {
    requireOneMachine(config)
    const certificate = await openCertificate(config, clock, logger)
    if (certificate) undo.later(certificate, (opened) => opened.close())
    const founding = { config, clock, logger, ownsProcess, undo, certificate }
    const server = await (config.workers > 1 ? startWorkers(founding) : start(founding))
    return {
      ...server,
      async close() {
        certificate?.close()
        await server.close()
      },
    }
  } catch (error) {
    await undo.all()
    throw error
  }
}

/** One process that does everything. */
async function start(founding: Founding): Promise<RunningServer> {
  const { config, clock, logger, ownsProcess, undo } = founding
  const { dataDir: dir, drainMs } = config
  const warn = (line: string): void => logger.warn(line)

  // The log, and small records beside it. What is personal in it is sealed, as the catalogue says what that is.
  const sealing: { catalogue?: Catalogue; sealingKey?: Buffer } = {}
  const seal = async <P extends Privacy>(store: Store | undefined, privacyOf: (catalogue: Catalogue) => Promise<P>) => {
    const { catalogue } = undo.later(await openCatalogue(config.catalogue, store, warn), (opened) => opened.close())
    const privacy = await privacyOf(catalogue)
    Object.assign(sealing, { catalogue, sealingKey: privacy.sealingKey })
    return privacy
  }
  const opening = openEngine(config, clock, logger, {
    own: () => seal(undefined, (catalogue) => ownPrivacy(config, catalogue)),
    shared: (store) => seal(store, (catalogue) => clusterPrivacy(config, store, catalogue)),
  })
  const engine = undo.later(await opening, (opened) => opened.close())
  const { log, store } = engine
  const endRetention = undo.later(keepRetention(log, clock, config.retentionMs, logger), (end) => end())

  // What several processes of a deployment share is in the store; a single one has it in files.
  const { catalogue, sealingKey } = sealing
  if (catalogue === undefined || sealingKey === undefined) throw new Error('An engine was opened without its privacy')
  const keys = engine.isShared ? storePlace(store) : folderPlace(dir)
  const adminKey = undo.later(await ensureAdminKey(config, keys), (made) => forgetAdminKey(made, keys))

  // All that stands on them.
  const shared = alone(log, config.maxStreamsPerWorkspace)
  const served = await serve(founding, { engine, catalogue, adminKeyDigest: () => adminKey.digest, sealingKey, shared })
  const auditUpkeep = undo.later(
    keepAudit({
      engine,
      clock,
      workspaces: served.workspaces,
      retentionMs: config.auditRetentionMs,
      server: served.server,
      isAlone: !engine.isShared,
      warn: (line) => logger.warn(line),
    }),
    (upkeep) => upkeep.end(),
  )
  const { url, port } = await served.listen()
  logger.info({ version, data_dir: dir, admin_from: adminKey.source }, 'started')
  // What a gateway has in its folder is a copy.
  const endVerification = engine.isShared ? undefined : keepVerified(log, clock, logger)

  // And back again: first what lets new work in, last the storage.
  const lifecycle = watchOver({
    health: served.health,
    logger,
    clock,
    drainMs,
    ...(!ownsProcess && { process: new EventEmitter() }),
    refuseAppends: served.refuse,
    steps: [
      ...served.steps,
      {
        name: 'storage',
        async run() {
          await endVerification?.()
          await endRetention()
          await auditUpkeep.end()
          await engine.close()
        },
      },
    ],
  })
  return {
    url,
    port,
    keptAt: engine.keptAt,
    adminKey: adminKey.generated,
    async close() {
      await lifecycle.stop('closed by its owner')
      lifecycle.release()
      served.metrics.close()
    },
  }
}

/** What a process serves with. */
export interface Ground {
  readonly engine: Pick<OpenedEngine, 'log' | 'store' | 'ledger' | 'behind'>
  readonly catalogue: Catalogue
  readonly adminKeyDigest: () => Buffer
  readonly sealingKey: Buffer
  readonly shared: Shared
}

/** A process that is ready to serve, and how it ends. */
export interface Served {
  /** @throws ConfigError when the address cannot be had. */
  listen(): Promise<{ readonly url: string; readonly port: number }>
  readonly health: Health
  readonly metrics: Metrics
  /** Names the process in audit trails. */
  readonly server: string
  readonly workspaces: () => Promise<readonly Workspace[]>
  /** Nothing more is acknowledged from now on. */
  readonly refuse: () => void
  /** To end it, in their order. The engine is left to whoever opened it. */
  readonly steps: readonly StopStep[]
}

/** Everything between an engine and the network, as each process has it. */
export async function serve(founding: Founding, { engine, catalogue, shared, ...keys }: Ground): Promise<Served> {
  const { config, clock, logger, undo, certificate } = founding
  const { dataDir: dir, heartbeatMs, maxStreamsPerWorkspace, maxStreamsPerKey, drainMs } = config
  const { log, store, ledger } = engine
  const allowedOrigins = config.allowedOrigins ?? []
  const health = createHealth()
  const metrics = undo.later(createMetrics({ version }), (opened) => opened.close())
  const tally = new Tally(clock)
  const meter = tallied(metrics, tally)
  health.check('storage', storageCheck(log))
  const load = undo.later(watchLoad(clock), (opened) => opened.close())

  // Who may do what.
  const warn = (line: string): void => logger.warn(line)
  const throttle = shared.throttle(createThrottle(clock))
  const access = undo.later(await createAccess({ store, clock, ...keys, throttle, warn }), (opened) => opened.close())

  // What is noted of them.
  const trust = trustOf(config.trustProxy)
  const addressOf = (request: Pick<IncomingMessage, 'headers' | 'socket'>): string =>
    plainAddress(clientAddress(request, trust))
  const trail = undo.later(await openTrail({ engine, clock, addressOf, warn }), (opened) => opened.close())

  // The way in.
  const { publishRate } = config
  const rate = publishRate === undefined ? noPublishRate : shared.publishRate(createPublishRate(publishRate, clock))
  const ingest = undo.later(
    createIngest({
      log,
      catalogue,
      clock,
      meter,
      rate,
      fingerprint: createFingerprint(access.secret),
      toolCalls: shared.toolCalls,
      isShort: () => load.isShort,
    }),
    (opened) => opened.close(),
  )
  health.check('load', () => load.trouble ?? waitingTrouble(ingest.waiting))
  const settings = twilioSettings(access.secrets, access.workspaces)
  const twilio = shared.twilio(() => createTwilioSource({ ingest, log, clock, settings }))

  // The way out.
  const fanout = undo.later(createFanout({ log, catalogue, meter, clock }), (opened) => opened.close())
  const sessions = createSessions({
    gate: access,
    clock,
    meter,
    watch: trail.streams,
    maxStreamsPerWorkspace,
    maxStreamsPerKey,
    seats: shared.seats,
    // A seat of one that all have a part in would be waited for.
    isOverloaded: () => load.trouble !== undefined || shared.stuck() !== undefined,
    drainMs: drainMs * STREAMS_SHARE,
  })
  const streaming = {
    log,
    fanout,
    sessions,
    catalogue,
    clock,
    meter,
    addressOf,
    config: { heartbeatMs, allowedOrigins },
  }
  const strangers = createStrangers({
    perAddressMax: config.maxStrangersPerAddress,
    max: config.maxStrangers,
    trust,
    onCut: metrics.strangerCut,
  })
  const observers = undo.later(
    createObserverEndpoint({
      ...streaming,
      gate: access,
      callFacts: callFacts(log),
      onUse: trail.onUse,
      onKnown: strangers.known,
    }),
    (opened) => opened.close(),
  )

  // HTTP.
  const onRequestOver = (over: RequestOver): void => {
    logRequest(logger, over)
    metrics.request(over)
  }
  const app = await createApp({
    logger,
    clock,
    meter,
    allowedOrigins,
    trust,
    certificate,
    isDraining: () => health.isDraining,
    onRequestOver,
  })
  app.server.on('connection', strangers.met)
  // After the guard, before the body.
  app.addHook('preParsing', (request, _reply, _body, done) => {
    if (request.principal !== undefined) strangers.known(request.raw.socket)
    done()
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
    isSecure: certificate !== undefined,
    readiness: () => health.readiness(),
    presence: shared.presence(presenceOf(sessions, tally)),
    ledger,
    trail,
    metrics: () => shared.collect(metrics),
  })
  const detacher = createDetacher()
  routeUpgrades(app.server, observers.handleUpgrade, detacher)
  const directs = [
    directPublish({ ingest, access, meter, log: logger, onUse: trail.onUse, onRequestOver }),
    directStream({ stream: streaming, access, detacher, onUse: trail.onUse, onRequestOver }),
  ]
  answerDirectly(app.server, () => health.isDraining, directs, strangers.known)
  metrics.read({
    tailBytes: () => fanout.stats().tailBytes,
    subscriberLagMax: (kind) => fanout.stats().lagMax[kind],
    logWritable: () => log.health().writable,
    logFaults: () => log.health().faults.length,
    logBytes: () => folderBytes(dir),
    logBehind: () => engine.behind(),
    waitingEvents: () => ingest.waiting.events,
    waitingBytes: () => ingest.waiting.bytes,
    eventLoopLateSeconds: () => load.lateMs / 1000,
    memoryShare: () => load.memoryShare,
    storeRecords: () => ({ workspaces: access.counts().workspaces }),
    strangers: strangers.count,
    ready: () => health.isReady,
  })

  let server: Listening | undefined
  let closing: Promise<void> | undefined
  return {
    async listen() {
      // What was changed while it was being loaded is known before anybody asks.
      await store.refresh()
      const { host, port } = config
      server = undo.later(await listen(app, { host, port, certificate: certificate?.current, clock }), (opened) =>
        opened.close(0),
      )
      health.tell({ kind: 'started' })
      return server
    },
    health,
    metrics,
    server: trail.audit.server,
    workspaces: () => access.workspaces.list(),
    refuse: () => ingest.refuse(),
    steps: [
      {
        name: 'streams',
        async run() {
          closing = server?.close(drainMs * (STREAMS_SHARE + REQUESTS_SHARE))
          await sessions.drain()
        },
      },
      { name: 'requests', run: () => closing ?? Promise.resolve() },
      { name: 'audit', run: () => trail.close() },
      {
        name: 'parts',
        run() {
          for (const part of [observers, fanout, ingest, access, load]) part.close()
        },
      },
    ],
  }
}
