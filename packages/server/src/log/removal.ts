import type { Position, SwitchboardError } from '@switchboard/contract'
import { decodeBlock, encodeRest, previousOf } from './codec.js'
import type { Operation } from './commits.js'
import type { Draft } from './draft.js'
import type { Environment, Row } from './environment.js'
import type { Faults } from './faults.js'
import type { Group } from './group.js'
import type { Head } from './head.js'
import { type Heads, isBlockOf } from './heads.js'
import {
  channelKey,
  endOf,
  endOfChannel,
  NUMBER_BYTES,
  numbered,
  numberOf,
  parseChannelKey,
  parseParts,
  projectionKey,
  timed,
  timeOf,
} from './keys.js'
import type { Channel, Projection } from './log.js'
import type { Records } from './records.js'
import type { Subject } from './subject.js'
import type { Vault } from './vault.js'

/** Blocks, or other rows, that one step removes: a few milliseconds of planning, one flush. */
export const REMOVAL_STEP = 256

/** What may go: an entry of that sequence and time, and all before it. */
type Rule = (sequence: number, time: number) => boolean

/** A step at a time, between the appends of others; each step is durable and truthful by itself (P6). */
export class Removal {
  constructor(
    private readonly environment: Environment,
    private readonly heads: Heads,
    private readonly records: Records,
    private readonly faults: Faults,
    private readonly vault: Vault | undefined,
    private readonly push: (operation: Operation) => void,
  ) {}

  /** Entries older than `before`, everywhere, and the records that say nothing any more. Answers how many entries went. */
  async retain(before: number): Promise<number> {
    let removed = 0
    let from: Buffer | undefined = timed(0, Buffer.alloc(0))
    while (from) {
      const step: StepAnswer = await this.step(({ draft }) => this.retainStep(draft, from as Buffer, before))
      removed += step.removed
      from = step.next
    }
    from = Buffer.from([0])
    while (from) {
      const step: StepAnswer = await this.step(({ draft }) => this.expireStep(draft, from as Buffer, before))
      from = step.next
    }
    from = this.vault && Buffer.from([0])
    while (from) {
      const step: StepAnswer = await this.step(({ draft }) => this.forgetStep(draft, from as Buffer, before))
      from = step.next
    }
    return removed
  }

  /** All entries a channel has now, and its idempotency keys; with a workspace's, its projected records. */
  async erase(channel: Channel): Promise<void> {
    const key = channelKey(channel)
    const { newest } = this.heads.read(channel, key)
    const isOld: Rule = (sequence) => sequence <= newest.sequence
    for (let isDone = false; !isDone; ) {
      await this.step(({ draft }) => {
        const { removed } = this.removeBlocks(draft, channel, key, isOld, REMOVAL_STEP)
        isDone = removed === 0
        return { removed, next: undefined }
      })
    }
    const prefixes: ['idempotency' | 'projections', Buffer][] = [
      ['idempotency', Buffer.concat([key, Buffer.from('e')])],
      ['idempotency', Buffer.concat([key, Buffer.from('r')])],
    ]
    if (channel.call === undefined) {
      for (const { name } of this.records.projections) {
        prefixes.push(['projections', projectionKey(channel.workspace, name, '')])
      }
    }
    for (const [table, prefix] of prefixes) await this.removeAll(table, prefix)
  }

  private async removeAll(table: 'idempotency' | 'projections', prefix: Buffer): Promise<void> {
    for (let isDone = false; !isDone; ) {
      await this.step(({ draft }) => {
        const keys = [...this.environment.keys(table, { start: prefix, end: endOf(prefix), limit: REMOVAL_STEP })]
        for (const key of keys) draft.remove(table, key)
        isDone = keys.length < REMOVAL_STEP
        return { removed: keys.length, next: undefined }
      })
    }
  }

  private retainStep(draft: Draft, from: Buffer, before: number): StepAnswer {
    const isOld: Rule = (_, time) => time < before
    let removed = 0
    let blocks = 0
    let channels = 0
    for (const row of this.environment.keys('aging', { start: from, end: timed(before, Buffer.alloc(0)) })) {
      if (blocks >= REMOVAL_STEP || channels++ >= REMOVAL_STEP) return { removed, next: row }
      const channel = parseChannelKey(row, NUMBER_BYTES)
      if (channel === undefined) {
        this.faults.damaged('the index of channels by age')
        draft.remove('aging', row)
        continue
      }
      if (!this.heads.isReadable(channel, row.subarray(NUMBER_BYTES))) continue
      const { oldest } = this.heads.read(channel, row.subarray(NUMBER_BYTES))
      // A row that its head knows nothing of is left from damage.
      if (oldest?.time !== timeOf(row)) draft.remove('aging', row)
      const step = this.removeBlocks(draft, channel, row.subarray(NUMBER_BYTES), isOld, REMOVAL_STEP - blocks)
      removed += step.removed
      blocks += step.blocks
      if (step.hasMore) return { removed, next: from }
    }
    return { removed, next: undefined }
  }

