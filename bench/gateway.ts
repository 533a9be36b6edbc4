import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Child } from '../packages/server/src/nats/child.js'
import { freePorts } from '../packages/server/src/nats/free-ports.js'
import { pollUntil } from '../packages/server/src/nats/poll.js'
import type { Entrance } from './audience.js'
import { cores, pinned } from './cores.js'
import { cpuSeconds } from './processor.js'
import type { Stage } from './stage.js'

const bin = fileURLToPath(new URL('../packages/cli/bin/switchboard.js', import.meta.url))

/** A newcomer reads the whole stream before it is ready. */
const READY_MS_MAX = 180_000
const END_MS_MAX = 15_000
const KEY_BYTES = 24
const STREAMS_MAX = '100000'
const LAST_WORDS_CHARS = 2_000

export interface GatewayOptions {
  readonly name: string
  /** NATS servers; none for LMDB. */
  readonly nats?: readonly string[]
  /** Another one of the same deployment, whose key and workspace it shares. */
  readonly beside?: Gateway
  /** Whether it has the servers' core, and nothing else. Default: false. */
  readonly isPinned?: boolean
}

/** A real `switchboard serve` process. */
export class Gateway {
  workspace = ''

  private constructor(
    readonly port: number,
    readonly key: string,
    /** When it was started, on `performance.now()`. */
    readonly startedAt: number,
    private readonly child: Child,
    private readonly logFile: string,
  ) {}

  /** Resolves when it says that it is ready. */
  static async start(stage: Stage, { name, nats, beside, isPinned = false }: GatewayOptions): Promise<Gateway> {
    const folder = stage.newFolder(name)
    const [port = 0] = await freePorts(1)
    const key = beside?.key ?? randomBytes(KEY_BYTES).toString('hex')
    const logFile = join(folder, 'gateway.log')
    mkdirSync(join(folder, 'home'))
    const log = createWriteStream(logFile)
    await once(log, 'open')
    const own = Object.entries(process.env).filter(([variable]) => !variable.startsWith('SWITCHBOARD_'))
    const startedAt = performance.now()
    const child = new Child(pinned(isPinned ? cores.server : undefined, [process.execPath, bin, 'serve']), {
      stdio: ['ignore', log, log],
      env: {
        ...Object.fromEntries(own),
        HOME: join(folder, 'home'),
        XDG_CONFIG_HOME: join(folder, 'home'),
        PORT: String(port),
        SWITCHBOARD_DATA_DIR: join(folder, 'data'),
        SWITCHBOARD_ADMIN_KEY: key,
        SWITCHBOARD_LOG_LEVEL: 'warn',
        SWITCHBOARD_MAX_STREAMS_PER_WORKSPACE: STREAMS_MAX,
        ...(nats && { SWITCHBOARD_NATS_URL: nats.join(',') }),
      },
      onDeath: (how) => stage.say(`${name} ended by itself: ${how}`),
    })
    stage.onEnd(() => child.end(END_MS_MAX))
    const gateway = new Gateway(port, key, startedAt, child, logFile)
    await gateway.ready()
    gateway.workspace = beside?.workspace ?? (await gateway.makeWorkspace('bench'))
    return gateway
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  cpuSeconds(): number {
    return cpuSeconds([this.pid])
  }

  /** The value of one of its metrics. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.port}/metrics`)).text()
    const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]
    if (value === undefined) throw new Error(`there is no metric ${name}`)
    return Number(value)
  }

  /** How one subscribes to its workspace's stream, and, when it is gone, to another's of the same deployment. */
  entrance(then?: Gateway): Entrance {
    const { port, workspace, key } = this
    return {
      protocol: 'sse',
      ports: then === undefined ? [port] : [port, then.port],
      routes: [{ path: `/v1/${workspace}/events/stream`, headers: [`authorization: Bearer ${key}`] }],
      openMark: 'event: stream.opened',
    }
  }

  /** @returns Its id. */
  async makeWorkspace(slug: string): Promise<string> {
    return (await this.post<{ id: string }>('/v1/workspaces', { name: 'Bench', slug })).id
  }

  /** An API key of a workspace. */
  async makeKey(workspace: string, permissions: readonly string[]): Promise<string> {
    return (await this.post<{ api_key: string }>(`/v1/${workspace}/api-keys`, { name: 'Bench', permissions })).api_key
  }

  /** One event. Resolves when it is stored. */
  async publish(path: string, event: unknown): Promise<void> {
    await this.post(path, event)
  }

  async kill(): Promise<void> {
    await this.child.kill()
  }

  async end(): Promise<void> {
    await this.child.end(END_MS_MAX)
  }

  private async post<T>(path: string, body: unknown): Promise<T> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await answer.text()
    if (answer.status !== 201) throw new Error(`POST ${path} was refused: ${text}`)
    return JSON.parse(text) as T
  }

  private async ready(): Promise<void> {
    await pollUntil('a gateway to be ready', READY_MS_MAX, async () => {
      if (this.child.isEnded) throw new Error(`a gateway did not start: ${this.lastWords()}`)
      const answer = await fetch(`http://127.0.0.1:${this.port}/readyz`).catch(() => undefined)
      return answer?.status === 200 ? { answer: true } : { missing: `${await answer?.text()} ${this.lastWords()}` }
    })
  }

  private lastWords(): string {
    return readFileSync(this.logFile, 'utf8').slice(-LAST_WORDS_CHARS)
  }
}
