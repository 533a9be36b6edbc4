import type { JsonObject } from '@switchboard/contract'
import type { Store, StoreChange, StoreRecord } from '../log/log.js'

/** What two stores of a test share: one deployment, several processes. */
export class MemoryDisk {
  readonly kinds = new Map<string, Map<string, string>>()
  readonly listeners = new Set<(change: StoreChange) => void>()

  /** Everything on it, as somebody would read it who steals the disk. */
  text(): string {
    return [...this.kinds].flatMap(([kind, records]) => [...records].map((record) => `${kind} ${record}`)).join('\n')
  }
}

/** A `Store` in memory. Values go through JSON, as on a disk. */
export class MemoryStore implements Store {
  /** When set, writes fail with it. */
  failure: Error | undefined

  constructor(readonly disk = new MemoryDisk()) {}

  async all(kind: string): Promise<readonly StoreRecord[]> {
    const records = [...(this.disk.kinds.get(kind) ?? [])]
    return records.map(([key, value]) => ({ key, value: JSON.parse(value) }))
  }

  async put(kind: string, key: string, value: JsonObject, options: { ifAbsent?: boolean } = {}): Promise<boolean> {
    await this.write()
    const records = this.disk.kinds.get(kind) ?? new Map<string, string>()
    if (options.ifAbsent && records.has(key)) return false
    const text = JSON.stringify(value)
    this.disk.kinds.set(kind, records.set(key, text))
    this.tell({ kind, key, value: JSON.parse(text) })
    return true
  }

  async delete(kind: string, key: string): Promise<boolean> {
    await this.write()
    const done = this.disk.kinds.get(kind)?.delete(key) ?? false
    if (done) this.tell({ kind, key, value: undefined })
    return done
  }

  watch(listener: (change: StoreChange) => void): () => void {
    this.disk.listeners.add(listener)
    return () => this.disk.listeners.delete(listener)
  }

  private async write(): Promise<void> {
    await Promise.resolve()
    if (this.failure !== undefined) throw this.failure
  }

  private tell(change: StoreChange): void {
    for (const listener of this.disk.listeners) listener(change)
  }
}
