import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import type { Clock } from '../../clock.js'
import { DATA_FILE, openEnvironment } from '../environment.js'
import { Faults } from '../faults.js'
import { flushFolder, prepareFolder } from '../folder.js'
import { Heads } from '../heads.js'
import { LmdbLog } from '../lmdb-log.js'
import type { Fault, Projection } from '../log.js'
import { Records } from '../records.js'
import { Vault } from '../vault.js'
import { WRAPPING_KEYS_FILE } from '../wrapping-keys.js'
import { type Applied, readApplied } from './applied.js'
import { type Checkpoint, type CheckpointDeps, newestCheckpoint } from './checkpoint.js'
import { join, whyUseless } from './join.js'
import { eventStream } from './names.js'
import { patiently, pause } from './patience.js'
import type { StreamState } from './pulse.js'
import { restore } from './restore.js'
import { StreamClock } from './stream-clock.js'
import type { ClusterPrivacy } from './subject-keys.js'

export interface CopyOptions {
  readonly dir: string
  readonly clock: Clock
  readonly projections: readonly Projection[]
  readonly idempotencyWindowMs?: number
  readonly onFault: (fault: Fault) => void
  readonly onListenerError?: (error: unknown) => void
  readonly warn: (line: string) => void
  /** Default: personal data is kept in clear text. */
  readonly privacy?: ClusterPrivacy | undefined
}

/** A copy that is open, and how far it has come. */
export interface OpenCopy {
  readonly log: LmdbLog
  readonly applied: Applied
  /** The copy's clock, to be set by what is applied. */
  readonly clock: StreamClock
}

/** A file on a copy that must be made anew at the next start. */
const DISCARD = 'discard'

/** Has a copy made anew at the next start. */
export function discardLater(dir: string): void {
  writeFileSync(joinPath(dir, DISCARD), '')
}
/** A server that was cut off may call itself the leader for this long, in ms, and not know the newest messages. */
export const STALE_LEADER_MS = 12_000
/** A stream that was just made, by another gateway perhaps, or whose servers were just started, has a leader within this time. */
const LEADER_MS_MAX = 30_000
const AGAIN_MS = 500
const RESTORES_MAX = 3

/**
 * Opens a partition's copy in a folder of its own, and brings it to a place in the stream from which it can be followed.
 * A copy that is damaged, or of another stream, is thrown away and made anew: the stream is right.
 * @throws SwitchboardError `storage_full`, `storage_fault` when the folder cannot be used; Error when the servers do not
 *   give what is needed.
 */
