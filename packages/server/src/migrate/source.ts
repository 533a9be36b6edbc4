import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { builtinCatalogue, nearestName, SwitchboardError, type Workspace } from '@switchboard/contract'
import { SEALING_KEY_BYTES } from '../access/sealing.js'
import { workspaceKind } from '../access/workspaces.js'
import { missingLog } from '../backup/data-folder.js'
import type { Clock } from '../clock.js'
import { privacyOf } from '../compose/own-privacy.js'
import { readApplied } from '../log/jetstream/applied.js'
import { type LmdbEngine, openLmdbEngine } from '../log/lmdb.js'
import type { Config } from '../ops/config.js'
import { SEALING_KEY_NAME } from '../ops/keys.js'
import { projections } from '../state/projections.js'

/** The folder of an embedded log that nobody serves. */
export interface Source extends LmdbEngine {
  readonly dir: string
  readonly workspaces: readonly Workspace[]
}

/**
 * Opens the folder of a server that is stopped.
 * @throws SwitchboardError `not_found` when there is no log; `unavailable` when a server has it; `storage_fault` when it
 *   is of another format.
 */
export async function openSource(dir: string, clock: Clock, config: Pick<Config, 'sealingKey'>): Promise<Source> {
  const missing = missingLog(dir)
  if (missing !== undefined) throw new SwitchboardError('not_found', missing)
  const key = await sealingKeyOf(dir, config)
  const privacy = key && privacyOf(key, builtinCatalogue)
  const engine = await openLmdbEngine({ dir, clock, projections, privacy })
  try {
    if (readApplied(engine.log.environment)) {
      const detail = `${dir} is a gateway's copy of what is in JetStream: there is nothing to be moved`
      throw new SwitchboardError('invalid_parameter', detail)
    }
    const workspaces = (await engine.store.all(workspaceKind.kind)).flatMap(({ key, value }) => {
      const workspace = workspaceKind.read(key, value)
      return workspace ? [workspace] : []
    })
    return { ...engine, dir, workspaces }
  } catch (error) {
    await engine.close()
    throw error
  }
}

/**
 * The workspaces that are asked for, by their ids or slugs.
 * @throws SwitchboardError `not_found`, with the nearest that there is.
 */
export function chosen({ workspaces }: Source, asked: readonly string[] | 'all'): readonly Workspace[] {
  if (asked === 'all') return workspaces
  const found = asked.map((name) => {
    const workspace = workspaces.find(({ id, slug }) => id === name || slug === name)
    if (workspace) return workspace
    const near = nearestName([...workspaces.map(({ slug }) => slug), ...workspaces.map(({ id }) => id)], name)
    const there = workspaces.map(({ slug }) => slug).join(', ') || 'none'
    const hint = near === undefined ? '' : `; did you mean ${near}?`
    throw new SwitchboardError(
      'not_found',
      `there is no workspace ${JSON.stringify(name)} in this folder${hint} There are: ${there}`,
    )
  })
  return [...new Set(found)]
}

/** The key that the folder's data and secrets are sealed with; undefined when it is gone. */
export async function sealingKeyOf(dir: string, config: Pick<Config, 'sealingKey'>): Promise<Buffer | undefined> {
  const text = config.sealingKey ?? (await textOf(join(dir, SEALING_KEY_NAME)))
  const key = text === undefined ? undefined : Buffer.from(text.trim(), 'base64')
  return key?.length === SEALING_KEY_BYTES ? key : undefined
}

/** A small file of the folder; undefined when it is not there. */
export async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
