import type { Environment, Write } from './environment.js'
import type { TableName } from './keys.js'

/**
 * Writes that are being planned, and reads that see them. A draft on a draft is kept or forgotten as one: that is how
 * one refused append leaves no trace in the group that waits with it.
 */
export class Draft {
  /** Made with the first write: most appends plan none of their own. */
  private planned: Map<string, Write> | undefined

  constructor(private readonly below: Draft | Pick<Environment, 'get'>) {}

  get(table: TableName, key: Buffer): Buffer | undefined {
    const write = this.planned?.get(nameOf(table, key))
    return write ? write.value : this.below.get(table, key)
  }

  put(table: TableName, key: Buffer, value: Buffer): void {
    this.plan({ table, key, value })
  }

  remove(table: TableName, key: Buffer): void {
    this.plan({ table, key, value: undefined })
  }

  /** Hands the writes to the draft below. */
  keep(): void {
    if (!(this.below instanceof Draft)) throw new Error('A draft on the environment is committed, not kept')
    if (this.planned === undefined) return
    for (const write of this.planned.values()) this.below.plan(write)
  }

  writes(): Write[] {
    return this.planned === undefined ? [] : [...this.planned.values()]
  }

  private plan(write: Write): void {
    this.planned ??= new Map()
    this.planned.set(nameOf(write.table, write.key), write)
  }
}

function nameOf(table: TableName, key: Buffer): string {
  return `${table}:${key.toString('latin1')}`
}
