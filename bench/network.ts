import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { Child } from '../packages/server/src/nats/child.js'
import { processTree } from './processor.js'

const IPV4 = '/proc/sys/net/ipv4'
/** It paces what it sends by timers, which on loopback means waits of up to a second. */
const UNSUITABLE = 'bbr'
const SUITABLE = 'reno'
/** Above those that servers are given here. */
const PORTS = '30000 65535'
/** Set for the bench that runs in a network of its own. */
const MARK = 'BENCH_OWN_NETWORK'
const END_MS_MAX = 30_000
/** Processes too: with the bench ends whatever a server has started, however it ends. */
const NAMESPACES = ['--net', '--pid', '--fork', '--kill-child', '--mount-proc']

export const ownsNetwork = process.env[MARK] !== undefined

/** How the kernel paces what is sent by TCP here. */
export function congestionControl(): string {
  try {
    return readFileSync(`${IPV4}/tcp_congestion_control`, 'utf8').trim()
  } catch {
    return 'unknown'
  }
}

/** Whether the kernel's settings here are good enough to measure with. */
export const suitsNetwork = (): boolean => congestionControl() !== UNSUITABLE

/**
 * Runs this program once more, in namespaces of its own: a network with nothing but loopback, where the kernel's settings
 * can be those that a measurement needs, and processes that end with it.
 * @returns Its exit status; undefined when it is there already, or when there can be none.
 */
export async function runInOwnNetwork(args: readonly string[]): Promise<number | undefined> {
  if (ownsNetwork) {
    prepare()
    return undefined
  }
  const unshare = ['unshare', ...NAMESPACES, ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])]
  if (!works([...unshare, 'ip', 'link', 'set', 'lo', 'up'])) return undefined
  const child = new Child([...unshare, process.execPath, ...process.execArgv, ...args], {
    stdio: 'inherit',
    env: { ...process.env, [MARK]: '1' },
    onDeath: () => {},
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      // Not to `unshare`, which would end at once and take all with it.
      const [, inner] = processTree(child.pid ?? 0)
      if (inner === undefined) void child.kill()
      else process.kill(inner, signal)
      setTimeout(() => void child.kill(), END_MS_MAX).unref()
    })
  }
  await child.ended
  return child.process.exitCode ?? 1
}

/**
 * Has connections that are made from now on keep no more than so many bytes at either end.
 * @returns What takes it back; undefined in a network that is not the bench's own.
 */
export function narrowBuffers(bytes: number): (() => void) | undefined {
  if (!ownsNetwork) return undefined
  const before = ['tcp_rmem', 'tcp_wmem'].map((name) => [name, setting(name)] as const)
  for (const [name] of before) set(name, `4096 ${bytes} ${bytes}`)
  return () => {
    for (const [name, value] of before) set(name, value)
  }
}

function prepare(): void {
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  set('tcp_congestion_control', SUITABLE)
  set('ip_local_port_range', PORTS)
}

function works([program = '', ...args]: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function setting(name: string): string {
  return readFileSync(`${IPV4}/${name}`, 'utf8').trim()
}

function set(name: string, value: string): void {
  writeFileSync(`${IPV4}/${name}`, value)
}
