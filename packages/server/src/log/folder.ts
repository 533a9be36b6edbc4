import { chmodSync, closeSync, existsSync, fsyncSync, openSync, readdirSync, statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SwitchboardError } from '@switchboard/contract'

/** In a data folder for as long as a restore is under way. */
export const RESTORING_FILE = 'restore.unfinished'

/** @throws SwitchboardError `storage_fault` when a restore was broken off in the folder: what is there is not all of it. */
export function assertNotRestoring(dir: string): void {
  if (!existsSync(join(dir, RESTORING_FILE))) return
  throw new SwitchboardError('storage_fault', `a restore into ${dir} was broken off: run \`switchboard restore\` again`)
}

/**
 * Makes a data folder that only its owner can enter.
 * @throws The system's error when it cannot be made.
 */
export async function prepareFolder(dir: string): Promise<void> {
  const made = await makeFolder(dir)
  // A folder that was there and holds other things is its owner's business; our files in it are closed anyway.
  if (!made && readdirSync(dir).length === 0 && statSync(dir).uid === process.getuid?.()) {
    chmodSync(dir, 0o700)
  }
}

/**
 * Makes a folder and those above it; false when it was there. Node's own recursive `mkdir` never ends where the system
 * says "no such file" of a folder that cannot be made, as /proc does.
 */
async function makeFolder(dir: string): Promise<boolean> {
  try {
    await mkdir(dir, { mode: 0o700 })
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(dir).isDirectory()) return false
    // What is missing may be the folder above; when that is there, nothing more can be done.
    if (code !== 'ENOENT' || dirname(dir) === dir || !(await makeFolder(dirname(dir)))) throw error
    await mkdir(dir, { mode: 0o700 })
    return true
  }
}

/** Makes durable which files a folder has: a new file is lost in a power cut while its folder is not flushed. */
export function flushFolder(folder: string): void {
  try {
    const handle = openSync(folder, 'r')
    try {
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
  } catch {
    // Windows cannot open folders, and needs not.
  }
}
