import { existsSync, readdirSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import { flushFolder, prepareFolder, RESTORING_FILE } from '../log/folder.js'
import { lockFolder } from '../log/lock.js'
import { checkBackup, checkFiles } from './check.js'
import { asFailure, copyPrivately, flushed } from './files.js'
import type { Manifest } from './manifest.js'

export interface RestoreOptions {
  /** A back-up. */
  readonly from: string
  /** A data folder that is not there, or is empty, or that a restore was broken off in. */
  readonly to: string
  readonly clock: Clock
}

/**
 * Makes a data folder of a back-up.
 *
 * It is made in place, because a data folder is often the mount point of a disk: until it is whole a file in it says so,
 * and no server starts there.
 *
 * @throws SwitchboardError what `checkBackup` throws; `unavailable` when a server has the folder; `conflict` when something
 *   is in it.
 */
export async function restore({ from, to: given, clock }: RestoreOptions): Promise<Manifest> {
  const to = resolve(given)
  const manifest = await checkBackup(resolve(from), clock)
  let unlock = () => {}
  try {
    await prepareFolder(to)
    unlock = lockFolder(to, clock, () => {})
    await clear(to)
    const mark = await open(join(to, RESTORING_FILE), 'w', 0o600)
    await mark.sync()
    await mark.close()
    flushFolder(to)
    try {
      for (const { name } of manifest.files) {
        await copyPrivately(from, to, name)
        await flushed(to, name)
      }
      // What the disk has, rather than what was read.
      await checkFiles(to, manifest)
    } catch (error) {
      await clear(to)
      throw error
    }
    await rm(join(to, RESTORING_FILE))
    flushFolder(to)
    return manifest
  } catch (error) {
    throw asFailure(error, `nothing was restored into ${to}`)
  } finally {
    unlock()
  }
}

/** Empties a folder that a restore was broken off in: all that is in it came from there. */
async function clear(to: string): Promise<void> {
  const there = readdirSync(to).filter((name) => name !== 'lock' && name !== 'lost+found')
  if (there.length > 0 && !existsSync(join(to, RESTORING_FILE))) {
    throw new SwitchboardError('conflict', `${to} is not empty: it holds ${there.slice(0, 3).join(', ')}`)
  }
  // The mark goes last: should this be broken off as well, it is still there.
  for (const name of there) if (name !== RESTORING_FILE) await rm(join(to, name), { recursive: true })
  await rm(join(to, RESTORING_FILE), { force: true })
}
