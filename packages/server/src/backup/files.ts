import { existsSync, readdirSync, statSync } from 'node:fs'
import { chmod, copyFile, mkdir, open } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { SwitchboardError } from '@switchboard/contract'
import { flushFolder } from '../log/folder.js'
import { type BackedUpFile, sha256Of } from './manifest.js'

/** The files that a name stands for in a folder: itself, or all below it. None when it is not there. */
export function filesOf(dir: string, name: string): readonly string[] {
  const path = join(dir, name)
  if (!existsSync(path)) return []
  if (!statSync(path).isDirectory()) return [name]
  return readdirSync(path)
    .sort()
    .flatMap((child) => filesOf(dir, posix.join(name, child)))
}

/** Copies one file, for its owner alone. */
export async function copyPrivately(from: string, to: string, name: string): Promise<void> {
  const path = join(to, name)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await copyFile(join(from, name), path)
  await chmod(path, 0o600)
}

/** Makes a file durable, and says what is in it. */
export async function flushed(dir: string, name: string): Promise<BackedUpFile> {
  const path = join(dir, name)
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
  flushFolder(dirname(path))
  return { name, bytes: statSync(path).size, sha256: await sha256Of(path) }
}

/** What a file system says, with what was being done. @throws SwitchboardError */
export function asFailure(error: unknown, doing: string): unknown {
  if (error instanceof SwitchboardError) return error
  const { code, message } = error as NodeJS.ErrnoException
  // LMDB says it in words alone.
  const isFull = code === 'ENOSPC' || code === 'EDQUOT' || /no space left/i.test(message)
  const detail = `${doing}: ${isFull ? 'the disk is full' : message}`
  return new SwitchboardError(isFull ? 'storage_full' : 'storage_fault', detail, { cause: error })
}
