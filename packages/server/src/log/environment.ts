import { chmodSync, closeSync, existsSync, openSync, statfsSync, statSync, truncateSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SwitchboardError } from '@switchboard/contract'
import { type Database, open, type RangeOptions, type RootDatabase, type RootDatabaseOptions } from 'lmdb'
import { lengthOf } from './datafile.js'
import { assertNotRestoring, flushFolder } from './folder.js'
import { type TableName, tableNames } from './keys.js'
import { type BadPage, findBadPage, hasSoundHeads, PageTour } from './pages.js'
import { sealJson, unseal } from './seal.js'

/** The layout of keys.ts, codec.ts and their values. A server refuses a folder of a newer one. */
export const FORMAT_VERSION = 3
/** An earlier one, which this one reads and writes on: it had no sealed data. */
const FORMAT_BEFORE = 2

/** What to do about a file that no server starts with. */
const RESTORE = 'Move the folder away and put a back-up in its place: `switchboard restore`'

const FORMAT_KEY = Buffer.from('format')
/** The log and the records beside it, in a data folder. */
export const DATA_FILE = 'log.mdb'

/** What a new log takes at once, with room to spare. */
const NEW_FILE_BYTES = 256 * 1024

/** Time for the check of pages at a start, which is to answer within a second: of some 120 MB of small events all are looked at. */
const PAGES_CHECK_MS = 150
/** Less than a millisecond's work. */
const PAGES_AT_A_TIME = 100

/** A put, or with `value` undefined a removal. */
export interface Write {
  readonly table: TableName
  readonly key: Buffer
  readonly value: Buffer | undefined
}

export interface Range {
  /** Inclusive; in a reverse range where it begins, that is, the greatest. */
  readonly start: Buffer
  /** Exclusive. */
  readonly end: Buffer
  readonly reverse?: boolean
  readonly limit?: number
}

export interface Row {
  readonly key: Buffer
  readonly value: Buffer
}

/** One state of all tables. */
export interface Snapshot {
  get(table: TableName, key: Buffer): Buffer | undefined
  range(table: TableName, range: Range): Iterable<Row>
  done(): void
}

/**
 * The tables of one LMDB file. One process writes it (lock.ts); others on the same machine may read it.
 *
 * Reads are synchronous; all reads of one turn of the event loop see one snapshot, and none outlives the turn.
 * Writes are planned first and then handed over whole: no code of ours runs inside a transaction, so that nothing can
 * throw there and leave half of it behind (lmdb-js does not roll back when a transaction's callback throws).
 */
export interface Environment {
  get(table: TableName, key: Buffer): Buffer | undefined
  range(table: TableName, range: Range): Iterable<Row>
  keys(table: TableName, range: Range): Iterable<Buffer>
  /** What is read from here on is all that has been committed by now, in this process or another. */
  renew(): void
  /** Durable when resolved (if it flushes): all writes or, when it rejects, none. */
  commit(writes: readonly Write[]): Promise<void>
  /** What is there now, to be read for as long as it takes; pages that are freed meanwhile stay in use until it is done. */
  snapshot(): Snapshot
  /**
   * Writes what is there now into a new file, without pages that are free, while commits go on: those it does not have. It
   * is not flushed.
   * @throws SwitchboardError `storage_fault` when a page is damaged, and what the file system says.
   */
  copyTo(path: string): Promise<void>
  /**
   * Looks at every page, while commits go on. LMDB ends the process when it meets a damaged one.
   * @param rest Waited for now and then; what it throws ends the look.
   * @returns What is damaged, for people; undefined when nothing is, and for a copy of what is durable elsewhere.
   */
  pageTrouble(rest: () => Promise<void>): Promise<string | undefined>
  /** What the disk has room for. It rejects when that cannot be found out. */
  freeBytes(): Promise<number>
  /** Frees snapshots that died with their processes. */
  checkReaders(): void
  close(): Promise<void>
}

