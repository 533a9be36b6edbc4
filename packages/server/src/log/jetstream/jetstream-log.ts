import { type Position, SwitchboardError } from '@switchboard/contract'
import type { Block } from '../block.js'
import type { LmdbLog } from '../lmdb-log.js'
import type {
  Appended,
  Bounds,
  Channel,
  Erasure,
  Fault,
  Health,
  Idempotency,
  Log,
  NewEvent,
  Page,
  ProjectedRecord,
  ProjectedRecords,
  StoredName,
} from '../log.js'
import type { Subject } from '../subject.js'
import type { CarriedRow } from './carry.js'
import { partitionOf } from './names.js'
import type { ImportedEntry, Partition } from './partition.js'
import type { SubjectKeys } from './subject-keys.js'

/** The log over JetStream: each workspace in its partition. */
export class JetStreamLog implements Log {
  constructor(
    /** Those that this gateway follows, by their number. */
    private readonly partitions: ReadonlyMap<number, Partition>,
    private readonly count: number,
    private readonly keys: SubjectKeys | undefined,
  ) {}

  append(channel: Channel, events: readonly NewEvent[], request?: Idempotency): Promise<Appended> {
    return this.run(channel.workspace, (partition) => partition.append(channel, events, request))
  }

  /**
   * Takes entries over from another log, in their order and with the times they have there. What they came to in the
   * projections is carried.
   * @param after The channel's newest sequence.
   * @throws SwitchboardError `conflict` when there is a newer one by now; nothing is stored then.
   */
  import(channel: Channel, entries: readonly ImportedEntry[], after: number): Promise<Appended> {
    return this.run(channel.workspace, (partition) => partition.import(channel, entries, after))
  }

  /**
   * Takes over what a workspace has beside its entries.
   * @param after The newest sequence of the workspace's own channel.
   * @throws SwitchboardError `conflict` when there is a newer one by now; nothing is taken over then.
   */
  carry(workspace: string, rows: readonly CarriedRow[], after: number): Promise<void> {
    return this.run(workspace, (partition) => partition.carry(workspace, rows, after))
  }

  /** This gateway's copy of the partition that a workspace is in. */
  copyOf(workspace: string): LmdbLog {
    return this.partitionOf(workspace).log
  }

  async catchUp(): Promise<void> {
    await Promise.all(this.all.map((partition) => partition.catchUp()))
  }

  read(channel: Channel, after: number, bytesMax: number): Promise<Page> {
    return this.ask(channel.workspace, (log) => log.read(channel, after, bytesMax))
  }

  bounds(channel: Channel): Promise<Bounds> {
    return this.ask(channel.workspace, (log) => log.bounds(channel))
  }

  positionOf(channel: Channel, sequence: number): Promise<Position | undefined> {
    return this.ask(channel.workspace, (log) => log.positionOf(channel, sequence))
  }

  sequenceBefore(channel: Channel, time: number): Promise<number> {
    return this.ask(channel.workspace, (log) => log.sequenceBefore(channel, time))
  }

  follow(listener: (channel: Channel, block: Block) => void): () => void {
    const unfollow = this.all.map(({ log }) => log.follow(listener))
    return () => {
      for (const stop of unfollow) stop()
    }
  }

  erase(channel: Channel): Promise<void> {
    return this.run(channel.workspace, (partition) => partition.erase(channel))
  }

  eraseData(workspace: string, subject: Subject, unless?: StoredName): Promise<Erasure> {
    return this.run(workspace, (partition) => partition.eraseData(workspace, subject, unless))
  }

  onErased(listener: (workspace: string, subject: Subject) => void): () => void {
    const ends = this.all.map(({ log }) => log.onErased(listener))
    return () => {
      for (const end of ends) end()
    }
  }

  async retain(before: number): Promise<number> {
    const removed = await Promise.all(this.all.map((partition) => partition.retain(before)))
    await this.keys?.sweep(before, (workspace, subject) => {
      const partition = this.partitions.get(partitionOf(workspace, this.count))
      return partition === undefined || partition.log.hasRecords(workspace, subject)
    })
    return removed.reduce((sum, each) => sum + each, 0)
  }

  record(workspace: string, projection: string, key: string): Promise<ProjectedRecord | undefined> {
    return this.ask(workspace, (log) => log.record(workspace, projection, key))
  }

  records(
    workspace: string,
    projection: string,
    options?: { afterKey?: string; limit?: number },
  ): Promise<ProjectedRecords> {
    return this.ask(workspace, (log) => log.records(workspace, projection, options))
  }

  health(): Health {
    const faults: Fault[] = []
    let writable = true
    for (const { log, fault } of this.all) {
      const health = log.health()
      faults.push(...health.faults, ...(fault ? [fault] : []))
      writable &&= health.writable && fault === undefined
    }
    return { writable, faults }
  }

  async verify(rest?: () => Promise<void>): Promise<readonly Fault[]> {
    const found: Fault[] = []
    for (const { log } of this.all) found.push(...(await log.verify(rest)))
    return found
  }

  /** Appends in the streams that this gateway does not have yet. */
  get behind(): number {
    return this.all.reduce((sum, { behind }) => sum + behind, 0)
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((partition) => partition.close()))
  }

  private get all(): Partition[] {
    return [...this.partitions.values()]
  }

  private async run<T>(workspace: string, task: (partition: Partition) => Promise<T>): Promise<T> {
    return task(this.partitionOf(workspace))
  }

  private async ask<T>(workspace: string, task: (log: LmdbLog) => Promise<T>): Promise<T> {
    return task(this.partitionOf(workspace).log)
  }

  private partitionOf(workspace: string): Partition {
    const number = partitionOf(workspace, this.count)
    const partition = this.partitions.get(number)
    if (partition) return partition
    throw new SwitchboardError(
      'misdirected',
      `This gateway does not follow partition ${number}, which this workspace is in.`,
    )
  }
}
