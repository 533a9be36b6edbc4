import type { JsonObject, SwitchboardError } from '@switchboard/contract'
import type { Operation } from './commits.js'
import type { Environment } from './environment.js'
import type { Faults } from './faults.js'
import type { Group } from './group.js'
import { endOf, storeKey } from './keys.js'
import type { PutCondition, Store, StoreChange, StoreRecord } from './log.js'
import { sealJson, unseal } from './seal.js'

/** The records beside the log, in the same file. */
export class LmdbStore implements Store {
  private readonly listeners = new Set<(change: StoreChange) => void>()

  constructor(
    private readonly environment: Environment,
    private readonly faults: Faults,
    private readonly push: (operation: Operation) => void,
    private readonly onListenerError: (error: unknown) => void,
  ) {}

  async all(kind: string): Promise<readonly StoreRecord[]> {
    return storedRecords(this.environment, this.faults, kind)
  }

  put(kind: string, key: string, value: JsonObject, condition: PutCondition = {}): Promise<boolean> {
    const { ifAbsent, replaces } = condition
    const replaced = replaces && sealJson(storeKey(kind, key), replaces)
    return this.change({ kind, key, value }, (stored) => {
      if (ifAbsent && stored) return false
      return replaced === undefined || stored?.equals(replaced) === true
    })
  }

  delete(kind: string, key: string): Promise<boolean> {
    return this.change({ kind, key, value: undefined }, (stored) => stored !== undefined)
  }

  async refresh(): Promise<void> {}

  watch(listener: (change: StoreChange) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  private async change(change: StoreChange, isWanted: (stored: Buffer | undefined) => boolean): Promise<boolean> {
    const name = storeKey(change.kind, change.key)
    const value = change.value && sealJson(name, change.value)
    return new Promise((resolve, reject) => {
      let isDone = false
      this.push({
        entries: 1,
        chars: value?.length ?? 0,
        alone: false,
        whenFull: false,
        prepare({ draft }: Group) {
          isDone = isWanted(draft.get('store', name))
          if (!isDone) return
          if (value) draft.put('store', name, value)
          else draft.remove('store', name)
        },
        done: () => {
          if (isDone) this.tell(change)
          resolve(isDone)
        },
        failed: (error: SwitchboardError) => reject(error),
      })
    })
  }

  private tell(change: StoreChange): void {
    for (const listener of this.listeners) {
      try {
        listener(change)
      } catch (error) {
        this.onListenerError(error)
      }
    }
  }
}

/** All stored records of a kind. One that is not what was stored is left out, and the faults say so. */
export function storedRecords(environment: Environment, faults: Faults, kind: string): StoreRecord[] {
  const prefix = storeKey(kind, '')
  const records: StoreRecord[] = []
  for (const { key, value } of environment.range('store', { start: prefix, end: endOf(prefix) })) {
    const payload = unseal(key, value)
    if (payload) records.push({ key: key.toString('utf8', prefix.length), value: JSON.parse(payload.toString()) })
    else faults.damaged(`a record of the kind ${kind}`)
  }
  return records
}
