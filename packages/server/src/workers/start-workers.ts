import { EventEmitter } from 'node:events'
import { createAccess } from '../access/access.js'
import { keepAudit } from '../audit/upkeep.js'
import { logFault } from '../compose/faults.js'
import { folderBytes } from '../compose/folder-bytes.js'
import type { Founding } from '../compose/founding.js'
import { openCatalogue } from '../compose/open-catalogue.js'
import { ownPrivacy } from '../compose/own-privacy.js'
import { keepRetention } from '../compose/retention.js'
import type { RunningServer } from '../compose/running-server.js'
import { keepVerified } from '../compose/verification.js'
import { version } from '../compose/version.js'
import { twilioSettings } from '../http/sources.js'
import { createFingerprint } from '../ingest/fingerprint.js'
import { createIngest } from '../ingest/ingest.js'
import { noPublishRate } from '../ingest/rate.js'
import { createToolCalls } from '../ingest/tool-calls.js'
import { openLmdbEngine } from '../log/lmdb.js'
import type { Fault } from '../log/log.js'
import type { Config } from '../ops/config.js'
import { createHealth, storageCheck } from '../ops/health.js'
import { folderPlace } from '../ops/key-place.js'
import { ensureAdminKey, forgetAdminKey } from '../ops/keys.js'
import { watchOver } from '../ops/lifecycle.js'
import { createMetrics } from '../ops/metrics.js'
import { createTwilioSource } from '../sources/twilio.js'
import { projections } from '../state/projections.js'
import { Tally, tallied } from '../tally.js'
import { togetherPresent } from '../transport/presence.js'
import { createSeats } from '../transport/seats.js'
import { Fleet } from './fleet.js'
import { Hub } from './hub.js'
import { inTime } from './in-time.js'
import { assertCanLaunch, launch } from './launch.js'
import { Measures } from './measures.js'

/** Parts of the drain time: workers end by themselves, then those that do not are killed; what is left is the storage's. */
const WORKERS_SHARE = 0.85
const KILL_SHARE = 0.95

/**
 * Starts a server of several processes: this one writes the log and keeps house, its workers serve (docs/decisions/0008).
 * @throws What `startServer` throws.
 */
export async function startWorkers(founding: Founding): Promise<RunningServer> {
  const { config, clock, logger, ownsProcess, undo } = founding
  const { dataDir: dir, drainMs } = config
  assertCanLaunch(config.workers)
  const health = createHealth()
  const metrics = undo.later(createMetrics({ version }), (opened) => opened.close())

  // What there is only one of: the log's writer, retention, and the keys in the data folder.
  let tellHealth = (): void => {}
  const onFault = (fault: Fault): void => {
    logFault(logger, fault)
    tellHealth()
  }
  const warn = (line: string): void => logger.warn(line)
  const { catalogue } = await openCatalogue(config.catalogue, undefined, warn)
  const privacy = await ownPrivacy(config, catalogue)
  const { sealingKey } = privacy
  const engine = undo.later(await openLmdbEngine({ dir, clock, projections, privacy, onFault }), (opened) =>
    opened.close(),
  )
  const { log, store } = engine
  const endRetention = undo.later(keepRetention(log, clock, config.retentionMs, logger), (end) => end())
  health.check('storage', storageCheck(log))
  const keys = folderPlace(dir)
  const adminKey = undo.later(await ensureAdminKey(config, keys), (made) => forgetAdminKey(made, keys))

  // What has to see all of a kind, to put it in order.
  const access = undo.later(
    await createAccess({ store, clock, adminKeyDigest: () => adminKey.digest, sealingKey, warn }),
    (opened) => opened.close(),
  )
  const auditUpkeep = undo.later(
    keepAudit({
      engine,
      clock,
      workspaces: () => access.workspaces.list(),
      retentionMs: config.auditRetentionMs,
      server: undefined,
      isAlone: true,
      warn,
    }),
    (upkeep) => upkeep.end(),
  )
  const toolCalls = undo.later(createToolCalls(log), (opened) => opened.close())
  const tally = new Tally(clock)
  const fingerprint = createFingerprint(access.secret)
  const meter = tallied(metrics, tally)
  const ingest = createIngest({ log, catalogue, clock, meter, rate: noPublishRate, fingerprint, toolCalls })
  const settings = twilioSettings(access.secrets, access.workspaces)

  // The workers.
  const measures = new Measures(metrics, clock)
  const hub: Hub = undo.later(
    new Hub({
      engine,
      clock,
      seats: createSeats(config.maxStreamsPerWorkspace),
      toolCalls,
      twilio: createTwilioSource({ ingest, log, clock, settings }),
      metrics: () => measures.collect(hub.desks),
      async presence(workspace) {
        const asked = [...hub.desks].map((desk) => inTime(clock, desk, (line) => line.ask('presence', workspace)))
        const told = (await Promise.all(asked)).filter((presence) => presence !== undefined)
        // Callbacks of vendors are taken in here: no stream is open, but events are published.
        return togetherPresent([{ streams: [], counts: tally.of(workspace) }, ...told])
      },
    }),
    (opened) => opened.close(),
  )
  tellHealth = () => hub.tellHealth()
  metrics.read({
    logWritable: () => log.health().writable,
    logFaults: () => log.health().faults.length,
    logBytes: () => folderBytes(dir),
    ready: () => health.isReady,
  })
  const fleet = undo.later(
    new Fleet({
      count: config.workers,
      hub,
      launch,
      order: {
        config: { ...config, drainMs: drainMs * WORKERS_SHARE },
        version,
        ownsProcess,
        logLevel: logger.level as Config['logLevel'],
        certificate: founding.certificate?.current,
      },
      clock,
      logger,
      onEnd(desk, how, pid) {
        log.checkReaders()
        measures.left(desk)
        if (how === 'asked') return
        metrics.workerEnded()
        auditUpkeep.died(pid)
      },
    }),
    (opened) => opened.kill(),
  )
  founding.certificate?.onRenewed((certificate) => fleet.renew(certificate))
  let endVerification: (() => Promise<void>) | undefined
  // Before the first worker listens: whoever can reach the server must be able to stop it.
  const lifecycle = undo.later(
    watchOver({
      health,
      logger,
      clock,
      drainMs,
      ...(!ownsProcess && { process: new EventEmitter() }),
      refuseAppends() {
        ingest.refuse()
        hub.refuse()
      },
      steps: [
        { name: 'workers', run: () => fleet.stop('its parent stops', drainMs * KILL_SHARE) },
        {
          name: 'parts',
          async run() {
            hub.close()
            await endVerification?.()
            await endRetention()
            await auditUpkeep.end()
            for (const part of [toolCalls, access]) part.close()
          },
        },
        { name: 'storage', run: () => engine.close() },
      ],
    }),
    (opened) => opened.release(),
  )
  const { url, port } = await fleet.start()
  health.tell({ kind: 'started' })
  logger.info({ version, data_dir: dir, admin_from: adminKey.source, workers: config.workers }, 'started')
  endVerification = keepVerified(log, clock, logger)

  return {
    url,
    port,
    keptAt: undefined,
    adminKey: adminKey.generated,
    async close() {
      await lifecycle.stop('closed by its owner')
      lifecycle.release()
      await fleet.kill()
      metrics.close()
    },
  }
}
