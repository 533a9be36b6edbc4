import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import { FORMAT_VERSION } from '../log/environment.js'
import { type Manifest, readManifest, sha256Of } from './manifest.js'
import { survey } from './survey.js'

/**
 * Checks that a back-up is what was made: each file by its SHA-256, then every block and record of the log by its own
 * checksum, then what it holds against what the manifest says.
 * @throws SwitchboardError that names the file which is missing or altered, or the format that this version does not read.
 */
export async function checkBackup(dir: string, clock: Clock): Promise<Manifest> {
  const manifest = readManifest(dir)
  const { log_format: format } = manifest
  if (format !== FORMAT_VERSION) {
    const age = format > FORMAT_VERSION ? 'a newer' : 'an older'
    throw altered(
      `${dir} has a log of format ${format}, written by ${age} Switchboard; this one reads ${FORMAT_VERSION}`,
    )
  }
  await checkFiles(dir, manifest)
  const { channels, events, workspaces, damage } = await survey(dir, clock)
  const said = [manifest.channels, manifest.events, manifest.workspaces, manifest.damage]
  if (isDeepStrictEqual([channels, events, workspaces, damage], said)) return manifest
  throw altered(`${dir} does not hold what its manifest says, though its files are unaltered: it was made wrongly`)
}

/** Whether files are byte by byte those of a manifest. */
export async function checkFiles(dir: string, { files }: Manifest): Promise<void> {
  for (const { name, bytes, sha256 } of files) {
    const path = join(dir, name)
    if (!existsSync(path)) throw altered(`${path} is missing`)
    const { size } = statSync(path)
    if (size !== bytes) throw altered(`${path} was altered: it has ${size} bytes, not ${bytes}`)
    if ((await sha256Of(path)) !== sha256) throw altered(`${path} was altered: its SHA-256 does not fit`)
  }
}

function altered(detail: string): SwitchboardError {
  return new SwitchboardError('storage_fault', detail)
}
