import type { JsonObject, Position } from '@switchboard/contract'
import type { Block } from './block.js'
import type { Channel } from './channel.js'
import type { Ledger } from './ledger.js'
import type { Subject } from './subject.js'

export type { Channel } from './channel.js'

/** An event that ingest has accepted, on its way into the log. */
export interface NewEvent {
  readonly type: string
  /** As it will be delivered: discriminator first, both spellings, nothing else. */
  readonly event: JsonObject
  /** Stored once within the idempotency window of its channel; `fingerprint` tells a repeat from another body. */
  readonly idempotency?: Idempotency
}

export interface Idempotency {
  readonly key: string
  /** A digest of what the key stands for. */
  readonly fingerprint: string
}

export interface Appended {
  /** In the order given; for a repeat, the positions given the first time. */
  readonly positions: readonly Position[]
  /** How many of them were repeats, and so not stored again. */
  readonly replayed: number
}

/** What became of a subject's personal data. */
export interface Erasure {
  /** Unix ms; of the last one that found something, when this one found nothing. Undefined when there never was anything. */
  readonly erasedAt: number | undefined
  /** False when there was nothing to destroy: never, or no more. */
  readonly isNew: boolean
}

/** A record of the store. */
export interface StoredName {
  readonly kind: string
  readonly key: string
}

/** What a channel still keeps. */
export interface Bounds {
  /** The newest entry ever given; `{time, sequence: 0}` on a channel that never had one (`time` = now). */
  readonly newest: Position
  /** The oldest entry kept, or undefined when none is. */
  readonly oldest: Position | undefined
  /** The newest entry that retention or erasure removed, or undefined when nothing was. */
  readonly removed: Position | undefined
}

/** Blocks after the asked sequence, in order. Empty means: nothing after it when the read began. */
export interface Page {
  readonly blocks: readonly Block[]
  /** True when the page reaches the newest entry of the moment it was read. */
  readonly reachedHead: boolean
}

/** Why a log or a part of it cannot be trusted. */
export interface Fault {
  readonly code: 'storage_full' | 'storage_fault' | 'damaged' | 'unreachable' | 'behind'
  readonly channel?: Channel
  /** First and last sequence that cannot be read, for damage. */
  readonly from?: number
  readonly to?: number
  readonly detail: string
}

export interface Health {
  /** False when appends are refused. */
  readonly writable: boolean
  readonly faults: readonly Fault[]
}

/**
 * What a channel keeps, in one total order.
 *
 *     removed  oldest             newest
 *        ▼       ▼                  ▼
 *   ×  × ×   [ 4 ][ 5 ] · · · · · [ 9 ]  ◄── append        × removed by retention or erasure
 *
 * P1  Durable. `append` resolves only when the entries would survive the death of the process and a power cut.
 * P2  Ordered. Within a channel sequences strictly increase in append order, whoever appended, across restarts; none
 *     is given twice. A position's time never runs backwards within a channel, even if the clock does. Sequences of one
 *     channel need not be neighbours.
 * P3  Read your writes. `read` sees every entry that this process acknowledged before the call, and after `catchUp`
 *     every entry that any process did.
 * P4  Followed. `follow` delivers every entry exactly once per process, in log order, whoever appended, and before an
 *     `append` of this process resolves.
 * P5  Idempotent. An idempotency key within its window is stored once and answers with the first positions, also
 *     after a crash between storing and answering.
 * P6  Bounded and honest. `erase` and `retain` remove entries; `bounds` says what is left.
 * P7  Never silently wrong. Each stored block carries a CRC-32C, checked on read. Damage is named, the rest stays
 *     readable. A storage error refuses acknowledgements rather than guess.
 */
export interface Log {
  /**
   * Stores the events of one channel together, or none of them.
   * @throws SwitchboardError `idempotency_key_reused`, `storage_full`, `storage_fault`, `unavailable` (closing).
   */
  append(channel: Channel, events: readonly NewEvent[], request?: Idempotency): Promise<Appended>

  /**
   * Resolves when this process knows everything that any process of the deployment acknowledged before the call. At once
   * where there is only one process.
   * @throws SwitchboardError `unavailable` when that cannot be found out now.
   */
  catchUp(): Promise<void>

  /**
   * Entries after `after` (0 = from the oldest kept), about `bytesMax` of frames, at least one block if there is one.
   * A damaged block is left out and reported by `health`; the page tells of it in `blocks` as a `Block` with `damaged`.
   */
  read(channel: Channel, after: number, bytesMax: number): Promise<Page>

  bounds(channel: Channel): Promise<Bounds>

  /** The position of a kept entry, or undefined when the sequence was never given or is no longer kept. */
  positionOf(channel: Channel, sequence: number): Promise<Position | undefined>

  /** The sequence of the last entry before `time` (0 = none): reading after it gives all from that instant on, inclusive. */
  sequenceBefore(channel: Channel, time: number): Promise<number>

  /** Calls `listener` with every newly durable block. It runs in the append's turn and must not throw or wait. */
  follow(listener: (channel: Channel, block: Block) => void): () => void

