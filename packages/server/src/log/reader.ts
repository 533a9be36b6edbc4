import { setImmediate } from 'node:timers/promises'
import type { Position } from '@switchboard/contract'
import { Block, channelKind } from './block.js'
import { decodeBlock, previousOf, trimBlock } from './codec.js'
import type { Environment, Row } from './environment.js'
import type { Faults } from './faults.js'
import { type Heads, isBlockOf } from './heads.js'
import { expiryOf } from './idempotency.js'
import {
  channelKey,
  endOfChannel,
  NUMBER_BYTES,
  numbered,
  numberOf,
  parseChannelKey,
  parseParts,
  type TableName,
} from './keys.js'
import type { Channel, Page } from './log.js'
import { unseal } from './seal.js'
import type { Vault } from './vault.js'

/** What verification reads at a time: less than a millisecond's work. */
const VERIFY_PAGE_BYTES = 128 * 1024
const VERIFY_PAGE_ROWS = 500

/** Tables whose values are one sealed record each. */
const RECORD_TABLES: readonly TableName[] = ['meta', 'heads', 'idempotency', 'projections', 'store', 'vault']

const FIRST_KEY = Buffer.from([0])
const LAST_KEY = Buffer.alloc(8, 255)

type OnPage = (channel: Channel, blocks: readonly Block[]) => void

/**
 * Reads entries back. Each block names the entry before it, and the head names the newest, so that whatever is missing
 * in between is known to be lost, be it that a checksum failed or that a block cannot be found at all (P7).
 */
export class Reader {
  constructor(
    private readonly environment: Environment,
    private readonly heads: Heads,
    private readonly faults: Faults,
    private readonly vault: Vault | undefined,
  ) {}

  read(channel: Channel, after: number, bytesMax: number): Page {
    const key = channelKey(channel)
    const head = this.heads.read(channel, key)
    const { oldest, newest } = head
    if (oldest === undefined || after >= newest.sequence) return { blocks: [], reachedHead: true }
    const blocks: Block[] = []
    // Up to here everything is handed out, or was removed.
    let reached = Math.max(after, oldest.sequence - 1)
    // Where the damaged blocks begin that the next sound one, or the head, will tell the end of.
    let lostFrom: number | undefined
    const reveal = this.vault?.reveal(channel.workspace)
    const lose = (to: number) => {
      this.faults.lost(channel, Math.min(reached + 1, lostFrom ?? reached + 1), to)
      blocks.push(lostBlock(channel, reached + 1, to))
      lostFrom = undefined
    }
    try {
      let bytes = 0
      for (const row of this.rowsFrom(key, reached + 1)) {
        const block = isBlockOf(key, row.key) ? decodeBlock(row.key, row.value, reveal) : undefined
        if (block === undefined) {
          if (isBlockOf(key, row.key)) lostFrom ??= Math.max(numberOf(row.key), oldest.sequence)
          continue
        }
        if (block.last <= reached) continue
        const previous = previousOf(row.value)
        if (previous > reached) lose(previous)
        const part = trimBlock(block, reached)
        blocks.push(part)
        reached = part.last
        bytes += part.bytes.length
        if (bytes >= bytesMax) break
      }
      if (bytes >= bytesMax || reached >= newest.sequence) return { blocks, reachedHead: reached >= newest.sequence }
    } catch {
      // LMDB itself could not go on: what it has not given is lost to readers. The environment has told of it.
    }
    if (reached < newest.sequence) lose(newest.sequence)
    return { blocks, reachedHead: true }
  }

  positionOf(channel: Channel, sequence: number): Position | undefined {
    const key = channelKey(channel)
    const { oldest, newest } = this.heads.read(channel, key)
    if (oldest === undefined || sequence < oldest.sequence || sequence > newest.sequence) return undefined
    const block = this.blockAt(key, sequence)
    const index = block?.indexAfter(sequence - 1) ?? 0
    if (block?.sequences[index] === sequence) return block.position(index)
    // Nobody may have read there since the start. Then this names the damage: who resumes at a position that was given is
    // not to be told that it never was.
    this.read(channel, sequence - 1, 1)
    return undefined
  }

  /** The last entry before an instant. Times never run backwards, so halving the sequences finds it, holes or not. */
  sequenceBefore(channel: Channel, time: number): number {
    const key = channelKey(channel)
    const { oldest, newest, removed } = this.heads.read(channel, key)
    const beforeAll = removed && removed.time < time ? removed.sequence : 0
    if (oldest === undefined || oldest.time >= time) return beforeAll
    if (newest.time < time) return newest.sequence
    // Of an oldest entry that cannot be read, the head's time is a guess (removal.ts).
    let before = this.blockAt(key, oldest.sequence) ? oldest.sequence : beforeAll
    let searched = oldest.sequence
    let notBefore = newest.sequence
    while (notBefore - searched > 1) {
      const middle = searched + Math.floor((notBefore - searched) / 2)
      const block = this.blockAt(key, middle)
      const index = (block?.indexAfter(middle) ?? 0) - 1
      // An entry that cannot be read has no time: it counts as one to be read again, which shows its loss.
      if (block && index >= 0 && (block.times[index] as number) < time) {
        before = block.sequences[index] as number
        searched = middle
      } else {
        notBefore = middle
      }
    }
    return before
  }

