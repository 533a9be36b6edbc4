import { type JsonObject, limits, type Position } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import type { Environment } from './environment.js'
import type { Faults } from './faults.js'
import { Heads } from './heads.js'
import { channelKey } from './keys.js'
import type { Bounds, Channel, Page, ProjectedRecord, ProjectedRecords, Projection } from './log.js'
import { ReadTurns } from './read-turns.js'
import { Reader } from './reader.js'
import { Records } from './records.js'
import type { Vault } from './vault.js'

/** What one LMDB file keeps of a log, for reading. Whoever writes it, here or in another process, is none of its business. */
export class Kept {
  readonly heads: Heads
  readonly projected: Records
  readonly reader: Reader
  private readonly readTurns = new ReadTurns()

  constructor(
    environment: Environment,
    faults: Faults,
    projections: readonly Projection[],
    private readonly clock: Clock,
    /** Undefined where personal data is kept in clear text. */
    readonly vault: Vault | undefined,
    /** Throws when nothing may be read any more. */
    private readonly assertOpen: () => void,
  ) {
    this.heads = new Heads(environment, faults)
    this.projected = new Records(environment, projections, faults, vault)
    this.reader = new Reader(environment, this.heads, faults, vault)
  }

  async read(channel: Channel, after: number, bytesMax: number): Promise<Page> {
    this.assertOpen()
    await this.readTurns.next()
    this.assertOpen()
    return this.reader.read(channel, after, bytesMax)
  }

  async bounds(channel: Channel): Promise<Bounds> {
    this.assertOpen()
    return this.boundsOf(channel)
  }

  async positionOf(channel: Channel, sequence: number): Promise<Position | undefined> {
    this.assertOpen()
    return this.reader.positionOf(channel, sequence)
  }

  async sequenceBefore(channel: Channel, time: number): Promise<number> {
    this.assertOpen()
    return this.reader.sequenceBefore(channel, time)
  }

  async record(workspace: string, projection: string, key: string): Promise<ProjectedRecord | undefined> {
    this.assertOpen()
    const record: JsonObject | undefined = this.projected.get(workspace, projection, key)
    return record && { key, record }
  }

  async records(
    workspace: string,
    projection: string,
    options: { afterKey?: string; limit?: number } = {},
  ): Promise<ProjectedRecords> {
    this.assertOpen()
    const { afterKey, limit = limits.historyPageMax } = options
    // One turn of the event loop reads one snapshot: the records are those of that position.
    const found = this.projected.page(workspace, projection, afterKey, limit)
    const { newest: position } = this.boundsOf({ workspace })
    return { items: found.slice(0, limit), position, hasMore: found.length > limit }
  }

  private boundsOf(channel: Channel): Bounds {
    const { newest, oldest, removed } = this.heads.read(channel, channelKey(channel))
    return { newest: newest.sequence === 0 ? { time: this.clock.now(), sequence: 0 } : newest, oldest, removed }
  }
}