/**
 * Opens or creates the file in a folder that is there. Only its owner can read it.
 * @param flush Default true. False for a copy of what is durable elsewhere: a commit then resolves when readers see it,
 *   and a crash of the machine takes the last ones back, whole.
 * @param onDamage Told when LMDB itself finds its file damaged while reading; the read then throws `storage_fault`.
 * @throws SwitchboardError `storage_full` when there is no room for it; `storage_fault` when it is not a log, is damaged
 *   beyond reading, or is of a newer format.
 */
export async function openEnvironment(
  dir: string,
  onDamage: (detail: string) => void,
  { flush = true } = {},
): Promise<Environment> {
  const path = join(dir, DATA_FILE)
  const files = [path, `${path}-lock`]
  // Made here, so that nobody else can read them for a moment either.
  for (const file of files) closeSync(openSync(file, 'a', 0o600))
  const isNew = statSync(path).size === 0
  if (files.some((file) => statSync(file).size === 0)) assertSpace(dir)
  if (!isNew) {
    restoreLength(path)
    // What is not flushed has its own way back after a power cut, and can be had elsewhere.
    const until = performance.now() + PAGES_CHECK_MS
    if (flush) {
      assertHeads(path)
      assertPages(path, () => performance.now() > until)
    }
  }
  const { root, tables } = await openTables(path, {
    // Commit only when flushed: "committed" then means "would survive a power cut" (P1).
    overlappingSync: !flush,
    // One transaction is what commit() puts in one batch, no more and no less.
    eventTurnBatching: false,
  })
  for (const file of files) chmodSync(file, 0o600)
  const environment = wrap(path, root, tables, onDamage, flush)
  try {
    await checkFormat(environment, isNew, path)
  } catch (error) {
    await environment.close()
    throw error
  }
  // A file that was just created is only there after a power cut when its folders have been flushed too.
  if (isNew) for (const folder of [dir, dirname(dir)]) flushFolder(folder)
  return environment
}

/**
 * Opens the file for reading, while another process has it open and writes it.
 * @throws SwitchboardError `storage_fault` when it is not there, is damaged beyond reading, or of another format.
 */
export async function openForReading(dir: string, onDamage: (detail: string) => void): Promise<Environment> {
  const path = join(dir, DATA_FILE)
  assertWhole(path)
  const { root, tables } = await openTables(path, { readOnly: true })
  const environment = wrap(path, root, tables, onDamage, true)
  try {
    assertFormat(environment.get('meta', FORMAT_KEY), path)
  } catch (error) {
    await environment.close()
    throw error
  }
  return environment
}

/** Why no server starts with the log of a folder that none has; undefined when there is no reason, or no log. */
export function logTrouble(dir: string): string | undefined {
  const path = join(dir, DATA_FILE)
  try {
    assertNotRestoring(dir)
    if (!existsSync(path) || statSync(path).size === 0) return undefined
    assertWhole(path)
    // A page tells more of what is lost.
    assertPages(path, () => false)
    assertHeads(path)
    return undefined
  } catch (error) {
    if (error instanceof SwitchboardError) return error.detail
    throw error
  }
}

