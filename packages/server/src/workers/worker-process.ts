import type { Duplex } from 'node:stream'
import { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import { tuneCollector } from '../compose/collector.js'
import { openCatalogue } from '../compose/open-catalogue.js'
import { ownPrivacy } from '../compose/own-privacy.js'
import type { Shared } from '../compose/shared.js'
import { Undo } from '../compose/undo.js'
import { version } from '../compose/version.js'
import { completedElsewhere } from '../ingest/tool-calls.js'
import type { Health } from '../log/log.js'
import { type Served, serve } from '../main.js'
import { folderPlace } from '../ops/key-place.js'
import { ensureAdminKey } from '../ops/keys.js'
import { exits, type Lifecycle, watchOver } from '../ops/lifecycle.js'
import { HeldCertificate } from '../ops/live-certificate.js'
import { projections } from '../state/projections.js'
import type { Presence, ReadPresence } from '../transport/presence.js'
import { PULSE_MS } from './hub.js'
import { Line } from './line.js'
import type { ListeningAt, ParentNews, ParentSide, StartOrder, WorkerSide } from './protocol.js'
import { createRelayedLogger } from './relayed-log.js'
import { SharedUsage } from './usage.js'
import { openWorkerEngine, type WorkerEngine } from './worker-engine.js'

/** A parent that has said nothing for this long does not run: nothing can be written meanwhile. */
const SILENT_MS_MAX = 5 * PULSE_MS
/** Lines of the log that wait for a parent that does not take them off; what comes then is not logged. */
const LOG_WAITING_BYTES_MAX = 1024 * 1024
/** Longest that the last words of a worker that failed may take. */
const LAST_WORDS_MS_MAX = 500

/** A process that serves, and leaves to its parent what there is only one of. It ends when the line does. */
export class WorkerProcess {
  private readonly line: Line<WorkerSide, ParentSide>
  private readonly usage: SharedUsage
  private engine: WorkerEngine | undefined
  private served: Served | undefined
  private ownPresence: ReadPresence | undefined
  private lifecycle: Lifecycle | undefined
  private diskHealth: Health | undefined
  private certificate: HeldCertificate | undefined
  private heardAt: number
  /** What the process says when its line ends: that its parent is gone, unless it was asked to stop before. */
  private status: number = exits.failed

  constructor(
    stream: Duplex,
    private readonly clock: Clock,
    private readonly exit: (status: number) => void,
  ) {
    this.heardAt = clock.monotonic()
    this.line = new Line<WorkerSide, ParentSide>(stream, {
      calls: {
        start: (order) => this.start(order),
        listen: () => this.listen(),
        stop: (reason) => this.stop(reason),
        measure: async () => (await this.served?.metrics.sample()) ?? [],
        presence: (workspace) => this.presence(workspace),
      },
      hear: (news) => this.hear(news),
      // At once: what it knows may be old from now on, and nobody writes for it.
      onClose: () => this.exit(this.status),
    })
    this.usage = new SharedUsage((usage) => this.line.tell({ kind: 'used', usage }))
  }

  private async start({ config, ownsProcess, logLevel, ...parent }: StartOrder): Promise<void> {
    if (parent.version !== version) {
      throw new SwitchboardError(
        'unavailable',
        `a worker of version ${version} cannot serve a server of version ${parent.version}: restart the server`,
      )
    }
    if (ownsProcess) tuneCollector()
    const { line, clock } = this
    const certificate = parent.certificate && new HeldCertificate(parent.certificate)
    this.certificate = certificate
    const { dataDir: dir, drainMs } = config
    const logger = createRelayedLogger(logLevel, (text) => {
      if (line.waitingBytes < LOG_WAITING_BYTES_MAX) line.tell({ kind: 'logged', line: text })
    })
    // As the parent has them: it has made what was missing.
    const { catalogue } = await openCatalogue(config.catalogue, undefined, (text) => logger.warn(text))
    const privacy = await ownPrivacy(config, catalogue)
    const adminKey = await ensureAdminKey(config, folderPlace(dir))
    const engine = await openWorkerEngine({ dir, clock, line, privacy, projections })
    this.engine = engine
    if (this.diskHealth !== undefined) engine.hearHealth(this.diskHealth)
    const served = await serve(
      { config, clock, logger, ownsProcess, undo: new Undo(), certificate },
      {
        engine: { ...engine, behind: () => 0 },
        catalogue,
        adminKeyDigest: () => adminKey.digest,
        sealingKey: privacy.sealingKey,
        shared: this.shared(),
      },
    )
    this.served = served
    served.health.check('parent', () => this.parentTrouble())
    this.lifecycle = watchOver({
      health: served.health,
      logger,
      clock,
      drainMs,
      signals: false,
      refuseAppends: served.refuse,
      steps: [...served.steps, { name: 'storage', run: () => engine.close() }],
      exit: (status) => this.fail(status),
    })
  }

  private parentTrouble(): string | undefined {
    const isSilent = this.clock.monotonic() - this.heardAt > SILENT_MS_MAX
    return isSilent ? 'The process that writes the log does not answer.' : undefined
  }

  private async presence(workspace: string): Promise<Presence> {
    if (this.ownPresence === undefined) throw new Error('a worker was asked who listens before it had started')
    return this.ownPresence(workspace)
  }

  private async listen(): Promise<ListeningAt> {
    if (this.served === undefined) throw new Error('a worker was to listen before it had started')
    const { url, port } = await this.served.listen()
    return { url, port }
  }

  private async stop(reason: string): Promise<void> {
    const outcome = await this.lifecycle?.stop(reason)
    this.status = exits[outcome ?? 'stopped']
  }

  /** Ends after a failure that nobody caught, once the parent has been told of it. */
  private fail(status: number): void {
    this.status = status
    this.line.end()
    this.clock.after(LAST_WORDS_MS_MAX, () => this.exit(status))
  }

  private hear(news: ParentNews): void {
    this.heardAt = this.clock.monotonic()
    if (news.kind === 'pulse') this.line.tell({ kind: 'pulse' })
    else if (news.kind === 'used') this.usage.hear(news.usage)
    else if (news.kind === 'renewed') this.certificate?.renew(news.certificate)
    else if (news.kind === 'health') this.hearHealth(news.health)
    // What comes before the engine is open, the engine will find in the file.
    else this.engine?.hear(news)
  }

  private hearHealth(health: Health): void {
    this.diskHealth = health
    this.engine?.hearHealth(health)
  }

  private shared(): Shared {
    const { line, usage } = this
    return {
      seats: {
        take: (workspace) => line.ask('takeSeat', workspace),
        give: (workspace) => line.tell({ kind: 'seat-given', workspace }),
      },
      toolCalls: completedElsewhere,
      throttle: (own) => usage.throttle(own),
      publishRate: (own) => usage.rate(own),
      twilio: () => ({ receive: (callback) => line.ask('receive', callback) }),
      collect: () => line.ask('metrics'),
      presence: (own) => {
        this.ownPresence = own
        return (workspace) => line.ask('presence', workspace)
      },
      stuck: () => this.parentTrouble(),
    }
  }
}
