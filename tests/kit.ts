import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EventStreamReader } from '@switchboard/sdk/sse'
import { onTestFinished } from 'vitest'
import { fetchFrom } from '../packages/cli/src/serve/own-server.js'
import { freePorts } from '../packages/server/src/nats/free-ports.js'
import type { CertificateOfTest } from '../packages/server/testing/certificates.js'
import { type FrameChecker, frameChecker } from './frames.js'

export const root = fileURLToPath(new URL('..', import.meta.url))
export const bin = join(root, 'packages/cli/bin/switchboard.js')

export type Json = Record<string, unknown>

const LAST_WORDS_CHARS = 1000

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  return port as number
}

/** Waits until something is so, asking again and again; fails with what was last seen. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  ms = 20_000,
): Promise<T> {
  const end = performance.now() + ms
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > end) throw new Error(`waited ${ms} ms for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export interface ServerOptions {
  readonly env?: Readonly<Record<string, string>>
  /** A folder to keep the log in; a fresh one, removed afterwards, by default. */
  readonly dir?: string
  /** A workspace that is there already, made at another gateway. Default: a new one. */
  readonly workspace?: string
  /** What to serve HTTPS with. Default: plain HTTP. */
  readonly certificate?: CertificateOfTest
  /** How long it may take until it is ready, in ms. Default: 20 s. */
  readonly readyMsMax?: number
  /** Takes what ends the server; by default the server ends with the test that started it. */
  readonly onEnd?: (end: () => Promise<void>) => void
}

/** A real server process, started by the command line's own `serve`. It ends with the test. */
export class TestServer {
  readonly adminKey: string
  readonly home = mkdtempSync(join(tmpdir(), 'switchboard-home-'))
  workspace = ''
  output = ''
  private checker: Promise<FrameChecker> | undefined
  private process: ChildProcess | undefined

  private constructor(
    readonly dir: string,
    readonly port: number,
    private readonly env: Readonly<Record<string, string>>,
    private readonly certificate: CertificateOfTest | undefined,
    private readonly readyMsMax: number | undefined,
  ) {
    this.adminKey = env.SWITCHBOARD_ADMIN_KEY ?? randomBytes(24).toString('hex')
  }