function wrap(
  path: string,
  root: RootDatabase<Buffer, Buffer>,
  tables: ReadonlyMap<TableName, Database<Buffer, Buffer>>,
  onDamage: (detail: string) => void,
  flush: boolean,
): Environment {
  const table = (name: TableName) => tables.get(name) as Database<Buffer, Buffer>
  const unreadable = (name: TableName, cause: unknown) => {
    const detail = `the table ${name} cannot be read: ${(cause as Error).message}`
    onDamage(detail)
    // LMDB gives up a transaction that has met damage: what is sound is read in a new one.
    root.resetReadTxn()
    return new SwitchboardError('storage_fault', detail, { cause })
  }
  function* rows<T>(name: TableName, iterable: Iterable<T>): Generator<T> {
    const iterator = iterable[Symbol.iterator]()
    try {
      for (let next = iterator.next(); !next.done; next = iterator.next()) yield next.value
    } catch (error) {
      // A failure does not end an iterator of lmdb-js: it would hold its snapshot for ever, and share it with others.
      iterator.return?.()
      throw unreadable(name, error)
    } finally {
      iterator.return?.()
    }
  }
  return {
    get(name, key) {
      try {
        return asBuffer(table(name).getBinary(key))
      } catch (error) {
        throw unreadable(name, error)
      }
    },
    *range(name, range) {
      for (const { key, value } of rows(name, table(name).getRange(options(range)))) {
        yield { key: asBuffer(key), value: asBuffer(value) }
      }
    },
    *keys(name, range) {
      for (const key of rows(name, table(name).getKeys(options(range)))) yield asBuffer(key)
    },
    renew: () => root.resetReadTxn(),
    async commit(writes) {
      if (writes.length === 0) return
      try {
        await root.batch(() => {
          for (const { table: name, key, value } of writes) {
            if (value === undefined) table(name).remove(key)
            else table(name).put(key, value)
          }
        })
      } catch (error) {
        throw await causeOf(error)
      }
    },
    snapshot() {
      const transaction = root.useReadTransaction()
      return {
        get: (name, key) => asBuffer(table(name).get(key, { transaction })),
        *range(name, range) {
          for (const { key, value } of rows(name, table(name).getRange({ ...options(range), transaction }))) {
            yield { key: asBuffer(key), value: asBuffer(value) }
          }
        },
        done: () => transaction.done(),
      }
    },
    async copyTo(copy) {
      // 1. What is newest now is changed by nobody for as long as this lasts.
      const pinned = root.useReadTransaction()
      try {
        // 2. Copying ends the process at a page that is none.
        assertPages(path, () => false)
        await root.backup(copy, true)
      } finally {
        pinned.done()
      }
    },
    async pageTrouble(rest) {
      if (!flush) return undefined
      const tour = new PageTour(path)
      const step = (): BadPage | 'more' | undefined => {
        const held = root.useReadTransaction()
        try {
          return tour.step(PAGES_AT_A_TIME)
        } finally {
          held.done()
        }
      }
      try {
        for (;;) {
          await rest()
          const found = step()
          if (found === undefined) return undefined
          if (found === 'more') continue
          // A head that was just being written may have led astray.
          const again = step()
          if (again !== undefined && again !== 'more') return textOf(path, again)
        }
      } finally {
        tour.end()
      }
    },
    async freeBytes() {
      const { bavail, bsize } = await statfs(dirname(path))
      return bavail * bsize
    },
    checkReaders: () => void root.readerCheck(),
    close: () => root.close(),
  }
}

function options(range: Range): RangeOptions {
  const { start, end, reverse = false, limit } = range
  return { start, end, reverse, ...(limit === undefined ? {} : { limit }) }
}

