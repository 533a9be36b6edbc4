import type { Clock } from '../clock.js'
import type { Certificate } from '../ops/certificate.js'
import type { Logger } from '../ops/logging.js'
import type { Desk } from './desk.js'
import type { Hub } from './hub.js'
import type { Launched } from './launch.js'
import { Pace } from './pace.js'
import type { ListeningAt, StartOrder } from './protocol.js'
import { Worker } from './worker.js'

export interface FleetOptions {
  readonly count: number
  readonly hub: Hub
  readonly launch: () => Launched
  readonly order: StartOrder
  readonly clock: Clock
  readonly logger: Logger
  readonly onEnd: (desk: Desk, how: 'asked' | 'unasked', pid: number | undefined) => void
}

/** The worker processes: as many as there should be, whatever happens to them. */
export class Fleet {
  private readonly workers = new Set<Worker>()
  private readonly replacements = new Set<() => void>()
  private phase: 'starting' | 'serving' | 'stopping' = 'starting'
  private order: StartOrder

  constructor(private readonly options: FleetOptions) {
    this.order = options.order
  }

  /**
   * Starts them all. Resolves when all listen.
   * @throws What the first has failed with; then none is left.
   */
  async start(): Promise<ListeningAt> {
    const workers = Array.from({ length: this.options.count }, (_, index) => this.launch(index + 1, new Pace()))
    try {
      await Promise.all(workers.map((worker) => worker.start(this.order)))
      const [at] = await Promise.all(workers.map((worker) => worker.listen()))
      if (at === undefined) throw new Error('a server without workers')
      // A free port was taken by the first of them: whoever comes later takes the same.
      this.order = { ...this.order, config: { ...this.order.config, port: at.port } }
      if (this.phase === 'starting') this.phase = 'serving'
      return at
    } catch (error) {
      await this.kill()
      throw error
    }
  }

  /** Gives all, and whoever comes later, another certificate. */
  renew(certificate: Certificate): void {
    this.order = { ...this.order, certificate }
    this.options.hub.tellRenewed(certificate)
  }

  /** Lets all end in order. Resolves when they are gone; after `msMax` they are killed. */
  async stop(reason: string, msMax: number): Promise<void> {
    this.noneFollows()
    const cancel = this.options.clock.after(msMax, () => void this.kill())
    await Promise.all(Array.from(this.workers, (worker) => worker.stop(reason)))
    cancel()
  }

  /** Ends all at once. */
  async kill(): Promise<void> {
    this.noneFollows()
    for (const worker of this.workers) worker.kill('the server ends')
    await Promise.all(Array.from(this.workers, ({ ended }) => ended))
  }

  private launch(number: number, pace: Pace): Worker {
    const { hub, clock, logger, launch, onEnd } = this.options
    const worker = new Worker(launch(), number, hub, clock, logger)
    this.workers.add(worker)
    void worker.ended.then(({ livedMs, ...how }) => {
      this.workers.delete(worker)
      onEnd(worker.desk, this.phase === 'stopping' ? 'asked' : 'unasked', worker.pid)
      // While the server starts, it fails with its worker.
      if (this.phase !== 'serving') return
      const wait_ms = pace.waitMs(livedMs)
      logger.warn({ worker: number, pid: worker.pid, ...how, wait_ms }, 'a worker has ended')
      this.replaceAfter(wait_ms, number, pace)
    })
    return worker
  }

  private replaceAfter(waitMs: number, number: number, pace: Pace): void {
    const cancel = this.options.clock.after(waitMs, () => {
      this.replacements.delete(cancel)
      void this.replace(number, pace)
    })
    this.replacements.add(cancel)
  }

  private async replace(number: number, pace: Pace): Promise<void> {
    const { logger } = this.options
    const worker = this.launch(number, pace)
    try {
      await worker.start(this.order)
      await worker.listen()
      logger.info({ worker: number, pid: worker.pid }, 'a worker has taken its place')
    } catch (error) {
      // It is killed, and its end brings the next.
      if (this.phase === 'serving') logger.error({ err: error, worker: number }, 'a worker could not start')
    }
  }

  private noneFollows(): void {
    this.phase = 'stopping'
    for (const cancel of this.replacements) cancel()
    this.replacements.clear()
  }
}
