import { createWriteStream, type WriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Child, type Ending } from '@switchboard/server'
import type { Context } from '../context.js'
import { CliError } from '../failure.js'
import { logLine } from './log-line.js'

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url))
/** What `serve` gives itself for a shutdown, and a little for the storage. */
const END_MS_MAX = 15_000
const LAST_LINES = 5

export interface GatewayOptions {
  readonly name: string
  readonly port: number
  readonly dataDir: string
  readonly logFile: string
  readonly natsUrls: readonly string[]
  readonly natsMonitorUrls: readonly string[]
  readonly adminKey: string
  readonly env: Context['env']
  /** A line of its log, as it came. */
  onLine(line: string): void
  /** Hears of an end that nobody here asked for. */
  onDeath(how: Ending): void
}

/** A process of this program that serves. */
export class Gateway {
  readonly name: string
  readonly dataDir: string
  readonly logFile: string
  /** Its address, when it serves. @throws CliError with its last words, when it ends instead. */
  readonly url: Promise<string>
  private readonly child: Child
  private readonly log: WriteStream
  private readonly lastLines: string[] = []
  private isServing = false

  constructor({
    name,
    port,
    dataDir,
    logFile,
    natsUrls,
    natsMonitorUrls,
    adminKey,
    env,
    onLine,
    onDeath,
  }: GatewayOptions) {
    this.name = name
    this.dataDir = dataDir
    this.logFile = logFile
    this.log = createWriteStream(logFile, { flags: 'a', mode: 0o600 })
    this.child = new Child([process.execPath, MAIN, 'serve', '--bare', '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...env,
        // What a real cluster needs is set by whoever runs one, and is no business of this one.
        SWITCHBOARD_NATS_CREDENTIALS: '',
        SWITCHBOARD_NATS_CA: '',
        SWITCHBOARD_NATS_FOLLOW: '',
        SWITCHBOARD_TLS_CERT: '',
        SWITCHBOARD_TLS_KEY: '',
        // Whoever wants each request sets it to info.
        SWITCHBOARD_LOG_LEVEL: env.SWITCHBOARD_LOG_LEVEL ?? 'warn',
        HOST: '127.0.0.1',
        PORT: String(port),
        SWITCHBOARD_DATA_DIR: dataDir,
        SWITCHBOARD_NATS_URL: natsUrls.join(','),
        SWITCHBOARD_NATS_MONITOR: natsMonitorUrls.join(','),
        SWITCHBOARD_ADMIN_KEY: adminKey,
      },
      onDeath: (how) => {
        if (this.isServing) onDeath(how)
      },
    })
    this.url = new Promise((resolve, reject) => {
      const hear = (line: string): void => {
        const url = startedUrl(line)
        if (url === undefined) {
          this.keep(line)
          onLine(line)
          return
        }
        this.isServing = true
        resolve(url)
      }
      const { stdout, stderr } = this.child.process
      for (const input of [stdout, stderr]) if (input) createInterface(input).on('line', hear)
      // Its last words are here by then, which they are not yet at its end.
      this.child.process.once('close', (status, signal) => reject(this.failedStart(signal ?? `exit status ${status}`)))
      this.child.process.once('error', (error) => reject(this.failedStart(error.message)))
    })
    // Whoever waits hears of it; a start that is given up waits no more.
    this.url.catch(() => {})
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  /** Ends it in order: its streams are told, its requests are finished. */
  async end(): Promise<void> {
    await this.child.end(END_MS_MAX)
    await new Promise<void>((resolve) => this.log.end(resolve))
  }

  private keep(line: string): void {
    this.log.write(`${line}\n`)
    this.lastLines.push(line)
    if (this.lastLines.length > LAST_LINES) this.lastLines.shift()
  }

  private failedStart(how: Ending): CliError {
    const last = this.lastLines.map(logLine).join(' | ')
    return new CliError('unavailable', `${this.name} ended with ${how}. Its log, ${this.logFile}, ends: ${last}`)
  }
}

/** The line with which `serve --json` says that it is there. */
function startedUrl(line: string): string | undefined {
  if (!line.startsWith('{"started":')) return undefined
  return (JSON.parse(line) as { started: { url: string } }).started.url
}
