import type { JsonObject } from '@switchboard/contract'
import type { PutCondition, Store, StoreChange, StoreRecord } from '../log/log.js'

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
  /** When set, refreshes fail with it. */
  unreachable: Error | undefined
  /** Refreshes so far. */
  refreshes = 0
  /** Runs once, in the middle of the next write: what another process does before it. */
  meanwhile: (() => Promise<unknown>) | undefined
  /** True: what others change is heard of with a refresh, or in answer to a write of ours. */
  isApart = false
  private readonly listeners = new Set<(change: StoreChange) => void>()
  private unheard: StoreChange[] = []

  constructor(readonly disk = new MemoryDisk()) {
    disk.listeners.add((change) => {
      this.unheard.push(change)
      if (!this.isApart) this.hear()
    })
  }

  async all(kind: string): Promise<readonly StoreRecord[]> {
    const records = [...(this.disk.kinds.get(kind) ?? [])]
    return records.map(([key, value]) => ({ key, value: JSON.parse(value) }))
  }

  async put(kind: string, key: string, value: JsonObject, condition: PutCondition = {}): Promise<boolean> {
    await this.write()
    const records = this.disk.kinds.get(kind) ?? new Map<string, string>()
    const { ifAbsent, replaces } = condition
    const isTaken = ifAbsent && records.has(key)
    const isAnother = replaces && records.get(key) !== JSON.stringify(replaces)
    if (!isTaken && !isAnother) {
      const text = JSON.stringify(value)
      this.disk.kinds.set(kind, records.set(key, text))
      this.tell({ kind, key, value: JSON.parse(text) })
    }
    this.hear()
    return !isTaken && !isAnother
  }

  async delete(kind: string, key: string): Promise<boolean> {
    await this.write()
    const done = this.disk.kinds.get(kind)?.delete(key) ?? false
    if (done) this.tell({ kind, key, value: undefined })
    this.hear()
    return done
  }

  async refresh(): Promise<void> {
    this.refreshes += 1
    await Promise.resolve()
    if (this.unreachable !== undefined) throw this.unreachable
    this.hear()
  }

  watch(listener: (change: StoreChange) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  private async write(): Promise<void> {
    const { meanwhile } = this
    this.meanwhile = undefined
    await (meanwhile?.() ?? Promise.resolve())
    if (this.failure !== undefined) throw this.failure
  }

  private tell(change: StoreChange): void {
    for (const listener of this.disk.listeners) listener(change)
  }

  private hear(): void {
    for (const change of this.unheard.splice(0)) for (const listener of this.listeners) listener(change)
  }
}