function asBuffer(bytes: Buffer): Buffer
function asBuffer(bytes: Buffer | undefined): Buffer | undefined
function asBuffer(bytes: Buffer | undefined): Buffer | undefined {
  // lmdb-js hands out plain Uint8Arrays now and then, whatever its types say.
  if (bytes === undefined || Buffer.isBuffer(bytes)) return bytes
  const { buffer, byteOffset, byteLength } = bytes as Uint8Array
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** lmdb-js rejects with a wrapper whose own promise rejects with the reason: unread, that one would end the process. */
async function causeOf(error: unknown): Promise<unknown> {
  const reason = (error as { commitError?: Promise<unknown> }).commitError
  if (reason === undefined) return error
  try {
    await reason
    return error
  } catch (cause) {
    return cause
  }
}

async function openTables(path: string, how: RootDatabaseOptions) {
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const
  let root: RootDatabase<Buffer, Buffer> | undefined
  try {
    const opened = open<Buffer, Buffer>({
      path,
      noSubdir: true,
      ...how,
      maxDbs: tableNames.length,
      ...binary,
    })
    root = opened
    const tables = new Map(tableNames.map((name) => [name, opened.openDB<Buffer, Buffer>({ name, ...binary })]))
    return { root: opened, tables }
  } catch (cause) {
    await root?.close()
    throw new SwitchboardError('storage_fault', `${path} cannot be opened: ${(cause as Error).message}`, { cause })
  }
}

async function checkFormat(environment: Environment, isNew: boolean, path: string): Promise<void> {
  const value = environment.get('meta', FORMAT_KEY)
  const isEmpty = value === undefined && [...environment.keys('heads', EVERYTHING)].length === 0
  if (isNew || isEmpty) {
    await writeFormat(environment)
    return
  }
  if (assertFormat(value, path) === FORMAT_BEFORE) await writeFormat(environment)
}

async function writeFormat(environment: Environment): Promise<void> {
  const format = sealJson(FORMAT_KEY, { version: FORMAT_VERSION })
  await environment.commit([{ table: 'meta', key: FORMAT_KEY, value: format }])
}

/** The format, if it is one that can be read. */
function assertFormat(value: Buffer | undefined, path: string): number {
  const payload = value && unseal(FORMAT_KEY, value)
  if (payload === undefined) {
    throw new SwitchboardError('storage_fault', `${path} is damaged: it does not say which format it has. ${RESTORE}`)
  }
  const { version } = JSON.parse(payload.toString()) as { version: number }
  if (version === FORMAT_VERSION || version === FORMAT_BEFORE) return version
  throw new SwitchboardError(
    'storage_fault',
    `${path} has format ${version}, written by ${version > FORMAT_VERSION ? 'a newer' : 'an older'} Switchboard; this one reads ${FORMAT_VERSION}`,
  )
}

const EVERYTHING: Range = { start: Buffer.from([0]), end: Buffer.alloc(8, 255), limit: 1 }

/** LMDB maps what it makes into memory, and would end the process rather than fail when there is no room for it. */
function assertSpace(dir: string): void {
  const { bavail, bsize } = statfsSync(dir)
  if (bavail * bsize >= NEW_FILE_BYTES) return
  throw new SwitchboardError('storage_full', `${dir} has no room for a new log: ${NEW_FILE_BYTES / 1024} KiB at least`)
}

/** A file cut short would end the process when a page behind its end is read; zeros there are found by the checksums. */
function restoreLength(path: string): void {
  const length = neededLength(path)
  if (statSync(path).size < length) truncateSync(path, length)
}

/** Whoever only reads a file does not put zeros at its end. */
function assertWhole(path: string): void {
  if (!existsSync(path)) throw new SwitchboardError('storage_fault', `${path} is not there`)
  const length = neededLength(path)
  const { size } = statSync(path)
  if (size >= length) return
  throw new SwitchboardError('storage_fault', `${path} is cut short: it has ${size} bytes of ${length}. ${RESTORE}`)
}

/**
 * LMDB ends the process when it meets a page that is none, at the start or days later: it is looked for first.
 * @throws SwitchboardError `storage_fault` that says what is lost.
 */
function assertPages(path: string, isOver: () => boolean): void {
  const bad = findBadPage(path, isOver)
  if (bad !== undefined) throw new SwitchboardError('storage_fault', `${textOf(path, bad)}. ${RESTORE}`)
}

function textOf(path: string, { page, what }: BadPage): string {
  return `${path} is damaged beyond use: page ${page} of it is not what was stored, and with it ${what}`
}

/** @throws SwitchboardError `storage_fault` when the last commit may be one that is not found any more. */
function assertHeads(path: string): void {
  if (!hasSoundHeads(path)) throw noLog(path)
}

function neededLength(path: string): number {
  const length = lengthOf(path)
  if (length !== undefined) return length
  throw noLog(path)
}

function noLog(path: string): SwitchboardError {
  return new SwitchboardError('storage_fault', `${path} is not a log, or its first pages are damaged. ${RESTORE}`)
}
