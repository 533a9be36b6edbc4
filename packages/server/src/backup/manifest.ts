import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SwitchboardError } from '@switchboard/contract'

/** Of the manifest and of how the files lie. A newer one is refused. */
export const BACKUP_FORMAT = 1

/** Written last: a folder without it is no back-up. */
export const MANIFEST_FILE = 'manifest.json'

export interface BackedUpFile {
  /** Its path in the folder, with `/` between its parts. */
  readonly name: string
  readonly bytes: number
  readonly sha256: string
}

export interface BackedUpWorkspace {
  readonly workspace_id: string
  /** The newest position of the workspace's own channel; null when it never had an event. */
  readonly newest: string | null
  /** Kept in its own channel. */
  readonly events: number
  readonly calls: number
  /** Kept in the channels of its calls. */
  readonly call_events: number
}

/** What could not be read when the back-up was made. Without ids of calls. */
export interface BackedUpDamage {
  readonly detail: string
  readonly workspace_id?: string
  readonly of_a_call?: boolean
  readonly from?: number
  readonly to?: number
}

/** What the log of a back-up holds. */
export interface Contents {
  readonly channels: number
  readonly events: number
  readonly workspaces: readonly BackedUpWorkspace[]
  readonly damage: readonly BackedUpDamage[]
}

export interface Manifest extends Contents {
  readonly format: number
  readonly log_format: number
  readonly server_version: string
  /** Everything that was acknowledged before this instant is in it. RFC 3339. */
  readonly taken_at: string
  /** Whether the keys of the folder are in it, beside what they open. */
  readonly keys: 'included' | 'left_out'
  readonly files: readonly BackedUpFile[]
}

/** The manifest with its own checksum as the last member. */
export function sealedManifest(manifest: Manifest): string {
  return `${JSON.stringify({ ...manifest, sha256: digestOf(manifest) }, undefined, 2)}\n`
}

/**
 * The manifest of a back-up.
 * @throws SwitchboardError `not_found` when there is none, `storage_fault` when it is altered, or of a newer format.
 */
export function readManifest(dir: string): Manifest {
  const path = join(dir, MANIFEST_FILE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw cause
    throw new SwitchboardError('not_found', `${dir} is no back-up, or not a whole one: it has no ${MANIFEST_FILE}`)
  }
  const altered = (why: string) => new SwitchboardError('storage_fault', `${path} ${why}`)
  let parsed: Manifest & { readonly sha256?: unknown }
  try {
    parsed = JSON.parse(text)
  } catch {
    throw altered('is damaged: it is not JSON')
  }
  // First of all: of a newer one nothing else is known.
  if (typeof parsed?.format === 'number' && parsed.format > BACKUP_FORMAT) {
    throw altered(`has format ${parsed.format}, written by a newer Switchboard; this one reads ${BACKUP_FORMAT}`)
  }
  const { sha256, ...manifest } = parsed
  if (sha256 !== digestOf(manifest)) throw altered('was altered: its checksum does not fit')
  return manifest
}

function digestOf(manifest: Manifest): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex')
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(piece)
  return hash.digest('hex')
}
