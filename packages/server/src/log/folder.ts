import { chmodSync, closeSync, fsyncSync, openSync, readdirSync, statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'

/**
 * Makes a data folder that only its owner can enter.
 * @throws The system's error when it cannot be made.
 */
export async function prepareFolder(dir: string): Promise<void> {
  const made = await mkdir(dir, { recursive: true, mode: 0o700 })
  // A folder that was there and holds other things is its owner's business; our files in it are closed anyway.
  if (made === undefined && readdirSync(dir).length === 0 && statSync(dir).uid === process.getuid?.()) {
    chmodSync(dir, 0o700)
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