  static async start(options: ServerOptions = {}): Promise<TestServer> {
    const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'switchboard-data-'))
    const server = new TestServer(dir, await freePort(), options.env ?? {}, options.certificate, options.readyMsMax)
    const { onEnd = onTestFinished } = options
    onEnd(async () => {
      await server.kill('SIGKILL')
      rmSync(server.home, { recursive: true, force: true })
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true })
    })
    await server.run()
    if (options.workspace !== undefined) {
      server.workspace = options.workspace
      return server
    }
    const created = await server.request('POST', '/v1/workspaces', { name: 'Harbor Clinic', slug: 'harbor-clinic' })
    server.workspace = String(created.id)
    return server
  }

  get url(): string {
    return this.certificate ? `https://localhost:${this.port}` : `http://127.0.0.1:${this.port}`
  }

  /** For requests whose answers are short. It trusts the certificate that is in the server's file. */
  get fetch(): typeof globalThis.fetch {
    if (this.certificate === undefined) return globalThis.fetch
    const { fingerprint256: fingerprint } = new X509Certificate(readFileSync(this.certificate.cert))
    return fetchFrom({ address: '127.0.0.1', port: this.port, fingerprint })
  }

  get pid(): number {
    return this.process?.pid ?? 0
  }

  /** Of the process that ran last; null while it runs, and when a signal ended it. */
  get exitCode(): number | null {
    return this.process?.exitCode ?? null
  }

  /** How the process ended, if it did, and what it said last. */
  get lastWords(): string {
    const { exitCode, signalCode } = this.process ?? {}
    const state = exitCode === null && signalCode === null ? 'it runs' : `it ended with ${exitCode ?? signalCode}`
    return `${state}; it said last: ${this.output.slice(-LAST_WORDS_CHARS)}`
  }

  /** Environment for command line processes that talk to this server. */
  get clientEnv(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      HOME: this.home,
      XDG_CONFIG_HOME: join(this.home, '.config'),
      SWITCHBOARD_URL: this.url,
      SWITCHBOARD_API_KEY: this.adminKey,
      SWITCHBOARD_WORKSPACE: this.workspace,
      NO_COLOR: '1',
      ...(this.certificate && { NODE_EXTRA_CA_CERTS: this.certificate.cert }),
    }
  }

  async run(): Promise<void> {
    // Bare: a first workspace would be made in the same moments as the test's own, and a key for all would open either.
    const child = spawn(process.execPath, [bin, 'serve', '--bare'], {
      env: {
        ...process.env,
        HOME: this.home,
        XDG_CONFIG_HOME: join(this.home, '.config'),
        PORT: String(this.port),
        SWITCHBOARD_DATA_DIR: this.dir,
        SWITCHBOARD_ADMIN_KEY: this.adminKey,
        SWITCHBOARD_LOG_LEVEL: 'warn',
        ...(this.certificate && {
          SWITCHBOARD_TLS_CERT: this.certificate.cert,
          SWITCHBOARD_TLS_KEY: this.certificate.key,
        }),
        ...this.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.process = child
    child.stdout?.on('data', (bytes: Buffer) => {
      this.output += bytes.toString()
    })
    child.stderr?.on('data', (bytes: Buffer) => {
      this.output += bytes.toString()
    })
    let seen = ''
    const ask = async () => {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${this.output}`)
      try {
        const answer = await this.fetch(`${this.url}/readyz`)
        seen = await answer.text()
        return answer.status === 200 || undefined
      } catch {
        seen = 'no answer'
        return undefined
      }
    }
    const isReady = until('the server to be ready', ask, this.readyMsMax)
    await isReady.catch((cause: Error) => {
      throw new Error(`${cause.message}; /readyz: ${seen}; its last words: ${this.lastWords}`, { cause })
    })
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  /** Dies without a goodbye and comes back on the same folder and port. */
  async crash(): Promise<void> {
    await this.kill('SIGKILL')
    await this.run()
  }

  /** Holds frames against the document that this server serves. */
  frames(): Promise<FrameChecker> {
    this.checker ??= frameChecker(this.url)
    return this.checker
  }

  headers(credential = this.adminKey): Record<string, string> {
    return { authorization: `Bearer ${credential}` }
  }

  async request(method: string, path: string, body?: unknown, credential?: string): Promise<Json> {
    const init: RequestInit = { method, headers: { ...this.headers(credential), 'content-type': 'application/json' } }
    if (body !== undefined) init.body = JSON.stringify(body)
    const answer = await this.fetch(this.url + path, init)
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text === '' ? {} : JSON.parse(text)
  }

  /** Publishes workspace events, or a call's, together; answers with their positions. */
  async publish(events: readonly Json[], call?: string): Promise<string[]> {
    const path = call === undefined ? 'events' : `calls/${call}/events`
    const { ids } = await this.request('POST', `/v1/${this.workspace}/${path}`, { events })
    return ids as string[]
  }

  async key(permissions: readonly string[]): Promise<{ key_id: string; api_key: string }> {
    const answer = await this.request('POST', `/v1/${this.workspace}/api-keys`, { name: 'test', permissions })
    return answer as { key_id: string; api_key: string }
  }

  /** Waits until so many streams of a kind are open. */
  async streamsOpen(kind: 'workspace' | 'observer', count: number): Promise<void> {
    const line = new RegExp(`^switchboard_open_streams\\{kind="${kind}"\\} ${count}$`, 'm')
    await until(`${count} open streams (${kind})`, async () => {
      const metrics = await (await this.fetch(`${this.url}/metrics`)).text()
      return line.test(metrics) || undefined
    })
  }

  /** Resident memory of the server process, in bytes. */
  residentBytes(): number {
    const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))
    return Number(line?.[1]) * 1024
  }
}

export interface Frame {
  readonly type: string
  readonly id: string
  readonly data: Json
}

/** Reads a workspace stream until `done` says so, with a plain fetch. */
export async function readStream(
  server: TestServer,
  done: (frames: readonly Frame[]) => boolean,
  options: { query?: string; headers?: Record<string, string>; credential?: string } = {},
): Promise<Frame[]> {
  const frames: Frame[] = []
  const answer = await fetch(`${server.url}/v1/${server.workspace}/events/stream?${options.query ?? ''}`, {
    headers: { ...server.headers(options.credential), ...options.headers },
  })
  if (answer.status !== 200 || answer.body === null) throw new Error(`stream: ${answer.status} ${await answer.text()}`)
  const reader = new EventStreamReader()
  const checker = await server.frames()
  for await (const bytes of answer.body) {
    for (const { type, data, lastEventId } of reader.push(bytes)) {
      const fault = checker.stream(type, JSON.parse(data))
      if (fault !== undefined) throw new Error(`a frame is not as the served document says: ${fault}`)
      frames.push({ type, id: lastEventId, data: JSON.parse(data) })
      // Leaving the loop ends the connection.
      if (done(frames)) return frames
    }
  }
  return frames
}

/** Frames that are events, not the stream's own control frames. */
export function eventsOf(frames: readonly Frame[]): Frame[] {
  return frames.filter(({ type }) => !type.startsWith('stream.') && type !== 'error')
}

export interface TimelineLine {
  readonly at: string
  readonly ws?: Json
  readonly obs?: Json
}

/** A sample timeline; its observer events belong to the call that opened the file. */
export function timeline(name: string): { lines: TimelineLine[]; call: string | undefined } {
  const text = readFileSync(join(root, `tests/fixtures/timelines/${name}.jsonl`), 'utf8')
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as TimelineLine)
  const call = lines[0]?.ws?.call_sid
  return { lines, call: typeof call === 'string' ? call : undefined }
}

export const timelines = [
  'call-escalation-takeover',
  'surfaces-review-cycle',
  'operator-shift',
  'pipeline-failing-then-well',
]
