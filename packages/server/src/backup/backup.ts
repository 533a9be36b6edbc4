import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { chmod, mkdir, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import { version } from '../compose/version.js'
import { DATA_FILE, FORMAT_VERSION, openForReading } from '../log/environment.js'
import { assertNotRestoring, flushFolder, prepareFolder } from '../log/folder.js'
import { lockFolder } from '../log/lock.js'
import { WRAPPING_KEYS_FILE } from '../log/wrapping-keys.js'
import { dataFolder, isOfGateway, missingLog, strangers } from './data-folder.js'
import { asFailure, copyPrivately, filesOf, flushed } from './files.js'
import { BACKUP_FORMAT, type BackedUpDamage, MANIFEST_FILE, type Manifest, sealedManifest } from './manifest.js'
import { survey } from './survey.js'

export interface BackupOptions {
  /** The data folder of a server, which may be running. */
  readonly from: string
  /** A folder that is not there, or is empty. It has this name only once it is whole. */
  readonly to: string
  readonly clock: Clock
  /** Leaves out the keys. Default: they are copied beside what they open. */
  readonly withoutKeys?: boolean
  /** Keeps a copy of a log in which something cannot be read; the manifest then says what. Default: refuses. */
  readonly acceptDamage?: boolean
  /** Stops it between two steps. */
  readonly signal?: AbortSignal
}

export interface BackedUp {
  readonly manifest: Manifest
  /** What lies in the folder and is not in the back-up, because nobody knows what it is. */
  readonly leftOut: readonly string[]
}

/** Beside the target, while it is being made. What a run that was killed has left there is taken away by the next. */
const PARTIAL = '.partial'
/** Damaged places that a refusal names. */
const NAMED_MAX = 5

/**
 * Copies a data folder as it is at one instant, while a server writes it.
 *
 *     1  the keys
 *     2  the log, in one read transaction: what was acknowledged before is in it, whatever comes meanwhile is not
 *     3  every block and record of the copy is read by its checksum
 *     4  checksums of the files, the manifest; all of it flushed
 *     5  the name
 *
 * @throws SwitchboardError `invalid_parameter` for a gateway's folder, or a target that is not free; `not_found` without a
 *   log; `storage_fault` when the log or the copy is damaged; `storage_full` when the target's disk is; `unavailable` when
 *   another back-up to the same target is under way.
 */
export async function backUp(options: BackupOptions): Promise<BackedUp> {
  const { clock } = options
  const from = resolve(options.from)
  const to = resolve(options.to)
  assertBackable(from)
  assertFree(to, from)
  const work = `${to}${PARTIAL}`
  const draft = join(work, 'draft')
  let unlock = () => {}
  try {
    await prepareFolder(work)
    // A second run to the same target is refused, and what a dead one has left is taken over.
    unlock = lockFolder(work, clock, () => {})
    await rm(draft, { recursive: true, force: true })
    await mkdir(draft, { mode: 0o700 })
    const manifest = await fill(draft, from, options)
    await rename(draft, to)
    flushFolder(dirname(to))
    return { manifest, leftOut: strangers(from) }
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    throw asFailure(error, `the back-up ${basename(to)} could not be made`)
  } finally {
    unlock()
    // Empty by now; when another run has come in, it is not, and stays.
    await rmdir(work).catch(() => {})
  }
}

async function fill(draft: string, from: string, options: BackupOptions): Promise<Manifest> {
  const { clock, withoutKeys = false, acceptDamage = false, signal } = options
  const { takenAt, names } = await copied(draft, from, options)
  const contents = await survey(draft, clock)
  if (contents.damage.length > 0 && !acceptDamage) throw damaged(contents.damage)
  signal?.throwIfAborted()
  const files = []
  for (const name of names) files.push(await flushed(draft, name))
  const manifest: Manifest = {
    format: BACKUP_FORMAT,
    log_format: FORMAT_VERSION,
    server_version: version,
    taken_at: takenAt,
    keys: withoutKeys ? 'left_out' : 'included',
    files,
    ...contents,
  }
  await writeFile(join(draft, MANIFEST_FILE), sealedManifest(manifest), { mode: 0o600 })
  await flushed(draft, MANIFEST_FILE)
  flushFolder(draft)
  signal?.throwIfAborted()
  return manifest
}

/**
 * The log, with the keys that belong to it: an erasure under way changes both, the log in one step and the keys before and
 * after it. When the keys are other ones after the log was copied, it is copied again.
 */
async function copied(draft: string, from: string, options: BackupOptions) {
  const { clock, withoutKeys = false, signal } = options
  for (let attempt = 1; ; attempt++) {
    const names = [DATA_FILE]
    for (const { name, kind } of dataFolder) {
      if (kind !== 'keys' || withoutKeys) continue
      for (const file of filesOf(from, name)) {
        await copyPrivately(from, draft, file)
        names.push(file)
      }
    }
    const environment = await openForReading(from, () => {})
    const takenAt = new Date(clock.now()).toISOString()
    try {
      await environment.copyTo(join(draft, DATA_FILE))
    } finally {
      await environment.close()
    }
    await chmod(join(draft, DATA_FILE), 0o600)
    signal?.throwIfAborted()
    if (withoutKeys || hasSame(WRAPPING_KEYS_FILE, from, draft)) return { takenAt, names }
    if (attempt === ATTEMPTS_MAX) {
      const detail = 'personal data was erased each time while the log was copied; try again later'
      throw new SwitchboardError('unavailable', detail)
    }
    await rm(join(draft, DATA_FILE))
  }
}

function hasSame(name: string, one: string, other: string): boolean {
  const [first, second] = [one, other].map((dir) =>
    existsSync(join(dir, name)) ? readFileSync(join(dir, name)) : NONE,
  )
  return first !== undefined && second !== undefined && first.equals(second)
}

const NONE = Buffer.alloc(0)
const ATTEMPTS_MAX = 5

function assertBackable(from: string): void {
  const missing = missingLog(from)
  if (isOfGateway(from)) {
    const detail = `${missing ?? `${from} is the folder of a gateway`}. Back them up there, with the NATS servers' own "nats account backup"`
    throw new SwitchboardError('invalid_parameter', detail)
  }
  if (missing !== undefined) throw new SwitchboardError('not_found', missing)
  assertNotRestoring(from)
}

function assertFree(to: string, from: string): void {
  const inside = relative(from, to)
  if (inside === '' || !inside.startsWith('..')) {
    throw new SwitchboardError('invalid_parameter', `${to} is in the data folder itself; give it another place`)
  }
  if (!existsSync(to)) return
  if (!statSync(to).isDirectory()) throw new SwitchboardError('invalid_parameter', `${to} is a file`)
  if (readdirSync(to).length > 0) throw new SwitchboardError('invalid_parameter', `${to} is not empty`)
}

function damaged(damage: readonly BackedUpDamage[]): SwitchboardError {
  const named = damage.slice(0, NAMED_MAX).map(({ detail, workspace_id, of_a_call }) => {
    const where = workspace_id === undefined ? '' : ` (workspace ${workspace_id}${of_a_call ? ', a call' : ''})`
    return `${detail}${where}`
  })
  const more = damage.length > named.length ? `; and ${damage.length - named.length} more` : ''
  return new SwitchboardError(
    'storage_fault',
    `the log is damaged, and so would the back-up be: ${named.join('; ')}${more}. Restore an earlier one, or keep what is left with --accept-damage`,
  )
}
