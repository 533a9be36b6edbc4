import cluster from 'node:cluster'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '../ops/config.js'

/** Where a worker finds its line. */
export const LINE_FD = 4

/** As this file is: source, or built. */
const ENTRY = fileURLToPath(new URL(`./entry${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url))

/** A process that was started to be a worker. */
export interface Launched {
  readonly pid: number | undefined
  readonly stream: Duplex
  /** Resolves when it has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  /** Ends it without a goodbye. */
  kill(): void
}

/** @throws ConfigError where this process cannot have workers. */
export function assertCanLaunch(workers: number): void {
  if (cluster.isPrimary) return
  throw new ConfigError(
    `SWITCHBOARD_WORKERS is ${workers}, and this process is itself a worker of a cluster; accepted: 1 here`,
  )
}

/** Starts a worker process. The cluster module gives it its share of the connections, each to the next worker in turn. */
export function launch(): Launched {
  cluster.setupPrimary({
    exec: ENTRY,
    args: [],
    // Overlapped is a pipe, and one that Windows can wait for.
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'overlapped'],
  })
  const worker = cluster.fork()
  const child = worker.process
  return {
    pid: child.pid,
    stream: child.stdio[LINE_FD] as unknown as Duplex,
    ended: once(child, 'exit').then(([code, signal]) => ({ code, signal })),
    kill: () => void child.kill('SIGKILL'),
  }
}