  /** Checks the last block of the channels that keep something, newest first, for as long as `msMax` allows. */
  checkTails(now: () => number, msMax: number): void {
    const until = now() + msMax
    for (const row of this.youngestFirst()) {
      if (now() > until) return
      const channel = parseChannelKey(row, NUMBER_BYTES)
      if (channel === undefined) {
        this.faults.damaged('the index of channels by age')
        continue
      }
      if (!this.heads.isReadable(channel, channelKey(channel))) continue
      const { newest } = this.heads.read(channel, channelKey(channel))
      this.read(channel, newest.sequence - 1, 1)
    }
  }

  /**
   * Reads everything, a page at a time, and of each channel by itself. Damage goes to the faults.
   * @param rest Waited for before each page. Default: whatever else is to be done.
   * @param onPage Told of what is read of a channel; of one that keeps nothing, once, with no blocks.
   */
  async verify(
    isClosing: () => boolean,
    rest: () => Promise<void> = setImmediate,
    onPage: OnPage = () => {},
  ): Promise<void> {
    for (const table of RECORD_TABLES) {
      let start: Buffer | undefined = FIRST_KEY
      while (start) {
        await rest()
        if (isClosing()) return
        const rows = this.page(table, start)
        for (const { key, value } of rows) {
          if (isClosing()) return
          if (unseal(key, value) === undefined) this.damagedRecord(table, key)
          else if (table === 'idempotency') this.verifyExpiry(key, value)
          if (table === 'heads') await this.verifyChannel(key, isClosing, rest, onPage)
        }
        const last: Row | undefined = rows[VERIFY_PAGE_ROWS - 1]
        start = last && Buffer.concat([last.key, FIRST_KEY])
      }
    }
  }

  private *youngestFirst(): Generator<Buffer> {
    try {
      yield* this.environment.keys('aging', { start: LAST_KEY, end: FIRST_KEY, reverse: true })
    } catch {
      // The environment has told of it.
    }
  }

  private page(table: TableName, start: Buffer): Row[] {
    try {
      return [...this.environment.range(table, { start, end: LAST_KEY, limit: VERIFY_PAGE_ROWS })]
    } catch {
      return []
    }
  }

  private async verifyChannel(
    key: Buffer,
    isClosing: () => boolean,
    rest: () => Promise<void>,
    onPage: OnPage,
  ): Promise<void> {
    const channel = parseChannelKey(key)
    if (channel === undefined || !this.heads.isReadable(channel, key)) return
    for (let after = 0, more = true; more; ) {
      await rest()
      if (isClosing()) return
      const { blocks, reachedHead } = this.read(channel, after, VERIFY_PAGE_BYTES)
      onPage(channel, blocks)
      after = blocks[blocks.length - 1]?.last ?? after
      more = !reachedHead
    }
  }

  /** A key that nothing will ever forget stands for what its row in the index was. */
  private verifyExpiry(key: Buffer, value: Buffer): void {
    const expiry = expiryOf(key, value)
    if (expiry && this.environment.get('expiry', expiry) === undefined) {
      this.faults.damaged('the index of idempotency keys by time', parseChannelKey(key))
    }
  }

  /** In the words of those who meet it when they need it, so that it is one fault and not two. */
  private damagedRecord(table: TableName, key: Buffer): void {
    const channel = table === 'heads' || table === 'idempotency' ? parseChannelKey(key) : undefined
    const [first, second] = parseParts(key, 2) ?? parseParts(key, 1) ?? []
    if (table === 'idempotency') this.faults.damaged('the record of an idempotency key', channel)
    else if (table === 'store') this.faults.damaged(`a record of the kind ${first}`)
    else if (table === 'projections' && first !== undefined) {
      this.faults.damaged(`a record of the projection ${second}`, { workspace: first })
    } else if (table !== 'heads' || channel === undefined) this.faults.damaged(`a record of the table ${table}`)
  }

  private *rowsFrom(key: Buffer, sequence: number): Generator<Row> {
    const [floor] = this.environment.keys('blocks', {
      start: numbered(key, sequence),
      end: key,
      reverse: true,
      limit: 1,
    })
    const start = floor && isBlockOf(key, floor) ? floor : numbered(key, sequence)
    yield* this.environment.range('blocks', { start, end: endOfChannel(key) })
  }

  private blockAt(key: Buffer, sequence: number): Block | undefined {
    const [row] = this.environment.range('blocks', {
      start: numbered(key, sequence),
      end: key,
      reverse: true,
      limit: 1,
    })
    return row && isBlockOf(key, row.key) ? decodeBlock(row.key, row.value) : undefined
  }
}

function lostBlock(channel: Channel, from: number, to: number): Block {
  return new Block(channelKind(channel), [], [], [], [], Buffer.alloc(0), undefined, { from, to })
}
