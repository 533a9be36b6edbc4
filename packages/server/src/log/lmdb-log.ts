import { setImmediate } from 'node:timers/promises'
import { limits, SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import { Append, entering } from './append.js'
import { Commits, type Operation } from './commits.js'
import { Disk, PROBE_EVERY_MS, PROBE_FREE_BYTES } from './disk.js'
import type { Environment } from './environment.js'
import { EraseData } from './erasing.js'
import type { Faults } from './faults.js'
import { Followers, throwLater } from './followers.js'
import { Group } from './group.js'
import { IdempotencyKeys, SWEEP_STEP } from './idempotency.js'
import { Kept } from './kept.js'
import { timed } from './keys.js'
import type {
  Appended,
  Channel,
  Erasure,
  Fault,
  Health,
  Idempotency,
  Log,
  NewEvent,
  Projection,
  StoredName,
} from './log.js'
import { ReadingLog } from './reading-log.js'
import type { Records } from './records.js'
import { Removal } from './removal.js'
import { seal } from './seal.js'
import type { Subject } from './subject.js'
import type { Vault } from './vault.js'

export interface LmdbLogOptions {
  readonly clock: Clock
  readonly projections?: readonly Projection[]
  /** Default: personal data is kept in clear text. */
  readonly vault?: Vault | undefined
  /** How long an idempotency key is remembered, in ms. Default: `limits.idempotencyWindowMs`. */
  readonly idempotencyWindowMs?: number
  /** What a follower or a watcher has thrown, which is a bug. Default: thrown again as an uncaught exception. */
  readonly onListenerError?: (error: unknown) => void
}

/** Housekeeping: dead readers' snapshots, expired idempotency keys. */
const HOUSEKEEPING_MS = 60_000
/** Time for the check of tails at start, in ms: verification reads all of them, but later. */
const TAIL_CHECK_MS = 100
/** A disk that failed may never answer again: closing does not wait for it longer than that, in ms. */
const BROKEN_CLOSE_MS = 1000

const PROBE_KEY = Buffer.from('probe')
const PROBE_BYTES = 64 * 1024

/**
 * The log's promises over one LMDB file, of which this process is the only writer. Where entries come from is left to
 * whoever uses it: appends of this process, or another log that it follows.
 */
export class LmdbLog extends ReadingLog implements Log {
  readonly keys: IdempotencyKeys
  protected readonly kept: Kept
  private readonly vault: Vault | undefined
  private readonly clock: Clock
  private readonly removal: Removal
  private readonly disk: Disk
  private readonly commits: Commits
  protected readonly followers: Followers
  private cancelHousekeeping = () => {}
  private cancelProbe = () => {}
  private closed: Promise<void> | undefined

  constructor(
    readonly environment: Environment,
    readonly faults: Faults,
    options: LmdbLogOptions,
  ) {
    super()
    const { clock, projections = [], vault, idempotencyWindowMs = limits.idempotencyWindowMs } = options
    this.clock = clock
    this.followers = new Followers(options.onListenerError ?? throwLater)
    this.vault = vault
    this.kept = new Kept(environment, faults, projections, clock, vault, () => this.assertOpen())
    const { heads, projected, reader } = this.kept
    this.keys = new IdempotencyKeys(environment, faults, idempotencyWindowMs)
    this.removal = new Removal(environment, heads, projected, faults, vault, (operation) => this.push(operation))
    this.disk = new Disk(environment, clock, faults, () => this.probeLater())
    const newGroup = () => new Group(environment, heads, projected, vault, clock.now())
    this.commits = new Commits(this.disk, newGroup, (blocks) => this.followers.tell(blocks))
    reader.checkTails(() => clock.monotonic(), TAIL_CHECK_MS)
    this.keepHouse()
  }

  /** Plans and commits it, after what was pushed before it. */
  push(operation: Operation): void {
    this.commits.push(operation)
  }

  append(channel: Channel, events: readonly NewEvent[], request?: Idempotency): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.push(new Append(channel, entering(events), request, this.keys, resolve, reject))
    })
  }

  async catchUp(): Promise<void> {
    this.assertOpen()
  }

  async erase(channel: Channel): Promise<void> {
    this.assertOpen()
    await this.removal.erase(channel)
  }

  async eraseData(workspace: string, subject: Subject, unless?: StoredName): Promise<Erasure> {
    this.assertOpen()
    const { vault } = this
    if (vault === undefined) throw new SwitchboardError('unavailable', 'Personal data is kept in clear text here.')
    return new Promise((resolve, reject) => {
      const onErased = () => this.followers.tellErased(workspace, subject)
      this.push(new EraseData(vault, this.kept.projected, workspace, subject, unless, onErased, resolve, reject))
    })
  }

  async retain(before: number): Promise<number> {
    this.assertOpen()
    return this.removal.retain(before)
  }

  /** True when a channel keeps something of before a time, unix ms. */
  hasOlder(before: number): boolean {
    const range = { start: timed(0, Buffer.alloc(0)), end: timed(before, Buffer.alloc(0)), limit: 1 }
    return !this.environment.keys('aging', range)[Symbol.iterator]().next().done
  }

  get projected(): Records {
    return this.kept.projected
  }

  /** True when something is sealed with keys of a subject. */
  holdsData(workspace: string, subject: Subject): boolean {
    return this.vault?.hasKeys(workspace, subject) === true
  }

  /** True when a projection keeps a record that may hold a subject's personal data. */
  hasRecords(workspace: string, subject: Subject): boolean {
    return this.kept.projected.masked(workspace, subject).length > 0
  }

  health(): Health {
    return { writable: this.disk.writable && this.closed === undefined, faults: this.faults.list }
  }

  async verify(rest?: () => Promise<void>): Promise<readonly Fault[]> {
    this.assertOpen()
    // Of the pages first: reading would end the process at one that is none.
    const trouble = await this.environment.pageTrouble(rest ?? setImmediate)
    if (trouble === undefined) await this.kept.reader.verify(() => this.closed !== undefined, rest)
    else this.faults.damaged(trouble)
    return this.faults.list.filter(({ code }) => code === 'damaged')
  }

  /** Frees the snapshots of processes that have died: they would keep pages from being used again. */
  checkReaders(): void {
    if (this.closed === undefined) this.environment.checkReaders()
  }

  close(): Promise<void> {
    this.closed ??= this.shut()
    return this.closed
  }

  /** Acknowledges nothing more, for good. */
  giveUp(reason: string): void {
    this.disk.giveUp(reason)
  }

  private assertOpen(): void {
    if (this.closed) throw new SwitchboardError('unavailable', 'the log is closed')
  }

  private keepHouse(): void {
    this.cancelHousekeeping = this.clock.after(HOUSEKEEPING_MS, () => {
      this.environment.checkReaders()
      this.sweep()
      this.keepHouse()
    })
  }

  /** Forgets expired idempotency keys, a step at a time. */
  private sweep(): void {
    let seen = 0
    const prepare = ({ draft, now }: Group) => {
      seen = this.keys.sweep(draft, now)
    }
    const done = () => {
      if (seen === SWEEP_STEP) this.sweep()
    }
    // What fails is tried again at the next housekeeping.
    this.push({ entries: 0, chars: 0, alone: true, whenFull: true, prepare, done, failed() {} })
  }

  private probeLater(): void {
    this.cancelProbe = this.clock.after(PROBE_EVERY_MS, () => void this.probe())
  }

  /** Appends are taken again when a small write has come through: nobody's event is the guinea pig. */
  private async probe(): Promise<void> {
    if (!this.disk.isFull || this.closed) return
    if (!(await this.disk.hasSpace(PROBE_FREE_BYTES))) return this.probeLater()
    const prepare = ({ draft }: Group) => draft.put('meta', PROBE_KEY, seal(PROBE_KEY, Buffer.alloc(PROBE_BYTES)))
    const done = () => this.disk.recovered()
    const failed = () => this.probeLater()
    this.push({ entries: 0, chars: 0, alone: true, whenFull: true, prepare, done, failed })
  }

  private async shut(): Promise<void> {
    this.cancelHousekeeping()
    this.cancelProbe()
    await this.commits.close()
    const closing = this.environment.close()
    if (this.disk.isBroken) {
      await Promise.race([closing.catch(() => {}), new Promise((resolve) => setTimeout(resolve, BROKEN_CLOSE_MS))])
    } else {
      await closing
    }
  }
}
