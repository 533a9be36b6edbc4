import { type JsonObject, limits, SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import { Append } from './append.js'
import type { Block } from './block.js'
import { Commits, type Operation } from './commits.js'
import { Disk, PROBE_EVERY_MS, PROBE_FREE_BYTES } from './disk.js'
import { type Environment, openEnvironment } from './environment.js'
import { Faults } from './faults.js'
import { prepareFolder } from './folder.js'
import { Group } from './group.js'
import { Heads } from './heads.js'
import { IdempotencyKeys, SWEEP_STEP } from './idempotency.js'
import { channelKey } from './keys.js'
import { lockFolder } from './lock.js'
import type {
  Appended,
  Bounds,
  Channel,
  Engine,
  Fault,
  Health,
  Idempotency,
  Log,
  NewEvent,
  Page,
  ProjectedRecord,
  ProjectedRecords,
  Projection,
} from './log.js'
import { ReadTurns } from './read-turns.js'
import { Reader } from './reader.js'
import { Records } from './records.js'
import { Removal } from './removal.js'
import { seal } from './seal.js'
import { LmdbStore } from './store.js'

export interface LmdbOptions {
  /** The folder, made when it is not there. One server at a time may use it. */
  readonly dir: string
  readonly clock: Clock
  readonly projections?: readonly Projection[]
  /** How long an idempotency key is remembered, in ms. Default: `limits.idempotencyWindowMs`. */
  readonly idempotencyWindowMs?: number
  /** Told of every new fault, once. */
  readonly onFault?: (fault: Fault) => void
  /** What a follower or a watcher has thrown, which is a bug. Default: thrown again as an uncaught exception. */
  readonly onListenerError?: (error: unknown) => void
}

/** Housekeeping: dead readers' snapshots, expired idempotency keys. */
const HOUSEKEEPING_MS = 60_000
/** Time for the check of tails at start, in ms. */
const TAIL_CHECK_MS = 1000
/** A disk that failed may never answer again: closing does not wait for it longer than that, in ms. */
const BROKEN_CLOSE_MS = 1000

const PROBE_KEY = Buffer.from('probe')
const PROBE_BYTES = 64 * 1024

/**
 * Opens the embedded engine: the log and the store in one LMDB file.
 * @throws SwitchboardError `unavailable` when another server has the folder; `storage_full` when it has no room;
 *   `storage_fault` when it cannot be used, or holds a file that is no log or one of a newer format. Damage inside a log
 *   is no reason to refuse: `health` names it.
 */
export async function openLmdbEngine(options: LmdbOptions): Promise<Engine> {
  const { dir, clock, onFault = () => {} } = options
  let unlock = () => {}
  let engine: LmdbEngine | undefined
  try {
    await prepareFolder(dir)
    unlock = lockFolder(dir, clock, () => engine?.giveUp('another server has taken the data folder over'))
    const faults = new Faults(onFault)
    const environment = await openEnvironment(dir, (detail) => void faults.damaged(detail))
    engine = new LmdbEngine(environment, faults, unlock, options)
    return engine
  } catch (error) {
    unlock()
    if (error instanceof SwitchboardError) throw error
    const { message } = error as Error
    throw new SwitchboardError('storage_fault', `the data folder ${dir} cannot be used: ${message}`, { cause: error })
  }
}

class LmdbEngine implements Engine, Log {
  readonly log: Log = this
  readonly store: LmdbStore
  private readonly clock: Clock
  private readonly heads: Heads
  private readonly projected: Records
  private readonly keys: IdempotencyKeys
  private readonly reader: Reader
  private readonly readTurns = new ReadTurns()
  private readonly removal: Removal
  private readonly disk: Disk
  private readonly commits: Commits
  private readonly onListenerError: (error: unknown) => void
  private readonly followers = new Set<(channel: Channel, block: Block) => void>()
  private cancelHousekeeping = () => {}
  private cancelProbe = () => {}
  private closed: Promise<void> | undefined

  constructor(
    private readonly environment: Environment,
    private readonly faults: Faults,
    private readonly unlock: () => void,
    options: LmdbOptions,
  ) {
    const { clock, dir, projections = [], idempotencyWindowMs = limits.idempotencyWindowMs } = options
    this.clock = clock
    this.onListenerError = options.onListenerError ?? throwLater
    this.heads = new Heads(environment, faults)
    this.projected = new Records(environment, projections, faults)
    this.keys = new IdempotencyKeys(environment, faults, idempotencyWindowMs)
    this.reader = new Reader(environment, this.heads, faults)
    const push = (operation: Operation) => this.commits.push(operation)
    this.removal = new Removal(environment, this.heads, this.projected, faults, push)
    this.store = new LmdbStore(environment, faults, push, this.onListenerError)
    this.disk = new Disk(environment, dir, clock, faults, () => this.probeLater())
    const newGroup = () => new Group(environment, this.heads, this.projected, clock.now())
    this.commits = new Commits(this.disk, newGroup, (blocks) => this.tell(blocks))
    this.reader.checkTails(() => clock.monotonic(), TAIL_CHECK_MS)
    this.keepHouse()
  }

  append(channel: Channel, events: readonly NewEvent[], request?: Idempotency): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.commits.push(new Append(channel, events, request, this.keys, resolve, reject))
    })
  }

  async read(channel: Channel, after: number, bytesMax: number): Promise<Page> {
    this.assertOpen()
    await this.readTurns.next()
    this.assertOpen()
    return this.reader.read(channel, after, bytesMax)
  }

  async bounds(channel: Channel): Promise<Bounds> {
    this.assertOpen()
    return this.boundsOf(channel)
  }

  async positionOf(channel: Channel, sequence: number) {
    this.assertOpen()
    return this.reader.positionOf(channel, sequence)
  }

  async sequenceBefore(channel: Channel, time: number): Promise<number> {
    this.assertOpen()
    return this.reader.sequenceBefore(channel, time)
  }

  follow(listener: (channel: Channel, block: Block) => void): () => void {
    this.followers.add(listener)
    return () => this.followers.delete(listener)
  }

  async erase(channel: Channel): Promise<void> {
    this.assertOpen()
    await this.removal.erase(channel)
  }

  async retain(before: number): Promise<number> {
    this.assertOpen()
    return this.removal.retain(before)
  }

  async record(workspace: string, projection: string, key: string): Promise<ProjectedRecord | undefined> {
    this.assertOpen()
    const record: JsonObject | undefined = this.projected.get(workspace, projection, key)
    return record && { key, record }
  }

  async records(
    workspace: string,
    projection: string,
    options: { afterKey?: string; limit?: number } = {},
  ): Promise<ProjectedRecords> {
    this.assertOpen()
    const { afterKey, limit = limits.historyPageMax } = options
    // One turn of the event loop reads one snapshot: the records are those of that position.
    const found = this.projected.page(workspace, projection, afterKey, limit)
    const { newest: position } = this.boundsOf({ workspace })
    return { items: found.slice(0, limit), position, hasMore: found.length > limit }
  }

  health(): Health {
    return { writable: this.disk.writable && this.closed === undefined, faults: this.faults.list }
  }

  async verify(): Promise<readonly Fault[]> {
    this.assertOpen()
    await this.reader.verify(() => this.closed !== undefined)
    return this.faults.list.filter(({ code }) => code === 'damaged')
  }

  close(): Promise<void> {
    this.closed ??= this.shut()
    return this.closed
  }

  giveUp(reason: string): void {
    this.disk.giveUp(reason)
  }

  private boundsOf(channel: Channel): Bounds {
    const { newest, oldest, removed } = this.heads.read(channel, channelKey(channel))
    return { newest: newest.sequence === 0 ? { time: this.clock.now(), sequence: 0 } : newest, oldest, removed }
  }

  private assertOpen(): void {
    if (this.closed) throw new SwitchboardError('unavailable', 'the log is closed')
  }

  private tell(blocks: readonly (readonly [Channel, Block])[]): void {
    for (const [channel, block] of blocks) {
      for (const follower of this.followers) {
        try {
          follower(channel, block)
        } catch (error) {
          this.onListenerError(error)
        }
      }
    }
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
    this.commits.push({ entries: 0, chars: 0, alone: true, whenFull: true, prepare, done, failed() {} })
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
    this.commits.push({ entries: 0, chars: 0, alone: true, whenFull: true, prepare, done, failed })
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
    this.unlock()
  }
}

function throwLater(error: unknown): void {
  setImmediate(() => {
    throw error
  })
}