export async function openCopy(
  deps: CheckpointDeps,
  state: () => Promise<StreamState>,
  options: CopyOptions,
): Promise<OpenCopy> {
  const { dir, clock, warn } = options
  let failures = 0
  const staleUntil = clock.monotonic() + STALE_LEADER_MS
  // Before anything is called wrong, whoever says so has had the time to find out that it is no leader any more.
  const mayBeStale = (applied: Applied, { created }: StreamState) =>
    applied.stream === created && clock.monotonic() < staleUntil
  if (existsSync(joinPath(dir, DISCARD))) discard(dir, 'it was damaged', warn)
  for (;;) {
    const opened = await openOrDiscard(options)
    const { environment, faults, vault } = opened
    const applied = readApplied(environment)
    const stream = await patiently(clock, LEADER_MS_MAX, state)
    const newest = applied ? undefined : await patiently(clock, LEADER_MS_MAX, () => newestCheckpoint(deps))
    const useless = newest && whyUseless(newest.applied, stream, await timeOf(deps, newest.applied.sequence))
    if (newest && useless !== undefined) {
      if (mayBeStale(newest.applied, stream)) {
        await environment.close()
        await pause(clock, AGAIN_MS)
        continue
      }
      warn(`The newest checkpoint is passed over: ${useless}`)
    }
    const checkpoint =
      newest && useless === undefined
        ? { ...newest, applied: { ...newest.applied, stream: stream.created } }
        : undefined
    const timeOfLast = applied && (await timeOf(deps, applied.sequence))
    const decision = join({ applied, stream, checkpoint: checkpoint?.applied.sequence, timeOfLast })
    if (decision.kind === 'discard') {
      await environment.close()
      if (applied && mayBeStale(applied, stream)) await pause(clock, AGAIN_MS)
      else discard(dir, decision.why, warn)
      continue
    }
    if (decision.kind === 'restore') {
      warn(`The copy in ${dir} is made from a checkpoint of ${stream.last - stream.first + 1} messages`)
      try {
        const heads = new Heads(environment, faults)
        const records = new Records(environment, options.projections, faults, vault)
        await restore(deps, { environment, heads, records, vault }, checkpoint as Checkpoint, stream.first)
      } catch (error) {
        await environment.close()
        discard(dir, (error as Error).message, warn)
        // A newer checkpoint may have taken the place of this one while it was read.
        if (++failures === RESTORES_MAX) throw error
        continue
      }
    } else if (decision.kind === 'begin-late') {
      warn('The stream begins late, and there is no checkpoint: state lacks what came before')
    }
    const reached = readApplied(environment) ?? (decision as { from: Applied }).from
    const streamClock = new StreamClock(clock, reached.time || Date.parse(stream.created))
    const log = new LmdbLog(environment, faults, { ...options, clock: streamClock, vault })
    if (faults.list.length === 0) return { log, applied: reached, clock: streamClock }
    await log.close()
    discard(dir, 'it is damaged', warn)
  }
}

async function openOrDiscard({ dir, onFault, warn, privacy }: CopyOptions) {
  const mark = (fault: Fault) => {
    // Found later, while it serves: what is sound is served, and the next start makes it whole.
    if (fault.code === 'damaged') discardLater(dir)
    onFault(fault)
  }
  const open = async () => {
    await prepareFolder(dir)
    const faults = new Faults(mark)
    const environment = await openEnvironment(dir, (detail) => void faults.damaged(detail), { flush: false })
    try {
      const vault =
        privacy && Vault.open(environment, faults, dir, { mask: privacy.mask, sealingKey: await privacy.copyKey(dir) })
      return { environment, faults, vault }
    } catch (error) {
      await environment.close()
      throw error
    }
  }
  // One that was made before personal data was sealed, or that this gateway has no key for.
  const isSealed = existsSync(joinPath(dir, WRAPPING_KEYS_FILE))
  if (existsSync(joinPath(dir, DATA_FILE)) && isSealed !== (privacy !== undefined)) {
    discard(dir, isSealed ? 'its personal data is sealed' : 'it holds personal data in clear text', warn)
  }
  try {
    const opened = await open()
    if (readApplied(opened.environment) || isEmpty(opened.environment)) return opened
    await opened.environment.close()
    discard(dir, 'it was not finished', warn)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'storage_full') throw error
    discard(dir, (error as Error).message, warn)
  }
  return open()
}

function isEmpty(environment: Awaited<ReturnType<typeof openEnvironment>>): boolean {
  const all = { start: Buffer.from([0]), end: Buffer.alloc(8, 255), limit: 1 }
  return [...environment.keys('heads', all)].length === 0
}

function discard(dir: string, why: string, warn: (line: string) => void): void {
  warn(`The copy in ${dir} is made anew: ${why}`)
  rmSync(dir, { recursive: true, force: true })
  flushFolder(joinPath(dir, '..'))
}

/** The stream's time of a message, unix ms; undefined when it is not there any more, or nobody says. */
export async function timeOf({ jsm, partition }: CheckpointDeps, sequence: number): Promise<number | undefined> {
  if (sequence === 0) return undefined
  try {
    const message = await jsm.streams.getMessage(eventStream(partition), { seq: sequence })
    return message?.time.getTime()
  } catch {
    return undefined
  }
}
