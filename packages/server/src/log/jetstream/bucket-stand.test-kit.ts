import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { type Clock, systemClock } from '../../clock.js'
import { BUCKET_STREAM } from './bucket.js'
import { type KvStore, openKvStore } from './store.js'

/** One server on a folder and a port of its own, which can be killed and started again. */
class Server {
  readonly folder = mkdtempSync(join(tmpdir(), 'switchboard-kv-'))
  private process: ChildProcess | undefined

  private constructor(readonly port: number) {}

  static async start(): Promise<Server> {
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address() as { port: number }
    probe.close()
    await once(probe, 'close')
    const server = new Server(port)
    await server.run()
    return server
  }

  async run(): Promise<void> {
    const args = ['-js', '-sd', this.folder, '-p', String(this.port), '-a', '127.0.0.1']
    this.process = spawn('/usr/sbin/nats-server', args, { stdio: 'ignore' })
    await (await this.connect({ waitOnFirstConnect: true })).close()
  }

  connect(options: { waitOnFirstConnect?: boolean } = {}): Promise<NatsConnection> {
    return connect({
      servers: `127.0.0.1:${this.port}`,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      reconnectJitter: 0,
      pingInterval: 1000,
      ...options,
    })
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.process?.kill(signal)
  }

  async kill(): Promise<void> {
    const { process } = this
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return
    const exit = once(process, 'exit')
    process.kill('SIGKILL')
    await exit
  }

  async end(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** A server for the tests of a file. Each test has a bucket of its own. */
export class BucketStand {
  readonly listenerErrors: unknown[] = []
  readonly warnings: string[] = []
  private opened: { readonly server: Server; readonly connection: NatsConnection } | undefined
  private readonly ending: (() => Promise<unknown>)[] = []

  /** To be made where tests are described: it starts the server before them, and cleans up after each. */
  constructor() {
    beforeAll(async () => {
      const server = await Server.start()
      this.opened = { server, connection: await server.connect() }
    })
    afterEach(async () => {
      for (const end of this.ending.splice(0).reverse()) await end()
      const { streams } = await jetstreamManager(this.connection)
      await streams.delete(BUCKET_STREAM).catch(() => {})
      this.listenerErrors.length = 0
      this.warnings.length = 0
    })
    afterAll(async () => {
      await this.connection.close()
      await this.server.end()
    })
  }

  get server(): Server {
    return this.started.server
  }

  /** For looking behind the stores. */
  get connection(): NatsConnection {
    return this.started.connection
  }

  /** A store of a process of its own. */
  async open({ clock = systemClock, replicas = 1 }: { clock?: Clock; replicas?: number } = {}): Promise<KvStore> {
    const connection = await this.server.connect()
    const store = await openKvStore(connection, {
      clock,
      replicas,
      onListenerError: (error) => this.listenerErrors.push(error),
      warn: (line) => this.warnings.push(line),
    })
    this.ending.push(
      () => connection.close(),
      () => store.close(),
    )
    return store
  }

  /** Starts another server, which ends with the test. */
  async another(): Promise<Server> {
    const server = await Server.start()
    this.ending.push(() => server.end())
    return server
  }

  private get started() {
    if (this.opened === undefined) throw new Error('the server has not been started')
    return this.opened
  }
}
