import type { Clock } from '../clock.js'
import type { Logger } from '../ops/logging.js'
import type { Desk } from './desk.js'
import type { Hub } from './hub.js'
import type { Launched } from './launch.js'
import type { ListeningAt, StartOrder } from './protocol.js'
import { relay } from './relayed-log.js'

/** Longest that a worker may take to be ready: many that start together share the cores. */
const START_MS_MAX = 120_000
/** How long a worker without its line may take to end: it serves nobody, and holds its connections. */
const END_MS_MAX = 1000

/** How a worker has ended. */
export interface WorkerEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Why it was killed, if it was. */
  readonly why: string | undefined
  readonly livedMs: number
}

/** A worker process with its line, from its launch to its end. */
export class Worker {
  readonly desk: Desk
  readonly ended: Promise<WorkerEnd>
  private why: string | undefined

  constructor(
    private readonly process: Launched,
    number: number,
    hub: Hub,
    private readonly clock: Clock,
    logger: Logger,
  ) {
    this.desk = hub.attach(process.stream, {
      onStuck: (why) => this.kill(why),
      onClose: () => clock.after(END_MS_MAX, () => process.kill()),
      onLogged: (line) => relay(line, logger, number),
    })
    const launchedAt = clock.monotonic()
    this.ended = process.ended.then(({ code, signal }) => {
      this.desk.line.cut()
      return { code, signal, why: this.why, livedMs: clock.monotonic() - launchedAt }
    })
  }

  get pid(): number | undefined {
    return this.process.pid
  }

  /** Resolves when it could listen. A worker that fails to start is killed. */
  async start(order: StartOrder): Promise<void> {
    const cancel = this.clock.after(START_MS_MAX, () => this.kill(`it was not ready after ${START_MS_MAX / 1000} s`))
    try {
      await this.desk.line.ask('start', order)
      this.desk.started()
    } catch (error) {
      this.kill('it could not start')
      throw error
    } finally {
      cancel()
    }
  }

  async listen(): Promise<ListeningAt> {
    try {
      return await this.desk.line.ask('listen')
    } catch (error) {
      this.kill('it could not listen')
      throw error
    }
  }

  /** Lets it end in order. Resolves when it is gone. */
  async stop(reason: string): Promise<void> {
    // One that ends before it answers has ended.
    await this.desk.line.ask('stop', reason).catch(() => {})
    this.desk.line.end()
    await this.ended
  }

  kill(why: string): void {
    this.why ??= why
    this.process.kill()
  }
}
