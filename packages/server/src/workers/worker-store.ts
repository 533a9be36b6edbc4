import type { JsonObject } from '@switchboard/contract'
import type { Environment } from '../log/environment.js'
import type { Faults } from '../log/faults.js'
import type { Store, StoreChange, StoreRecord } from '../log/log.js'
import { storedRecords } from '../log/store.js'
import type { Line } from './line.js'
import type { ParentSide, WorkerSide } from './protocol.js'

/** The records beside the log as a worker has them: it reads the file itself and asks its parent to write. */
export class WorkerStore implements Store {
  private readonly listeners = new Set<(change: StoreChange) => void>()

  constructor(
    private readonly environment: Environment,
    private readonly faults: Faults,
    private readonly line: Line<WorkerSide, ParentSide>,
    private readonly onListenerError: (error: unknown) => void,
  ) {}

  async all(kind: string): Promise<readonly StoreRecord[]> {
    this.environment.renew()
    return storedRecords(this.environment, this.faults, kind)
  }

  put(kind: string, key: string, value: JsonObject, options?: Parameters<Store['put']>[3]): Promise<boolean> {
    return this.line.ask('put', kind, key, value, options)
  }

  delete(kind: string, key: string): Promise<boolean> {
    return this.line.ask('delete', kind, key)
  }

  refresh(): Promise<void> {
    return this.line.ask('catchUp')
  }

  watch(listener: (change: StoreChange) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** The parent has made this change durable. */
  told(change: StoreChange): void {
    for (const listener of this.listeners) {
      try {
        listener(change)
      } catch (error) {
        this.onListenerError(error)
      }
    }
  }
}
