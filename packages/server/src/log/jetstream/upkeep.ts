import type { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../../clock.js'
import type { Draft } from '../draft.js'
import type { Group } from '../group.js'
import type { LmdbLog } from '../lmdb-log.js'
import { type CheckpointDeps, claimCheckpoint, newestCheckpoint, writeCheckpoint } from './checkpoint.js'
import { channelFilter, eventStream } from './names.js'
import { forgetPurge, type Purge, purgesOf } from './purges.js'

export interface UpkeepDeps extends CheckpointDeps {
  readonly log: LmdbLog
  /** The copy's clock, which is the stream's. */
  readonly streamClock: Clock
  /** How long events are kept: a checkpoint is made several times in it. */
  readonly retentionMs: number
  /** How long an erased channel's messages stay in the stream, for gateways that are behind. Default: a minute. */
  readonly purgeAfterMs?: number | undefined
  /** False while the servers take nothing, or this copy is behind. */
  readonly isWell: () => boolean
  readonly warn: (line: string) => void
}

/** Checkpoints in the time that events are kept, and their distance in ms. */
const CHECKPOINTS = 8
const CHECKPOINT_MS_MIN = 1_000
const CHECKPOINT_MS_MAX = 6 * 3_600_000
const PURGE_AFTER_MS = 60_000
const PURGE_CHECK_MS = 10_000

/** What a gateway does for the stream from time to time: checkpoints for newcomers, and purges of what was erased. */
export class Upkeep {
  private readonly checkpointMs: number
  private readonly purgeAfterMs: number
  private cancels = { checkpoint: () => {}, purge: () => {} }
  private running: { checkpoint?: Promise<void>; purge?: Promise<void> } = {}
  private closed = false

  constructor(private readonly deps: UpkeepDeps) {
    this.checkpointMs = Math.min(CHECKPOINT_MS_MAX, Math.max(CHECKPOINT_MS_MIN, deps.retentionMs / CHECKPOINTS))
    this.purgeAfterMs = deps.purgeAfterMs ?? PURGE_AFTER_MS
    this.later('checkpoint', this.checkpointMs)
    this.later('purge', Math.min(PURGE_CHECK_MS, this.purgeAfterMs))
  }

  /** Ends it, and waits for what is under way. */
  async close(): Promise<void> {
    this.closed = true
    this.cancels.checkpoint()
    this.cancels.purge()
    await Promise.all([this.running.checkpoint, this.running.purge])
  }

  private later(task: 'checkpoint' | 'purge', ms: number): void {
    if (this.closed) return
    this.cancels[task] = this.deps.clock.after(ms, () => {
      this.running[task] = this.run(task).then(() => this.later(task, ms))
    })
  }

  private async run(task: 'checkpoint' | 'purge'): Promise<void> {
    if (!this.deps.isWell()) return
    try {
      await this[task]()
    } catch (error) {
      // The next time is soon enough: nothing depends on this one.
      this.deps.warn(`A ${task} could not be made: ${(error as Error).message}`)
    }
  }

  private async checkpoint(): Promise<void> {
    const { clock, log } = this.deps
    const period = `${this.checkpointMs}.${Math.floor(clock.now() / this.checkpointMs)}`
    if (await claimCheckpoint(this.deps, period)) {
      await writeCheckpoint(this.deps, log.environment, this.checkpointMs / 2, log.projected)
    }
  }

  /**
   * Removes the messages of erased channels from the stream, once the other gateways have had the time to read them and
   * a checkpoint knows what they came to. Every gateway does, for the one that asked may be gone.
   */
  private async purge(): Promise<void> {
    const { jsm, partition, log } = this.deps
    for (const { channel, sequence } of purgesOf(log.environment).filter((purge) => this.isDue(purge))) {
      const checkpoint = (await newestCheckpoint(this.deps))?.applied.sequence ?? 0
      if (checkpoint < sequence) await writeCheckpoint(this.deps, log.environment, 0, log.projected)
      await jsm.streams.purge(eventStream(partition), { filter: channelFilter(partition, channel), seq: sequence })
      await this.plan((draft) => forgetPurge(draft, sequence))
    }
  }

  /** The stream's time stands still while nothing comes: then this gateway's counts. */
  private isDue({ time }: Purge): boolean {
    const { clock, streamClock } = this.deps
    return Math.max(clock.now(), streamClock.now()) - time >= this.purgeAfterMs
  }

  private plan(write: (draft: Draft) => void): Promise<void> {
    return new Promise((done, failed: (error: SwitchboardError) => void) => {
      const prepare = ({ draft }: Group) => write(draft)
      this.deps.log.push({ entries: 1, chars: 0, alone: false, whenFull: true, prepare, done, failed })
    })
  }
}