  /** Removes everything of a channel; its sequences go on from where they were. */
  erase(channel: Channel): Promise<void>

  /**
   * Destroys the keys that a subject's personal data is sealed with: its entries keep their positions and are read masked
   * and with `erased: true`, its records of state are masked. What comes later is sealed with new keys.
   * @param unless Not when the store has a record of this name: asked in the erasure's own turn.
   * @throws SwitchboardError `legal_hold` when it has; `unavailable` where personal data is kept in clear text.
   */
  eraseData(workspace: string, subject: Subject, unless?: StoredName): Promise<Erasure>

  /** Calls `listener` when a subject was erased, before `eraseData` resolves: what is in memory of it must go. */
  onErased(listener: (workspace: string, subject: Subject) => void): () => void

  /** Removes entries older than `before` (unix ms) in every channel, in small steps. Answers how many went. */
  retain(before: number): Promise<number>

  /** A projected record: see `Projection`. */
  record(workspace: string, projection: string, key: string): Promise<ProjectedRecord | undefined>

  /** Records of a projection in key order, after `afterKey`, with the workspace channel's newest position of that moment. */
  records(
    workspace: string,
    projection: string,
    options?: { afterKey?: string; limit?: number },
  ): Promise<ProjectedRecords>

  health(): Health

  /**
   * Reads every block and every record and checks them. Resolves with what is damaged, empty when nothing is.
   * @param rest Waited for before each page, of which the least of channels has one; what it throws ends the reading.
   *   Default: whatever else is to be done. A worker has its parent read, which does not wait for it.
   */
  verify(rest?: () => Promise<void>): Promise<readonly Fault[]>

  /** Waits for appends under way, then closes. Later appends fail with `unavailable`. */
  close(): Promise<void>
}

/**
 * A fold kept by the log in the same transaction as the append, so that it never lags behind what was acknowledged:
 * calls, operators, surfaces and data sources by their ids. Pure: it sees entries of both kinds of channel.
 */
export interface Projection {
  readonly name: string
  /** The record an entry changes, or undefined when it changes none. */
  key(channel: Channel, type: string, event: JsonObject): string | undefined
  /** The record after the entry; the same object when nothing changes (then nothing is written). */
  fold(previous: JsonObject | undefined, entry: ProjectedEntry): JsonObject
  /** True when a record says nothing about the present any more and retention may drop it. */
  expired(record: JsonObject, before: number): boolean
  /** Left out: its records hold no personal data. */
  readonly personal?: PersonalRecords
}

/** Records that hold personal data, and so are sealed where they are kept. */
export interface PersonalRecords {
  /** Whose: the call's or the surface's that is the record's key, or the workspace's. */
  readonly subject: Subject['kind']
  /** The record without its personal data. */
  mask(record: JsonObject): JsonObject
}

export interface ProjectedEntry {
  readonly channel: Channel
  readonly position: Position
  readonly type: string
  readonly event: JsonObject
}

export interface ProjectedRecord {
  readonly key: string
  readonly record: JsonObject
}

export interface ProjectedRecords {
  readonly items: readonly ProjectedRecord[]
  /** The workspace channel's newest position at the same instant. */
  readonly position: Position
  readonly hasMore: boolean
}

/** Small durable records beside the log: workspaces, keys, secrets. Any process of the deployment may change them. */
export interface Store {
  all(kind: string): Promise<readonly StoreRecord[]>
  /**
   * Durable when resolved. False when the condition does not hold: then nothing was put, and the watchers have been told
   * what the key has instead.
   */
  put(kind: string, key: string, value: JsonObject, condition?: PutCondition): Promise<boolean>
  /** False when there was nothing. */
  delete(kind: string, key: string): Promise<boolean>
  /**
   * Resolves when `all` and the watchers know every change that any process made durable before the call.
   * @throws SwitchboardError `unavailable` when that cannot be found out now.
   */
  refresh(): Promise<void>
  /**
   * Tells of every change in order, those of this process included, and of those before they resolve. Of changes of one
   * key that follow each other closely the last may stand for all.
   */
  watch(listener: (change: StoreChange) => void): () => void
}

/** When a record is put. Default: whatever the key has. */
export interface PutCondition {
  /** Only when the key has nothing. */
  readonly ifAbsent?: boolean
  /**
   * Only when the key has this value: as `all` or a watcher gave it, member by member in the same order. Who reads,
   * decides and puts with it does not undo what another process has put meanwhile.
   */
  readonly replaces?: JsonObject
}

export interface StoreRecord {
  readonly key: string
  readonly value: JsonObject
}

export interface StoreChange {
  readonly kind: string
  readonly key: string
  /** Undefined when deleted. */
  readonly value: JsonObject | undefined
}

/** One storage engine: the log, and the store and the ledger beside it, over the same disk or cluster. */
export interface Engine {
  readonly log: Log
  readonly store: Store
  readonly ledger: Ledger
  close(): Promise<void>
}
