import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Socket } from 'node:net'

/** Why workers cannot be told apart here, or undefined when they can. */
export function whyNoProcesses(): string | undefined {
  return process.platform === 'linux' ? undefined : `needs /proc, and this is ${process.platform}`
}

/** The processes that a process has started and that have not ended. */
export function childrenOf(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`)
  return tasks
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' '))
    .filter((text) => text !== '')
    .map(Number)
    .sort((a, b) => a - b)
}

export function isAlive(pid: number): boolean {
  try {
    // A zombie has ended: only its parent has not looked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** Which of the processes has the other end of a connection within this machine. */
export function holderOf(socket: Socket, pids: readonly number[]): number | undefined {
  const inode = inodeOf(socket.remotePort ?? 0, socket.localPort ?? 0)
  return inode === undefined ? undefined : pids.find((pid) => holds(pid, inode))
}

function inodeOf(localPort: number, remotePort: number): string | undefined {
  const port = (text: string | undefined): number => Number.parseInt(text?.split(':')[1] ?? '', 16)
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local, remote, , , , , , , inode] = line.trim().split(/\s+/)
    if (port(local) === localPort && port(remote) === remotePort) return inode
  }
  return undefined
}

function holds(pid: number, inode: string): boolean {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).some((fd) => {
    try {
      return readlinkSync(`${folder}/${fd}`) === `socket:[${inode}]`
    } catch {
      // Closed while we looked.
      return false
    }
  })
}

/** Resident memory of a process, in bytes. */
export function residentBytesOf(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1]) * 1024
}