  private expireStep(draft: Draft, from: Buffer, before: number): StepAnswer {
    const projections = new Map<string, Projection>(this.records.projections.map((each) => [each.name, each]))
    const rows = [
      ...this.environment.range('projections', { start: from, end: Buffer.alloc(8, 255), limit: REMOVAL_STEP }),
    ]
    for (const { key, value } of rows) {
      const [, name] = parseParts(key, 2) ?? []
      const projection = name === undefined ? undefined : projections.get(name)
      const record = projection && this.records.open(key, value)
      if (record && projection.expired(record, before)) draft.remove('projections', key)
    }
    const last = rows[REMOVAL_STEP - 1]
    return { removed: 0, next: last && Buffer.concat([last.key, Buffer.from([0])]) }
  }

  /** Keys that seal nothing any more. */
  private forgetStep(draft: Draft, from: Buffer, before: number): StepAnswer {
    const hasRecord = (workspace: string, subject: Subject) => this.records.masked(workspace, subject).length > 0
    return { removed: 0, next: this.vault?.sweep(draft, from, before, REMOVAL_STEP, hasRecord) }
  }

  /**
   * Removes the oldest entries of a channel. A block at whose edge some may go and some not is cut: what is removed does not
   * depend on how entries were grouped, which differs from one copy of a stream to another.
   */
  private removeBlocks(
    draft: Draft,
    channel: Channel,
    key: Buffer,
    mayGo: Rule,
    blocksMax: number,
  ): { removed: number; blocks: number; hasMore: boolean } {
    const head = this.heads.read(channel, key)
    const { oldest, newest } = head
    if (oldest === undefined) return { removed: 0, blocks: 0, hasMore: false }
    const rows = [
      ...this.environment.range('blocks', {
        start: numbered(key, 0),
        end: endOfChannel(key),
        limit: blocksMax + 1,
      }),
    ]
    let count = 0
    let removed = 0
    let gone = head.removed
    /** What is left of the block at the edge. */
    let left: Row | undefined
    for (; count < blocksMax && count < rows.length; count++) {
      const last = this.lastOf(key, rows, count, head)
      if (!mayGo(last.position.sequence, last.position.time)) {
        const edge = this.edgeOf(key, rows[count] as Row, mayGo)
        if (edge === undefined) break
        removed += edge.count
        gone = edge.gone
        left = encodeRest(key, rows[count] as Row, gone.sequence, this.vault?.reveal(channel.workspace))
        draft.remove('blocks', (rows[count] as Row).key)
        draft.put('blocks', left.key, left.value)
        break
      }
      draft.remove('blocks', (rows[count] as Row).key)
      removed += last.count
      gone = last.position
    }
    const hasMore = count === blocksMax && rows.length > blocksMax
    if (rows.length === 0 && mayGo(newest.sequence, newest.time)) gone = newest
    if (gone === undefined || gone === head.removed) return { removed: 0, blocks: 0, hasMore: false }
    const next = left ?? rows[count]
    const after: Head = {
      newest,
      oldest: next && gone.sequence < newest.sequence ? this.firstOf(next, gone) : undefined,
      removed: gone,
    }
    this.heads.write(draft, key, head, after)
    this.faults.removed(channel, gone.sequence)
    return { removed, blocks: count, hasMore }
  }

  /** How many of a block's first entries may go, when some may and some not, and the last of them. */
  private edgeOf(key: Buffer, row: Row, mayGo: Rule): { readonly count: number; readonly gone: Position } | undefined {
    const block = isBlockOf(key, row.key) ? decodeBlock(row.key, row.value) : undefined
    if (block === undefined) return undefined
    let count = 0
    while (count < block.count && mayGo(block.sequences[count] as number, block.times[count] as number)) count++
    return count === 0 ? undefined : { count, gone: block.position(count - 1) }
  }

  /**
   * The last entry of a stored block, and how many it has. A damaged one ends before the next, is as young as that, and
   * has at most as many as there are sequences.
   */
  private lastOf(key: Buffer, rows: readonly Row[], index: number, head: Head): { position: Position; count: number } {
    const row = rows[index] as Row
    const block = isBlockOf(key, row.key) ? decodeBlock(row.key, row.value) : undefined
    if (block) return { position: block.position(block.count - 1), count: block.count }
    const next = rows[index + 1]
    const following = next && decodeBlock(next.key, next.value)
    const position = next
      ? {
          sequence: following ? previousOf(next.value) : numberOf(next.key) - 1,
          // Several may be damaged one behind another: what comes behind them all says how old they are at most.
          time: beginningOf(rows.slice(index + 1)) ?? head.newest.time,
        }
      : head.newest
    return { position, count: position.sequence - numberOf(row.key) + 1 }
  }

  private firstOf(row: Row, gone: { time: number }) {
    return { sequence: numberOf(row.key), time: decodeBlock(row.key, row.value)?.times[0] ?? gone.time }
  }

  private step(plan: (group: Group) => StepAnswer): Promise<StepAnswer> {
    return new Promise((resolve, reject) => {
      let answer: StepAnswer = { removed: 0, next: undefined }
      this.push({
        entries: 0,
        chars: 0,
        alone: true,
        whenFull: true,
        prepare(group) {
          answer = plan(group)
        },
        done: () => resolve(answer),
        failed: (error: SwitchboardError) => reject(error),
      })
    })
  }
}

interface StepAnswer {
  readonly removed: number
  /** Where the next step begins, or undefined after the last. */
  readonly next: Buffer | undefined
}

/** When the first of these blocks that can be read begins. */
function beginningOf(rows: readonly Row[]): number | undefined {
  for (const { key, value } of rows) {
    const block = decodeBlock(key, value)
    if (block) return block.times[0]
  }
  return undefined
}
