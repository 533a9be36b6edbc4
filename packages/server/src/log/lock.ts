import { randomUUID } from 'node:crypto'
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'

/** How often the owner of a folder shows that it lives, and after how long without that a foreign one is dead. */
const BEAT_MS = 5_000
const DEAD_AFTER_MS = 20_000

const LOCK_FILE = 'lock'
const ATTEMPTS = 5

/** Who holds a folder. A process id alone may be somebody else's by now: the start time and the boot tell. */
interface Owner {
  readonly pid: number
  readonly host: string
  /** Of the process, in ticks since the boot; empty where the system does not say. */
  readonly started: string
  readonly boot: string
  readonly token: string
}

const heldHere = new Set<string>()

/**
 * Makes this process the only server on a folder. What a killed one has left is taken over.
 * @param onLost Told when another has taken the folder over after all: this process was stopped for too long, and must
 *   not write any more.
 * @returns A function that gives the folder free.
 * @throws SwitchboardError `unavailable`, naming the process that has it.
 */
export function lockFolder(dir: string, clock: Clock, onLost: () => void): () => void {
  const path = join(dir, LOCK_FILE)
  const owner: Owner = { ...identityOf(process.pid), pid: process.pid, host: hostname(), token: randomUUID() }
  const own = `${path}.${owner.token}`
  writeFileSync(own, JSON.stringify(owner), { mode: 0o600 })
  try {
    acquire(path, own)
    sweep(dir, own)
  } finally {
    rmSync(own, { force: true })
  }
  heldHere.add(owner.token)
  let cancel = () => {}
  const beat = () => {
    if (readOwner(path)?.token !== owner.token) {
      onLost()
      return
    }
    // Not waited for: a disk that does not answer for a moment must not stop everything else.
    utimes(path, new Date(), new Date()).catch(() => {})
    cancel = clock.after(BEAT_MS, beat)
  }
  cancel = clock.after(BEAT_MS, beat)
  return () => {
    cancel()
    heldHere.delete(owner.token)
    if (readOwner(path)?.token === owner.token) rmSync(path, { force: true })
  }
}

function acquire(path: string, own: string): void {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      // A link is made whole or not at all, and never over another.
      linkSync(own, path)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = readOwner(path)
    if (holder && isAlive(holder, path, own)) throw refusal(path, holder)
    setAside(path, own, holder)
  }
  throw new SwitchboardError('unavailable', `${path} changes hands too fast; is something restarting in a loop?`)
}

/** Takes a dead lock away; one that another newcomer has put there in the meantime goes back. */
function setAside(path: string, own: string, dead: Owner | undefined): void {
  const aside = `${own}.aside`
  try {
    renameSync(path, aside)
    if (readOwner(aside)?.token !== dead?.token) linkSync(aside, path)
  } catch {
    // Gone already, or there again: the next attempt sees which.
  } finally {
    rmSync(aside, { force: true })
  }
}

/** Takes away what processes that were killed on their way to the lock have left. Those that live are still on theirs. */
function sweep(dir: string, own: string): void {
  for (const name of readdirSync(dir)) {
    const left = join(dir, name)
    if (!name.startsWith(`${LOCK_FILE}.`) || left === own) continue
    const owner = readOwner(left)
    // One that cannot be read may be written at this moment.
    if (owner ? !isAlive(owner, left, own) : isOld(left, own)) rmSync(left, { force: true })
  }
}

function isOld(path: string, own: string): boolean {
  try {
    return statSync(own).mtimeMs - statSync(path).mtimeMs > DEAD_AFTER_MS
  } catch {
    return false
  }
}

function isAlive(holder: Owner, path: string, own: string): boolean {
  if (holder.host !== hostname()) {
    // Another machine or container: only its beat shows that it lives. Both times are the file system's.
    try {
      return statSync(own).mtimeMs - statSync(path).mtimeMs < DEAD_AFTER_MS
    } catch {
      return false
    }
  }
  if (holder.pid === process.pid) return heldHere.has(holder.token)
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const now = identityOf(holder.pid)
  return now.started === holder.started && now.boot === holder.boot
}

function refusal(path: string, { pid, host }: Owner): SwitchboardError {
  const where = host === hostname() ? '' : ` on ${host}`
  const advice =
    host === hostname()
      ? 'stop it first, or give this one another data folder'
      : `if that one is gone, its claim ends by itself within ${DEAD_AFTER_MS / 1000} s`
  return new SwitchboardError('unavailable', `${path} is held by another server (process ${pid}${where}): ${advice}`)
}

function readOwner(path: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner
  } catch {
    return undefined
  }
}

/** When a process and its machine started, as far as the system tells (Linux does). */
function identityOf(pid: number): { started: string; boot: string } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in brackets may hold anything; the start time is the 20th field behind it (proc(5)).
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
    return { started, boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() }
  } catch {
    return { started: '', boot: '' }
  }
}
