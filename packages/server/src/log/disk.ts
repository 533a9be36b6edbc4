import { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import type { Environment, Write } from './environment.js'
import type { Faults } from './faults.js'

/** A flush that takes longer is a disk that does not answer: whoever waits is refused rather than kept for ever. */
export const COMMIT_MS_MAX = 30_000
/** How often a full disk is tried again, in ms. */
export const PROBE_EVERY_MS = 1000
/** Space in bytes that makes a full disk worth trying. */
export const PROBE_FREE_BYTES = 1024 * 1024
/**
 * With less space than this, a write that failed has failed for want of space. LMDB says "input/output error" when the
 * disk takes only a part of a write, as full disks do, so that its word alone does not tell.
 */
export const FULL_FREE_BYTES = 16 * 1024 * 1024

/** Advice for `Retry-After` while the disk is full. */
const RETRY_SECONDS = 5

const ENOSPC = 28
const EDQUOT = 122
const MDB_MAP_FULL = -30792
const FULL_CODES: ReadonlySet<unknown> = new Set([ENOSPC, EDQUOT, MDB_MAP_FULL])

/**
 *            failed, no space             failed otherwise, or no answer
 *     sound ─────────────────▶ full      sound, full ─────────────────▶ broken (until restart)
 *       ▲                       │
 *       └── a probe was stored ─┘
 *
 * Broken is for good: after a failed flush nobody knows what the disk holds, and only a fresh start reads it back.
 */
type Condition = 'sound' | 'full' | 'broken'

/** Commits, and knows when to stop (P7: a storage error refuses acknowledgements rather than guess). */
export class Disk {
  private condition: Condition = 'sound'
  private reason = ''

  constructor(
    private readonly environment: Environment,
    private readonly clock: Clock,
    private readonly faults: Faults,
    /** Called when the disk has become full: to send a probe every PROBE_EVERY_MS until one is stored. */
    private readonly onFull: () => void,
  ) {}

  get writable(): boolean {
    return this.condition === 'sound'
  }

  get isFull(): boolean {
    return this.condition === 'full'
  }

  /** False when not even a removal, which may make space, is worth trying. */
  get isBroken(): boolean {
    return this.condition === 'broken'
  }

  /** Why an append is refused. */
  refusal(): SwitchboardError {
    return this.condition === 'full'
      ? new SwitchboardError('storage_full', `nothing was stored: ${this.reason}`, { retryAfterSeconds: RETRY_SECONDS })
      : new SwitchboardError('storage_fault', `nothing is acknowledged until a restart: ${this.reason}`)
  }

  /** @throws SwitchboardError `storage_full` or `storage_fault`. Then nothing of `writes` may be acknowledged. */
  async commit(writes: readonly Write[]): Promise<void> {
    let cancel = () => {}
    const late = new Promise<never>((_, reject) => {
      cancel = this.clock.after(COMMIT_MS_MAX, () => reject(new NoAnswer(`no answer in ${COMMIT_MS_MAX / 1000} s`)))
    })
    try {
      await Promise.race([this.environment.commit(writes), late])
    } catch (error) {
      await this.failed(error)
      throw this.refusal()
    } finally {
      cancel()
    }
  }

  /** The disk has taken a probe. */
  recovered(): void {
    if (this.condition !== 'full') return
    this.condition = 'sound'
    this.faults.setStorage(undefined)
  }

  /** For good: the disk is another's, or not to be trusted. */
  giveUp(reason: string): void {
    this.condition = 'broken'
    this.reason = reason
    this.faults.setStorage({ code: 'storage_fault', detail: reason })
  }

  async hasSpace(bytes: number): Promise<boolean> {
    try {
      return (await this.environment.freeBytes()) >= bytes
    } catch {
      return false
    }
  }

  private async failed(error: unknown): Promise<void> {
    const { code, message } = error as { code?: unknown; message?: string }
    // What was not answered may yet be stored, over whatever is planned meanwhile: however little space there is, that is no
    // disk to go on with.
    const isAnswered = !(error instanceof NoAnswer)
    const isFull = isAnswered && (FULL_CODES.has(code) || !(await this.hasSpace(FULL_FREE_BYTES)))
    if (this.condition === 'broken' || (isFull && this.condition === 'full')) return
    if (!isFull) {
      this.giveUp(`the disk failed (${message})`)
      return
    }
    this.condition = 'full'
    this.reason = 'the disk is full'
    this.faults.setStorage({ code: 'storage_full', detail: this.reason })
    this.onFull()
  }
}

class NoAnswer extends Error {}
