import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/clock.js'
import { type JetStreamEngine, type JetStreamOptions, openJetStreamEngine } from '../src/log/jetstream.js'
import type { Privacy } from '../src/log/vault.js'
import { freePorts } from '../src/nats/free-ports.js'
import type { Bench } from './stand.js'

export interface JetStreamBench extends Bench {
  readonly engine: JetStreamEngine
  /** Everything of the bench is in it. */
  readonly folder: string
  readonly options: JetStreamOptions
  /** What the engines have warned of. */
  readonly warnings: readonly string[]
  readonly server: { kill(): Promise<void>; start(): Promise<void> }
  /** Opens a second engine on the same servers. It ends with the bench. */
  another(options?: Partial<JetStreamOptions>): Promise<JetStreamEngine>
  /** Flips bits in every frame of the first engine's copy, which must be closed. */
  damage(): void
}

export interface JetStreamBenchOptions extends Omit<Partial<JetStreamOptions>, 'privacy'> {
  readonly privacy?: Privacy | undefined
}

const COPY_KEY = Buffer.alloc(32, 7)

/** The engine over a NATS server of its own, and a folder of its own. */
export async function openJetStreamBench({ privacy, ...options }: JetStreamBenchOptions): Promise<JetStreamBench> {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-nats-'))
  const [port] = await freePorts(1)
  const args = ['-js', '-sd', join(folder, 'store'), '-p', String(port), '-a', '127.0.0.1']
  let process: ChildProcess | undefined
  const server = {
    async start() {
      process = spawn('nats-server', args, { stdio: 'ignore' })
    },
    async kill() {
      const exited = process && once(process, 'exit')
      process?.kill('SIGKILL')
      await exited
    },
  }
  await server.start()
  const warnings: string[] = []
  const all: JetStreamOptions = {
    retentionMs: 7 * 86_400_000,
    warn: (line) => warnings.push(line),
    ...options,
    ...(privacy && { privacy: async () => ({ ...privacy, copyKey: async () => COPY_KEY }) }),
    servers: [`nats://127.0.0.1:${port}`],
    dir: join(folder, 'data'),
    clock: systemClock,
  }
  let engine = await openJetStreamEngine(all)
  const others: JetStreamEngine[] = []
  return {
    dir: folder,
    folder,
    options: all,
    warnings,
    server,
    get engine() {
      return engine
    },
    async reopen() {
      await engine.close()
      engine = await openJetStreamEngine(all)
      return engine
    },
    async another(more = {}) {
      const other = await openJetStreamEngine({ ...all, ...more })
      others.push(other)
      return other
    },
    damage() {
      const path = join(all.dir, 'replica-1', 'partition-0', 'log.mdb')
      const bytes = readFileSync(path)
      for (let at = bytes.indexOf('\ndata: '); at >= 0; at = bytes.indexOf('\ndata: ', at + 1)) bytes[at + 9] = 0
      writeFileSync(path, bytes)
    },
    async end() {
      await Promise.all([engine, ...others].map((each) => each.close()))
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
