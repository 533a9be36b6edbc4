import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { formatPosition } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import { DATA_FILE, openForReading } from '../log/environment.js'
import { Faults } from '../log/faults.js'
import { Kept } from '../log/kept.js'
import type { Fault } from '../log/log.js'
import type { BackedUpDamage, BackedUpWorkspace, Contents } from './manifest.js'

/**
 * Reads every block and every record of a log that nobody writes, and counts.
 * @throws SwitchboardError `storage_fault` when it cannot even be opened. Damage inside is told.
 */
export async function survey(dir: string, clock: Clock): Promise<Contents> {
  const lock = join(dir, `${DATA_FILE}-lock`)
  const hadLock = existsSync(lock)
  const faults = new Faults(() => {})
  const environment = await openForReading(dir, (detail) => void faults.damaged(detail))
  try {
    const kept = new Kept(environment, faults, [], clock, undefined, () => {})
    const found = new Map<string, { newest: string | null; events: number; calls: number; call_events: number }>()
    let channels = 0
    let last = ''
    await kept.reader.verify(
      () => false,
      undefined,
      ({ workspace, call }, blocks) => {
        const of = found.get(workspace) ?? { newest: null, events: 0, calls: 0, call_events: 0 }
        found.set(workspace, of)
        const name = JSON.stringify([workspace, call])
        // The pages of a channel come one after the other.
        const isNext = name !== last
        last = name
        if (isNext) channels += 1
        if (isNext && call !== undefined) of.calls += 1
        const events = blocks.reduce((sum, { count }) => sum + count, 0)
        if (call === undefined) of.events += events
        else of.call_events += events
      },
    )
    for (const [workspace, of] of found) {
      const { newest } = await kept.bounds({ workspace }).catch(() => ({ newest: undefined }))
      if (newest !== undefined && newest.sequence > 0) of.newest = formatPosition(newest)
    }
    const workspaces = [...found]
      .map(([workspace_id, of]): BackedUpWorkspace => ({ workspace_id, ...of }))
      .sort((a, b) => (a.workspace_id < b.workspace_id ? -1 : 1))
    const events = workspaces.reduce((sum, of) => sum + of.events + of.call_events, 0)
    return { channels, events, workspaces, damage: faults.list.map(damageOf) }
  } finally {
    await environment.close()
    if (!hadLock) rmSync(lock, { force: true })
  }
}

function damageOf({ detail, channel, from, to }: Fault): BackedUpDamage {
  return {
    detail,
    ...(channel && { workspace_id: channel.workspace, of_a_call: channel.call !== undefined }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  }
}
