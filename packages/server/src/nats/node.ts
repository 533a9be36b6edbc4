import { mkdir, open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SwitchboardError } from '@switchboard/contract'
import { Child, type Ending } from './child.js'
import { ask, type JetStreamView, jetStreamView } from './monitor.js'
import { type NodePlace, nodeConfigText } from './node-config.js'
import { pollUntil } from './poll.js'
import type { NatsProgram } from './program.js'

/** A node answers within a tenth of a second; much longer on a machine whose processors are all taken. */
const START_MS_MAX = 30_000
/** It flushes and ends within moments. */
const END_MS_MAX = 10_000
const LAST_WORDS_LINES = 5

export interface NodeOptions {
  readonly name: string
  readonly program: NatsProgram
  readonly place: NodePlace
  readonly places: readonly NodePlace[]
  /** For its configuration and log. */
  readonly folder: string
  readonly storeDir: string
  readonly maxPayloadBytes: number | undefined
  readonly syncAlways: boolean
  /** Hears of an end that nobody here asked for. */
  onDeath(node: NatsNode, how: Ending): void
}

/** One nats-server process. It may be killed and started again, on the same store and ports, as often as wanted. */
export class NatsNode {
  readonly name: string
  readonly url: string
  readonly monitorUrl: string
  readonly logFile: string
  private child: Child | undefined
  private hasStarted = false

  constructor(private readonly options: NodeOptions) {
    const { name, place, folder } = options
    this.name = name
    this.url = `nats://${place.host}:${place.port}`
    this.monitorUrl = `http://${place.host}:${place.monitorPort}`
    this.logFile = join(folder, `${name}.log`)
  }

  /** Of the process that runs, or ran last. */
  get pid(): number | undefined {
    return this.child?.pid
  }

  /** Whether its process is there and not paused. */
  get isRunning(): boolean {
    return this.child?.isRunning ?? false
  }

  /**
   * Resolves when it takes connections. JetStream may take longer: see `LocalNats.ready`.
   * @throws SwitchboardError `unavailable` with its last words, when it ends instead.
   */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.child !== undefined && !this.child.isEnded) return
    const { program, place, folder, storeDir } = this.options
    await mkdir(storeDir, { recursive: true })
    const configFile = join(folder, `${this.name}.conf`)
    await writeFile(configFile, nodeConfigText(this.options), { mode: 0o600 })
    this.hasStarted = false
    const log = await open(this.logFile, 'a', 0o600)
    const child = new Child([...(place.enter ?? []), program.path, '--config', configFile], {
      stdio: ['ignore', log.fd, log.fd],
      onDeath: (how) => {
        if (this.hasStarted) this.options.onDeath(this, how)
      },
    })
    this.child = child
    await log.close()
    const whether = async () => {
      await this.assertThere()
      // What another server says is not about this process. Its port for clients it opens last, and ends if it cannot:
      // on a busy machine after it has answered here, so `LocalNats.ready` looks again.
      const answer = await ask<{ server_name?: string }>(`${this.monitorUrl}/varz`)
      return answer?.server_name === this.name ? { answer: undefined } : { missing: 'it does not' }
    }
    await pollUntil(`${this.name} to answer at ${this.monitorUrl}`, START_MS_MAX, whether, signal)
    this.hasStarted = true
  }

  /** @throws SwitchboardError `unavailable` with its last words, when its process has ended. */
  async assertThere(): Promise<void> {
    if (this.child?.isEnded) throw await this.failedStart(await this.child.ended)
  }

  /** What it says of JetStream; undefined while it does not answer. */
  jetStream(): Promise<JetStreamView | undefined> {
    return jetStreamView(this.monitorUrl)
  }

  /** Ends it without a chance to clean up. */
  async kill(): Promise<void> {
    await this.child?.kill()
  }

  /** Stops it in its tracks, as a machine that hangs: its connections stay open. */
  stop(): void {
    this.child?.pause()
  }

  /** Lets it go on after `stop`. */
  continue(): void {
    this.child?.resume()
  }

  /** Ends it in order. */
  async end(): Promise<void> {
    await this.child?.end(END_MS_MAX)
  }

  private async failedStart(how: Ending): Promise<SwitchboardError> {
    const text = await readFile(this.logFile, 'utf8').catch(() => '')
    const last = text.trim().split('\n').slice(-LAST_WORDS_LINES).join(' | ')
    return new SwitchboardError(
      'unavailable',
      `${this.name} ended with ${how}. Its log, ${this.logFile}, ends: ${last}`,
    )
  }
}
