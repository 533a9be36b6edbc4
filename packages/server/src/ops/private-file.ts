import { randomBytes } from 'node:crypto'
import { chmod, constants, copyFile, link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ConfigError } from './config.js'

/**
 * The content of a file that only its owner may read, made when it is not there.
 *
 * Several processes may start at once: all get the content of the one that was first, and none ever sees half a file.
 *
 * @returns `made` is true at the one process that wrote it.
 * @throws ConfigError in one line, when it cannot be read or written.
 */
export async function privateFile(
  file: string,
  make: () => string,
): Promise<{ readonly content: string; readonly made: boolean }> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    const there = await read(file)
    if (there !== undefined) return { content: there, made: false }
    const content = make()
    if (await write(file, content)) return { content, made: true }
    return { content: (await read(file)) ?? '', made: false }
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const reason = error instanceof Error ? error.message : 'unknown'
    throw new ConfigError(`${file} cannot be used: ${reason}`, { cause: error })
  }
}

async function read(file: string): Promise<string | undefined> {
  try {
    const content = await readFile(file, 'utf8')
    // A copy that was restored, or a volume that gives its group everything, may have opened it. Where it cannot be
    // closed again the start goes on: some volumes keep no modes at all.
    await chmod(file, 0o600).catch(() => undefined)
    return content
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Writes it whole and durable, or not at all: false when another was first. */
async function write(file: string, content: string): Promise<boolean> {
  const draft = join(dirname(file), `.${randomBytes(8).toString('hex')}.tmp`)
  const handle = await open(draft, 'wx', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
    // Unlike a rename, a link fails when the name is taken. Where there are no links, a copy fails then too.
    await link(draft, file).catch((error) => {
      if (codeOf(error) === 'EEXIST') throw error
      return copyFile(draft, file, constants.COPYFILE_EXCL)
    })
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    await handle.close()
    await rm(draft, { force: true })
  }
  await flushFolder(dirname(file))
  return true
}

/** A new name is lost in a power cut while its folder is not flushed. */
async function flushFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
