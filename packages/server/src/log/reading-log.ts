import type { Position } from '@switchboard/contract'
import type { Block } from './block.js'
import type { Followers } from './followers.js'
import type { Kept } from './kept.js'
import type { Bounds, Channel, Log, Page, ProjectedRecord, ProjectedRecords } from './log.js'
import type { Subject } from './subject.js'

type Reads = 'read' | 'bounds' | 'positionOf' | 'sequenceBefore' | 'follow' | 'onErased' | 'record' | 'records'

/** What every log over a file has in common: it is read here, whoever writes it. */
export abstract class ReadingLog implements Pick<Log, Reads> {
  protected abstract readonly kept: Kept
  protected abstract readonly followers: Followers

  read(channel: Channel, after: number, bytesMax: number): Promise<Page> {
    return this.kept.read(channel, after, bytesMax)
  }

  bounds(channel: Channel): Promise<Bounds> {
    return this.kept.bounds(channel)
  }

  positionOf(channel: Channel, sequence: number): Promise<Position | undefined> {
    return this.kept.positionOf(channel, sequence)
  }

  sequenceBefore(channel: Channel, time: number): Promise<number> {
    return this.kept.sequenceBefore(channel, time)
  }

  follow(listener: (channel: Channel, block: Block) => void): () => void {
    return this.followers.add(listener)
  }

  onErased(listener: (workspace: string, subject: Subject) => void): () => void {
    return this.followers.addErased(listener)
  }

  record(workspace: string, projection: string, key: string): Promise<ProjectedRecord | undefined> {
    return this.kept.record(workspace, projection, key)
  }

  records(
    workspace: string,
    projection: string,
    options?: { afterKey?: string; limit?: number },
  ): Promise<ProjectedRecords> {
    return this.kept.records(workspace, projection, options)
  }
}
