import type { JsonObject } from '@switchboard/contract'
import { decrypt, encrypt } from '../cipher.js'
import type { Draft } from './draft.js'
import type { Environment, Write } from './environment.js'
import type { Faults } from './faults.js'
import { endOf, parseParts, projectionKey } from './keys.js'
import type { Channel, ProjectedEntry, ProjectedRecord, Projection } from './log.js'
import { seal, sealJson, unseal } from './seal.js'
import type { Subject } from './subject.js'
import type { Vault } from './vault.js'

/** The stored records of the projections. */
export class Records {
  constructor(
    private readonly environment: Environment,
    readonly projections: readonly Projection[],
    private readonly faults: Faults,
    private readonly vault: Vault | undefined,
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
    const text = payload?.[0] === SEALED ? this.decrypt(key, payload) : payload
    if (text) return JSON.parse(text.toString()) as JsonObject
    const [workspace, name] = parseParts(key, 2) ?? []
    const channel: Channel | undefined = workspace === undefined ? undefined : { workspace }
    this.faults.damaged(`a record of the projection ${name}`, channel)
    return undefined
  }

  /** A record as it is stored: sealed where it may hold personal data. */
  close(row: Buffer, record: JsonObject, draft: Draft, now: number): Buffer {
    const place = this.vault && this.placeOf(row)
    if (this.vault === undefined || place === undefined) return sealJson(row, record)
    const { generation, key } = this.vault.sealing(draft, place.workspace, place.subject, now, true)
    const head = Buffer.allocUnsafe(SEALED_HEAD_BYTES)
    head.writeUInt32LE(generation, head.writeUInt8(SEALED, 0))
    return seal(row, Buffer.concat([head, encrypt(key, row, Buffer.from(JSON.stringify(record)))]))
  }

  /** The records of a subject, masked: what is to take their place when it is erased. */
  masked(workspace: string, subject: Subject): { readonly row: Buffer; readonly record: JsonObject }[] {
    return this.projections.flatMap(({ name, personal }) => {
      if (personal?.subject !== subject.kind) return []
      const row = projectionKey(workspace, name, subject.id)
      const record = this.read(row)
      return record ? [{ row, record: personal.mask(record) }] : []
    })
  }

  private decrypt(row: Buffer, payload: Buffer): Buffer | undefined {
    const place = this.placeOf(row)
    const key = place && this.vault?.opening(place.workspace, place.subject, payload.readUInt32LE(1))
    return key instanceof Buffer ? decrypt(key, row, payload.subarray(SEALED_HEAD_BYTES)) : undefined
  }

  /** Whose personal data a record may hold; undefined when it holds none. */
  private placeOf(row: Buffer): { readonly workspace: string; readonly subject: Subject } | undefined {
    const [workspace, name, key] = parseParts(row, 2) ?? []
    const kind = this.projections.find((projection) => projection.name === name)?.personal?.subject
    if (workspace === undefined || key === undefined || kind === undefined) return undefined
    return { workspace, subject: { kind, id: kind === 'workspace' ? '' : key } }
  }
}

/** What a sealed record begins with: a mark that no JSON text begins with, and the generation of its key. */
const SEALED = 1
const SEALED_HEAD_BYTES = 5

interface Held {
  readonly key: Buffer
  /** Undefined when there is none. */
  readonly record: JsonObject | undefined
}

/**
 * Records on their way. Like `Draft`, but parsed, and found by texts: an active call's record is read and written once
 * a group, however many of its events are in it, and its key is made as often.
 */
export class RecordDraft {
  private readonly changes = new Map<string, Held>()
  /** What was asked of the stored records; of them only the lowest draft knows. */
  private readonly stored: Map<string, Held> | undefined

  constructor(private readonly below: RecordDraft | Records) {
    this.stored = below instanceof RecordDraft ? undefined : new Map()
  }

  /** Folds an entry into every record it changes. A projection that throws is our bug: the append is then refused. */
  fold(entry: ProjectedEntry): void {
    const { workspace } = entry.channel
    for (const projection of this.projections) {
      const key = projection.key(entry.channel, entry.type, entry.event)
      if (key === undefined) continue
      const name = nameOf(workspace, projection.name, key)
      const held = this.find(name) ?? this.fetch(name, workspace, projection.name, key)
      const record = projection.fold(held.record, entry)
      if (record !== held.record) this.changes.set(name, { key: held.key, record })
    }
  }

  /** Puts a record there as it is, or takes it away. */
  put(workspace: string, projection: string, key: string, record: JsonObject | undefined): void {
    this.changes.set(nameOf(workspace, projection, key), { key: projectionKey(workspace, projection, key), record })
  }

  keep(): void {
    if (!(this.below instanceof RecordDraft)) throw new Error('Records of a group are written, not kept')
    for (const [name, change] of this.changes) this.below.changes.set(name, change)
  }

  /** @param draft For the keys of records that are sealed. */
  writes(draft: Draft, now: number): Write[] {
    const { below } = this
    if (below instanceof RecordDraft) throw new Error('Records on their way into a group are kept, not written')
    return Array.from(this.changes.values(), ({ key, record }) => ({
      table: 'projections',
      key,
      value: record && below.close(key, record, draft, now),
    }))
  }

  get projections(): readonly Projection[] {
    return this.below.projections
  }

  private find(name: string): Held | undefined {
    const held = this.changes.get(name) ?? this.stored?.get(name)
    return held ?? (this.below instanceof RecordDraft ? this.below.find(name) : undefined)
  }

  private fetch(name: string, workspace: string, projection: string, key: string): Held {
    if (this.below instanceof RecordDraft) return this.below.fetch(name, workspace, projection, key)
    const row = projectionKey(workspace, projection, key)
    const held = { key: row, record: this.below.read(row) }
    this.stored?.set(name, held)
    return held
  }
}

/** Lengths go before texts, so that no two records share a name whatever their ids hold. */
function nameOf(workspace: string, projection: string, key: string): string {
  return `${projection}/${workspace.length}/${workspace}/${key}`
}
