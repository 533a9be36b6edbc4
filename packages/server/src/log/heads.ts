import { SwitchboardError } from '@switchboard/contract'
import { decodeBlock, previousOf } from './codec.js'
import type { Draft } from './draft.js'
import type { Environment, Row } from './environment.js'
import type { Faults } from './faults.js'
import { decodeHead, EMPTY_HEAD, encodeHead, type Head } from './head.js'
import { endOfChannel, NUMBER_BYTES, numbered, numberOf, timed } from './keys.js'
import type { Channel } from './log.js'
import { seal, unseal } from './seal.js'

/** The value of index rows, which say everything in their keys. */
export const PRESENT = Buffer.from([1])

/** Reads and writes what is known of a channel as a whole. */
export class Heads {
  constructor(
    private readonly environment: Environment,
    private readonly faults: Faults,
  ) {}

  /**
   * The channel's head, made anew from its blocks when it is damaged.
   * @throws SwitchboardError `storage_fault` when it is damaged and nothing is left to make it from.
   */
  read(channel: Channel, key: Buffer, from: Pick<Draft, 'get'> = this.environment): Head {
    const value = from.get('heads', key)
    const payload = value && unseal(key, value)
    if (payload) return decodeHead(payload)
    // A head that is missing while blocks are there is damage as well: starting over would give sequences twice.
    const last = this.lastRow(key)
    if (value === undefined && last === undefined) return EMPTY_HEAD
    this.faults.damaged('the head of a channel', channel)
    const head = last && this.fromBlocks(key, last)
    if (head === undefined) {
      throw new SwitchboardError('storage_fault', 'this channel is damaged: where it ended is not known any more')
    }
    return head
  }

  /** False when a head is lost and nothing is left to make it from, which the faults then say. */
  isReadable(channel: Channel, key: Buffer): boolean {
    try {
      this.read(channel, key)
      return true
    } catch {
      return false
    }
  }

  /** Plans the new head, with its row in the index by age. */
  write(draft: Draft, key: Buffer, before: Head, after: Head): void {
    draft.put('heads', key, seal(key, encodeHead(after)))
    if (before.oldest?.time === after.oldest?.time) return
    if (before.oldest) draft.remove('aging', timed(before.oldest.time, key))
    if (after.oldest) draft.put('aging', timed(after.oldest.time, key), PRESENT)
  }

  /** The channel's last stored block. */
  private lastRow(key: Buffer): Row | undefined {
    const [row] = this.environment.range('blocks', { start: endOfChannel(key), end: key, reverse: true, limit: 1 })
    return row
  }

  private fromBlocks(key: Buffer, last: Row): Head | undefined {
    const newest = decodeBlock(last.key, last.value)
    if (newest === undefined) return undefined
    const [first] = this.environment.range('blocks', { start: numbered(key, 0), end: endOfChannel(key), limit: 1 })
    const oldest = first && decodeBlock(first.key, first.value)
    const sequence = first ? numberOf(first.key) : newest.first
    const time = oldest?.times[0] ?? 0
    const removed = first && oldest ? previousOf(first.value) : sequence - 1
    return {
      newest: newest.position(newest.count - 1),
      oldest: { time, sequence },
      removed: removed > 0 ? { time, sequence: removed } : undefined,
    }
  }
}

/** True when a key of the table `blocks` belongs to the channel. */
export function isBlockOf(channel: Buffer, key: Buffer): boolean {
  return (
    key.length === channel.length + NUMBER_BYTES && key.compare(channel, 0, channel.length, 0, channel.length) === 0
  )
}
