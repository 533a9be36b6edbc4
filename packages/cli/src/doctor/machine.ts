import { access, constants, readFile, stat, statfs } from 'node:fs/promises'
import { type Finding, fail, ok, warn } from '@switchboard/contract/core'
import { size } from '../render/size.js'

/** The oldest Node.js that Switchboard runs on. */
const NODE_MIN = [20, 19] as const
/** What a stalled reader may keep in kernel buffers, in bytes: measured, it takes 0.1 MB instead of 3.9 MB then. */
const NOTSENT_LOWAT_MAX = 131_072
const NOTSENT_LOWAT_ADVISED = 16_384
/** Each stream is a file descriptor, and the log and the listeners need some. */
const FILES_MIN = 4096
const DISK_FREE_WARN = 0.1
const DISK_FREE_FAIL_BYTES = 256 * 1024 * 1024

export function nodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const fine = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])
  if (fine) return ok('Node.js', version)
  return fail('Node.js', version, `Install Node.js ${NODE_MIN.join('.')} or newer.`)
}

/** From the text of /proc/sys/net/ipv4/tcp_notsent_lowat; undefined on systems that have no such setting. */
export function unsentLimit(text: string | undefined): Finding | undefined {
  if (text === undefined) return undefined
  const bytes = Number(text.trim())
  if (bytes <= NOTSENT_LOWAT_MAX) return ok('TCP send buffers', `tcp_notsent_lowat is ${bytes}`)
  return warn(
    'TCP send buffers',
    'a reader that stalls can hold some 4 MB of kernel memory',
    `sysctl -w net.ipv4.tcp_notsent_lowat=${NOTSENT_LOWAT_ADVISED}   (and a line in /etc/sysctl.d to keep it)`,
  )
}

/** From the text of /proc/sys/net/ipv4/tcp_congestion_control. */
export function congestionControl(text: string | undefined): Finding | undefined {
  const name = text?.trim()
  if (name === undefined) return undefined
  if (name !== 'bbr') return ok('TCP congestion control', name)
  return warn(
    'TCP congestion control',
    'bbr; fine on the internet, but on loopback and behind a local proxy it pauses (p99 2 to 10 times worse)',
    'When a proxy runs on this machine or you measure: sysctl -w net.ipv4.tcp_congestion_control=cubic',
  )
}

/** From the text of /proc/self/limits: what a server would get that is started from this shell. */
export function openFiles(text: string | undefined): Finding | undefined {
  const soft = /^Max open files\s+(\S+)/m.exec(text ?? '')?.[1]
  if (soft === undefined) return undefined
  if (soft === 'unlimited' || Number(soft) >= FILES_MIN) return ok('open files', `${soft} allowed`)
  return warn(
    'open files',
    `${soft} allowed, and each stream needs one`,
    `ulimit -n 65536, or LimitNOFILE=65536 in the service.`,
  )
}

/** The folder of the embedded log, as far as this user can see it. */
export async function dataFolder(path: string): Promise<readonly Finding[]> {
  const name = 'data folder'
  let mode: number
  try {
    const about = await stat(path)
    if (!about.isDirectory()) return [fail(name, `${path} is a file`, 'Give --data-dir a folder.')]
    mode = about.mode
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    if (missing)
      return [warn(name, `${path} is not there (any more)`, 'If it was moved, start the server with --data-dir.')]
    return [fail(name, `${path} cannot be read and written by this user`, 'Start the server as the user who owns it.')]
  }
  const findings: Finding[] = []
  if (process.platform !== 'win32' && (mode & 0o007) !== 0) {
    findings.push(warn(name, `${path} is open to every user of this machine`, `chmod 700 ${path}`))
  } else {
    findings.push(ok(name, path))
  }
  const { bavail, blocks, bsize } = await statfs(path)
  findings.push(freeDisk(bavail * bsize, blocks * bsize))
  return findings
}

/** The log in a folder that no server has: why none starts with it. Of one that runs its readiness tells. */
export async function logFile(path: string): Promise<readonly Finding[]> {
  const { lockFolder, logTrouble, systemClock } = await import('@switchboard/server')
  let unlock: () => void
  try {
    unlock = lockFolder(path, systemClock, () => {})
  } catch {
    return []
  }
  try {
    const trouble = logTrouble(path)
    return trouble === undefined
      ? []
      : [fail('log', trouble, 'switchboard restore <back-up> --data-dir <another folder>')]
  } finally {
    unlock()
  }
}

export function freeDisk(free: number, total: number): Finding {
  const text = `${size(free)} of ${size(total)} free`
  const advice = 'Make room, or keep events for a shorter time with --retention.'
  if (free < DISK_FREE_FAIL_BYTES) return fail('disk', text, advice)
  return free < total * DISK_FREE_WARN ? warn('disk', text, advice) : ok('disk', text)
}

/** A file's text, or undefined when this system has no such file. */
async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}

/** All that can be told about this machine. */
export async function machineFindings(): Promise<readonly Finding[]> {
  const [lowat, congestion, limits] = await Promise.all([
    textOf('/proc/sys/net/ipv4/tcp_notsent_lowat'),
    textOf('/proc/sys/net/ipv4/tcp_congestion_control'),
    textOf('/proc/self/limits'),
  ])
  return [
    nodeVersion(process.versions.node),
    unsentLimit(lowat),
    congestionControl(congestion),
    openFiles(limits),
  ].filter((finding) => finding !== undefined)
}
