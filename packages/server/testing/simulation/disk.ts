import type { Environment, Range, Row, Write } from '../../src/log/environment.js'
import { type TableName, tableNames } from '../../src/log/keys.js'
import type { Chance } from './chance.js'
import type { SimulatedClock } from './event-loop.js'

/** Free bytes of a disk that has room. */
const ROOMY = 2 ** 40

const EIO = 5
const ENOSPC = 28

/**
 * A commit on its way.
 *
 *     asked ──land──▶ landed ──answer──▶ (gone)        landed: a power cut does not take it back, and readers see it
 *       └─────refuse─────────────────▶ (gone)
 */
interface Commit {
  readonly writes: readonly Write[]
  /** Unix ms when it was asked for. */
  readonly asked: number
  /** The same on the clock that never jumps. */
  readonly askedAt: number
  landed: boolean
  answer(error?: Error): void
}

/** Told of all that becomes durable, when it does. */
export type OnLanded = (writes: readonly Write[], asked: number) => void

/**
 * A disk as the log's environment has it: what is committed becomes durable, or fails, when the schedule says so. It
 * outlives the processes that open it.
 */
export class SimulatedDisk {
  readonly #tables = new Map<TableName, Table>(tableNames.map((name) => [name, new Table()]))
  readonly #chance: Chance
  readonly #clock: SimulatedClock
  readonly #onLanded: OnLanded
  #commits: Commit[] = []
  /** Commits that failed, of which nobody knows what a power cut would leave. */
  #doubtful: Commit[] = []
  /** Counts what has landed. */
  #version = 0
  #process = 0
  isFull = false
  #hangs = false

  constructor(chance: Chance, clock: SimulatedClock, onLanded: OnLanded) {
    this.#chance = chance
    this.#clock = clock
    this.#onLanded = onLanded
  }

  /** Nothing lands and nothing is answered while it hangs. */
  get hangs(): boolean {
    return this.#hangs
  }

  hang(): void {
    this.#hangs = true
  }

  wake(): void {
    this.#hangs = false
  }

  get isBusy(): boolean {
    return this.#commits.length > 0
  }

  get hasLanded(): boolean {
    return this.#commits[0]?.landed === true
  }

  /** For how long the oldest commit has had no answer, in ms. */
  get busyMs(): number {
    const [oldest] = this.#commits
    return oldest === undefined ? 0 : this.#clock.elapsed - oldest.askedAt
  }

  rows(table: TableName): readonly Row[] {
    return this.#table(table).rows
  }

  get(table: TableName, key: Buffer): Buffer | undefined {
    return this.#table(table).get(key)
  }

  /** The oldest commit becomes durable. Whoever asked for it does not know yet. */
  land(): void {
    const commit = this.#commits[0]
    if (commit === undefined || commit.landed) throw new Error('There is nothing to land')
    this.#land(commit)
  }

  answer(): void {
    const commit = this.#commits.shift()
    if (commit === undefined || !commit.landed) throw new Error('There is nothing to answer')
    commit.answer()
  }

  /** The oldest commit fails for want of space, and leaves nothing. */
  refuse(): void {
    this.#refused().answer(Object.assign(new Error('no space left on device'), { code: ENOSPC }))
  }

  /** The oldest commit fails, with nothing of it to be seen; on a disk that has room a power cut may show it after all. */
  fail(): void {
    const commit = this.#refused()
    if (!this.isFull) this.#doubtful.push(commit)
    commit.answer(Object.assign(new Error('input/output error'), { code: EIO }))
  }

  /** A bit of a stored value changes, as bits do. */
  flip(table: TableName, { key, value }: Row): void {
    const flipped = Buffer.from(value)
    const at = this.#chance.below(flipped.length)
    flipped[at] = (flipped[at] as number) ^ (1 << this.#chance.below(8))
    this.#table(table).put(key, flipped)
  }

  /** The process dies, or the power fails: what landed stays, and of what did not, a commit stays whole or not at all. */
  crash(): void {
    this.#process += 1
    this.#hangs = false
    const pending = [...this.#doubtful, ...this.#commits.filter(({ landed }) => !landed)]
    this.#doubtful = []
    this.#commits = []
    // One after another: a later one is not there without an earlier one.
    for (const commit of pending) {
      if (this.#chance.is(0.5)) break
      this.#land(commit)
    }
  }

  open(): Environment {
    const process = this.#process
    const assertAlive = () => {
      if (process !== this.#process) throw new Error('A dead process has touched the disk')
    }
    const disk = this
    function* rows(name: TableName, range: Range): Generator<Row> {
      assertAlive()
      const version = disk.#version
      for (const row of disk.#table(name).range(range)) {
        if (version !== disk.#version) throw new Error('A read has outlived its turn')
        yield row
      }
    }
    function* keys(name: TableName, range: Range): Generator<Buffer> {
      for (const { key } of rows(name, range)) yield key
    }
    return {
      get(name, key) {
        assertAlive()
        return disk.#table(name).get(key)
      },
      range: rows,
      keys,
      renew() {},
      pageTrouble: async () => undefined,
      commit(writes) {
        assertAlive()
        if (writes.length === 0) return Promise.resolve()
        return disk.#ask(writes)
      },
      snapshot() {
        throw new Error('No snapshot is taken here')
      },
      copyTo() {
        throw new Error('No copy is made here')
      },
      freeBytes: async () => (disk.isFull ? 0 : ROOMY),
      checkReaders() {},
      async close() {},
    }
  }

  #refused(): Commit {
    const commit = this.#commits.shift()
    if (commit === undefined || commit.landed) throw new Error('There is nothing to refuse')
    return commit
  }

  #ask(writes: readonly Write[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#commits.push({
        writes,
        asked: this.#clock.now(),
        askedAt: this.#clock.elapsed,
        landed: false,
        answer: (error) => (error === undefined ? resolve() : reject(error)),
      })
    })
  }

  #land(commit: Commit): void {
    for (const { table, key, value } of commit.writes) {
      if (value === undefined) this.#table(table).remove(key)
      else this.#table(table).put(key, value)
    }
    commit.landed = true
    this.#version += 1
    this.#onLanded(commit.writes, commit.asked)
  }

  #table(name: TableName): Table {
    return this.#tables.get(name) as Table
  }
}

/** Rows in the order of their keys as bytes, as LMDB has them. */
class Table {
  readonly rows: Row[] = []

  get(key: Buffer): Buffer | undefined {
    const index = this.#indexOf(key)
    const row = this.rows[index]
    return row?.key.equals(key) ? row.value : undefined
  }

  put(key: Buffer, value: Buffer): void {
    const index = this.#indexOf(key)
    this.rows.splice(index, this.rows[index]?.key.equals(key) ? 1 : 0, { key, value })
  }

  remove(key: Buffer): void {
    const index = this.#indexOf(key)
    if (this.rows[index]?.key.equals(key)) this.rows.splice(index, 1)
  }

  *range({ start, end, reverse = false, limit = Number.POSITIVE_INFINITY }: Range): Generator<Row> {
    let count = 0
    let index = this.#indexOf(start)
    if (reverse && !this.rows[index]?.key.equals(start)) index -= 1
    for (; count < limit; count++, index += reverse ? -1 : 1) {
      const row = this.rows[index]
      if (row === undefined) return
      const isPast = Buffer.compare(row.key, end)
      if (reverse ? isPast <= 0 : isPast >= 0) return
      yield row
    }
  }

  /** Where a key is, or would be. */
  #indexOf(key: Buffer): number {
    let low = 0
    let high = this.rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (Buffer.compare((this.rows[middle] as Row).key, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
