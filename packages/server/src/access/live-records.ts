import { type JsonObject, SwitchboardError } from '@switchboard/contract'
import type { PutCondition, Store } from '../log/log.js'

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
  /**
   * Puts what `decide` makes of the present value. When another process has put a different one meanwhile, that one
   * stands, and is decided on again. Resolves with what was put.
   * @param decide What it throws ends the change.
   */
  change(key: string, decide: (present: T | undefined) => T): Promise<T>
  /** Gone for good, and here, when resolved. False when there was nothing. */
  delete(key: string): Promise<boolean>
  close(): void
}

/** Each lost attempt is another process's change: ten in a row are none that people make. */
const CHANGE_ATTEMPTS_MAX = 10

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
  const records = new Map<string, { readonly value: T; readonly stored: JsonObject }>()
  /** How often the store has told of a key: whoever waits for a write sees whether something newer came meanwhile. */
  const told = new Map<string, number>()

  function apply(key: string, stored: JsonObject | undefined): void {
    const before = records.get(key)?.value
    const after = stored === undefined ? undefined : read(key, stored)
    if (stored !== undefined && after === undefined)
      options.warn(`A stored ${kind} record cannot be read and is ignored`)
    if (stored === undefined || after === undefined) records.delete(key)
    else records.set(key, { value: after, stored })
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

  function put(key: string, value: T, condition?: PutCondition): Promise<boolean> {
    const stored = write(value)
    return written(key, stored, () => store.put(kind, key, stored, condition))
  }

  return {
    get: (key) => records.get(key)?.value,
    keys: () => records.keys(),
    *values() {
      for (const { value } of records.values()) yield value
    },
    get size() {
      return records.size
    },
    put,
    async change(key, decide) {
      for (let attempt = 0; attempt < CHANGE_ATTEMPTS_MAX; attempt += 1) {
        const present = records.get(key)
        const value = decide(present?.value)
        // What stands instead has been told by then, and is what is decided on next.
        if (await put(key, value, present ? { replaces: present.stored } : { ifAbsent: true })) return value
      }
      throw new SwitchboardError('unavailable', 'Others change the same record all the time.', { retryAfterSeconds: 1 })
    },
    delete: (key) => written(key, undefined, () => store.delete(kind, key)),
    close: unwatch,
  }
}
