import { execFileSync } from 'node:child_process'
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findNatsServer } from '../packages/server/src/nats/program.js'
import { median } from './case.js'
import { coresText } from './cores.js'
import { congestionControl, ownsNetwork } from './network.js'
import { installed } from './products.js'

/** What figures depend on. */
export interface Machine {
  readonly date: string
  readonly processors: string
  readonly memory: string
  readonly system: string
  readonly node: string
  readonly nats: string
  /** Of the repository; `with changes` when it is not what is measured. */
  readonly commit: string
  /** Median time of a flush of 4 KiB, where servers keep their data. */
  readonly flush: string
  /** Of the servers beside ours. */
  readonly peers: string
  /** How TCP is paced. */
  readonly network: string
  readonly cores: string
  /** Processes that wanted a processor in the last minute, at the start. */
  readonly load: string
}

const FLUSHES = 101
const FLUSH_BYTES = 4096
const GIB = 2 ** 30
const COMMIT_CHARS = 12

/** @param dir Where servers will keep their data. */
export async function lookAtMachine(dir: string): Promise<Machine> {
  const processors = cpus()
  return {
    date: new Date().toISOString().slice(0, 10),
    processors: `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / GIB)} GiB`,
    system: `${process.platform} ${release()}`,
    node: process.version,
    nats: (await findNatsServer()).version,
    commit: commit(),
    flush: `${flushMs(dir).toFixed(2)} ms`,
    peers: (await installed()).versions.join(', '),
    network: `${congestionControl()}${ownsNetwork ? ' in a network namespace' : ''}`,
    cores: coresText(),
    load: loadavg()[0]?.toFixed(1) ?? '',
  }
}

/** In one line, for people. */
export function machineLine(machine: Machine): string {
  const { date, processors, memory, system, node, nats, commit, flush, load, peers, network, cores } = machine
  return `${date}: ${processors}, ${memory}, ${system}; Node.js ${node}, ${[`nats-server ${nats}`, peers].filter(Boolean).join(', ')}, Switchboard ${commit}; TCP with ${network}; ${cores}; a flush takes ${flush}; load ${load} at the start`
}

function commit(): string {
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  const git = (...args: string[]): string => execFileSync('git', args, { cwd, encoding: 'utf8' }).trim()
  try {
    // What is written about the figures is no change of what they say.
    const isChanged = git('status', '--porcelain', '--', '.', ':!docs', ':!*.md') !== ''
    return git('rev-parse', 'HEAD').slice(0, COMMIT_CHARS) + (isChanged ? ' with changes' : '')
  } catch {
    return 'without a repository'
  }
}

function flushMs(dir: string): number {
  const path = join(dir, `switchboard-flush-${process.pid}`)
  const file = openSync(path, 'w')
  try {
    const bytes = Buffer.alloc(FLUSH_BYTES, 1)
    return median(
      Array.from({ length: FLUSHES }, () => {
        const startedAt = performance.now()
        writeSync(file, bytes)
        fdatasyncSync(file)
        return performance.now() - startedAt
      }),
    )
  } finally {
    closeSync(file)
    rmSync(path)
  }
}
