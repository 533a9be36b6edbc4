import type { JsonObject } from '@switchboard/contract'
import type { Draft } from './draft.js'
import type { Environment } from './environment.js'
import type { Faults } from './faults.js'
import { endOf, parseParts, projectionKey } from './keys.js'
import type { Channel, ProjectedEntry, ProjectedRecord, Projection } from './log.js'
import { sealJson, unseal } from './seal.js'

/** The stored records of the projections. */
export class Records {
  constructor(
    private readonly environment: Environment,
    readonly projections: readonly Projection[],
    private readonly faults: Faults,
  ) {}

  get(workspace: string, projection: string, key: string): JsonObject | undefined {
    return this.read(projectionKey(workspace, projection, key))
  }

  read(key: Buffer): JsonObject | undefined {
    const value = this.environment.get('projections', key)
    return value && this.open(key, value)
  }

  /** Records in key order, one more than `limit` if there are more. */
  page(workspace: string, projection: string, afterKey: string | undefined, limit: number): ProjectedRecord[] {
    const prefix = projectionKey(workspace, projection, '')
    // A zero byte behind a key is the least key after it.
    const start =
      afterKey === undefined
        ? prefix
        : Buffer.concat([projectionKey(workspace, projection, afterKey), Buffer.from([0])])
    const items: ProjectedRecord[] = []
    for (const row of this.environment.range('projections', { start, end: endOf(prefix) })) {
      const record = this.open(row.key, row.value)
      if (record !== undefined) items.push({ key: row.key.toString('utf8', prefix.length), record })
      if (items.length > limit) break
    }
    return items
  }

  /** The record, or undefined when it is not what was stored: it is then made anew by what comes. */
  open(key: Buffer, value: Buffer): JsonObject | undefined {
    const payload = unseal(key, value)
    if (payload) return JSON.parse(payload.toString()) as JsonObject
    const [workspace, name] = parseParts(key, 2) ?? []
    const channel: Channel | undefined = workspace === undefined ? undefined : { workspace }
    this.faults.damaged(`a record of the projection ${name}`, channel)
    return undefined
  }
}

interface Change {
  readonly key: Buffer
  readonly record: JsonObject
}

/** Records on their way. Like `Draft`, but parsed: an active call's record is read and written once a group. */
export class RecordDraft {
  private readonly changes = new Map<string, Change>()

  constructor(private readonly below: RecordDraft | Records) {}

  /** Folds an entry into every record it changes. A projection that throws is our bug: the append is then refused. */
  fold(entry: ProjectedEntry): void {
    for (const projection of this.projections) {
      const name = projection.key(entry.channel, entry.type, entry.event)
      if (name === undefined) continue
      const key = projectionKey(entry.channel.workspace, projection.name, name)
      const previous = this.read(key)
      const record = projection.fold(previous, entry)
      if (record !== previous) this.changes.set(key.toString('latin1'), { key, record })
    }
  }

  read(key: Buffer): JsonObject | undefined {
    return this.changes.get(key.toString('latin1'))?.record ?? this.below.read(key)
  }

  keep(): void {
    if (!(this.below instanceof RecordDraft)) throw new Error('Records of a group are written, not kept')
    for (const [name, change] of this.changes) this.below.changes.set(name, change)
  }

  writeTo(draft: Draft): void {
    for (const { key, record } of this.changes.values()) draft.put('projections', key, sealJson(key, record))
  }

  get projections(): readonly Projection[] {
    return this.below.projections
  }
}
