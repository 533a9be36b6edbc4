import { readdirSync, readFileSync } from 'node:fs'

/** The kernel counts in these, whatever its own tick is. */
const TICKS_PER_SECOND = 100
/** Fields of /proc/PID/stat behind the program's name: time in the program, and in the kernel for it. */
const USER_FIELD = 11
const SYSTEM_FIELD = 12

/** Seconds that processes have had a processor for, all their threads together. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0)
}

function cpuSecondsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name stands in brackets, and may hold any.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[USER_FIELD]) + Number(fields[SYSTEM_FIELD])) / TICKS_PER_SECOND
}

/** Memory that a process has in use, in bytes. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) * 1024
}

/** A process, and those that it has started, and those that they have. */
export function processTree(pid: number): readonly number[] {
  // Each thread has a list of those that it has started.
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children.flatMap(processTree)]
}
