import type { JsonObject } from '@switchboard/contract'
import type { Store } from '../log/log.js'

/** How records of one kind are kept. */
export interface RecordKind<T> {
  readonly kind: string
  write(value: T): JsonObject
  /** Undefined when a stored record makes no sense, for example one of a later version. */
  read(key: string, stored: JsonObject): T | undefined
}

/** The records of one kind, all in memory, and kept as the store has them: by us and by other processes. */
export interface LiveRecords<T> {
  get(key: string): T | undefined
  keys(): Iterable<string>
  values(): Iterable<T>
  readonly size: number
  /** Durable, and to be seen here, when resolved. With `ifAbsent`, false when the key is taken. */
  put(key: string, value: T, options?: { ifAbsent?: boolean }): Promise<boolean>
  /** Gone for good, and here, when resolved. False when there was nothing. */
  delete(key: string): Promise<boolean>
  close(): void
}

/** What is common to everything that stands on records. */
export interface Opened {
  /** How many records there are. */
  count(): number
  /** Follows the store no more. */
  close(): void
}

/**
 * Loads all records of a kind and follows their changes.
 *
 * @param changed Told of every change, after it is to be seen. It may be told twice of the same one.
 * @param warn Told of records that cannot be read. They are left alone and treated as absent.
 */
export async function openRecords<T>(
  store: Store,
  { kind, read, write }: RecordKind<T>,
  options: {
    changed?: (key: string, before: T | undefined, after: T | undefined) => void
    warn: (line: string) => void
  },
): Promise<LiveRecords<T>> {
  const records = new Map<string, T>()
  /** How often the store has told of a key: whoever waits for a write sees whether something newer came meanwhile. */
  const told = new Map<string, number>()

  function apply(key: string, stored: JsonObject | undefined): void {
    const before = records.get(key)
    const after = stored === undefined ? undefined : read(key, stored)
    if (stored !== undefined && after === undefined)
      options.warn(`A stored ${kind} record cannot be read and is ignored`)
    if (after === undefined) records.delete(key)
    else records.set(key, after)
    options.changed?.(key, before, after)
  }

  // 1. Follow before loading, or a change between the two would be missed.
  const unwatch = store.watch((change) => {
    if (change.kind !== kind) return
    told.set(change.key, (told.get(change.key) ?? 0) + 1)
    apply(change.key, change.value)
  })
  // 2. What was told meanwhile is newer than what is loaded.
  for (const { key, value } of await store.all(kind)) {
    if (!told.has(key)) apply(key, value)
  }

  /** Applies a write of ours when the store has not told of this key since: what it tells comes in its own order. */
  async function written(key: string, value: JsonObject | undefined, write: () => Promise<boolean>): Promise<boolean> {
    const before = told.get(key)
    const done = await write()
    if (done && told.get(key) === before) apply(key, value)
    return done
  }

  return {
    get: (key) => records.get(key),
    keys: () => records.keys(),
    values: () => records.values(),
    get size() {
      return records.size
    },
    put(key, value, putOptions) {
      const stored = write(value)
      return written(key, stored, () => store.put(kind, key, stored, putOptions))
    },
    delete: (key) => written(key, undefined, () => store.delete(kind, key)),
    close: unwatch,
  }
}
