import assert from 'node:assert/strict'
import type { JsonObject, Position } from '@switchboard/contract'
import { decodeBlock } from '../../src/log/codec.js'
import type { Write } from '../../src/log/environment.js'
import { decodeHead } from '../../src/log/head.js'
import { channelKey, NUMBER_BYTES, parseChannelKey, timed } from '../../src/log/keys.js'
import type { Channel } from '../../src/log/log.js'
import { unseal } from '../../src/log/seal.js'
import type { SimulatedDisk } from './disk.js'
import { maskedFrame, nameOf } from './events.js'

/** An entry that has become durable. */
export interface TrueEntry {
  readonly position: Position
  readonly type: string
  readonly event: JsonObject
  readonly frame: Buffer
  readonly name: string
  /** False once retention or an erasure has removed it. */
  isKept: boolean
  /** True once its block on the disk is not what was stored. */
  isDamaged: boolean
  masked: Buffer | undefined
}

/** What the disk has been given of a channel, told from the rows that became durable and from nothing else. */
export class TrueChannel {
  /** In log order, the removed ones included. */
  readonly given: TrueEntry[] = []
  /** Sequences of each stored block, by its key. */
  readonly blocks = new Map<string, readonly number[]>()
  /** Removal may go this far, in ms and in sequences. */
  mayRemoveBefore = 0
  mayRemoveThrough = 0
  /** True once anything of it was damaged: when such a block was written, and where it ends, can then only be guessed. */
  isDamaged = false
  readonly #bySequence = new Map<number, TrueEntry>()

  constructor(readonly channel: Channel) {}

  get newest(): Position | undefined {
    return this.given[this.given.length - 1]?.position
  }

  get newestSequence(): number {
    return this.newest?.sequence ?? 0
  }

  get oldestKept(): Position | undefined {
    return this.given.find(({ isKept }) => isKept)?.position
  }

  get removed(): Position | undefined {
    return this.given.findLast(({ isKept }) => !isKept)?.position
  }

  at(sequence: number): TrueEntry | undefined {
    return this.#bySequence.get(sequence)
  }

  add(entry: TrueEntry): void {
    const { newest } = this
    const { time, sequence } = entry.position
    assert(newest === undefined || sequence > newest.sequence, `P2: ${sequence} was given after ${newest?.sequence}`)
    assert(newest === undefined || time >= newest.time, `P2: time ran back from ${newest?.time} to ${time}`)
    this.given.push(entry)
    this.#bySequence.set(sequence, entry)
  }

  /** Entries after a sequence, up to another, inclusive. */
  between(after: number, through: number): TrueEntry[] {
    let low = 0
    let high = this.given.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.given[middle] as TrueEntry).position.sequence <= after) low = middle + 1
      else high = middle
    }
    const found: TrueEntry[] = []
    for (let index = low; index < this.given.length; index++) {
      const entry = this.given[index] as TrueEntry
      if (entry.position.sequence > through) break
      found.push(entry)
    }
    return found
  }

  maskedOf(entry: TrueEntry): Buffer {
    entry.masked ??= maskedFrame(this.channel, entry)
    return entry.masked
  }
}

/** Told of the entries of one channel that one commit made durable. */
export type OnGiven = (channel: TrueChannel, entries: readonly TrueEntry[], asked: number) => void

/**
 * What has become durable, and what was removed: the measure for everything that publishers and subscribers are told.
 * It reads rows as they land, and checks that what the disk then holds agrees with itself (P2, P6).
 */
export class Truth {
  readonly #channels = new Map<string, TrueChannel>()
  readonly #onGiven: OnGiven

  constructor(channels: readonly Channel[], onGiven: OnGiven) {
    for (const channel of channels) this.#channels.set(nameOfKey(channelKey(channel)), new TrueChannel(channel))
    this.#onGiven = onGiven
  }

  get channels(): Iterable<TrueChannel> {
    return this.#channels.values()
  }

  of(channel: Channel): TrueChannel {
    return this.#channels.get(nameOfKey(channelKey(channel))) as TrueChannel
  }

  /** A stored block is damaged. */
  damaged(key: Buffer): void {
    const channel = this.#channels.get(nameOfKey(key.subarray(0, key.length - NUMBER_BYTES)))
    assert(channel)
    channel.isDamaged = true
    for (const sequence of channel.blocks.get(nameOfKey(key)) ?? []) {
      const entry = channel.at(sequence)
      if (entry) entry.isDamaged = true
    }
  }

  landed(disk: SimulatedDisk, writes: readonly Write[], asked: number): void {
    const changed = new Map<TrueChannel, TrueEntry[]>()
    for (const write of writes) {
      if (write.table !== 'blocks') continue
      const key = write.key.subarray(0, write.key.length - NUMBER_BYTES)
      const channel = this.#channels.get(nameOfKey(key))
      assert(channel, `A block of no channel: ${JSON.stringify(parseChannelKey(key))}`)
      const given = changed.get(channel) ?? []
      changed.set(channel, given)
      if (write.value === undefined) channel.blocks.delete(nameOfKey(write.key))
      else given.push(...this.#takeBlock(channel, write.key, write.value))
    }
    for (const [channel, given] of changed) {
      checkRemoved(channel)
      if (!channel.isDamaged) checkHead(disk, channel)
      if (given.length > 0) this.#onGiven(channel, given, asked)
    }
    const isAnyDamaged = [...this.channels].some(({ isDamaged }) => isDamaged)
    if (changed.size > 0 && !isAnyDamaged) this.#checkAging(disk)
  }

  /** Answers what of it is new. */
  #takeBlock(channel: TrueChannel, key: Buffer, value: Buffer): TrueEntry[] {
    const block = decodeBlock(key, value)
    assert(block, 'P7: a block was stored that cannot be read')
    channel.blocks.set(nameOfKey(key), block.sequences)
    const given: TrueEntry[] = []
    for (const { position, type, event, frame } of block.entries()) {
      const known = channel.at(position.sequence)
      if (known) {
        assert(known.isKept, `P6: the removed entry ${position.sequence} has come back`)
        assert(known.frame.equals(frame), `P7: the entry ${position.sequence} was altered by a removal`)
        continue
      }
      const entry = {
        position,
        type,
        event,
        frame,
        name: nameOf(event),
        isKept: true,
        isDamaged: false,
        masked: undefined,
      }
      channel.add(entry)
      given.push(entry)
    }
    return given
  }

  /** The index by age has one row for each channel that keeps something, at the time of its oldest entry. */
  #checkAging(disk: SimulatedDisk): void {
    const expected: Buffer[] = []
    for (const { channel, oldestKept } of this.#channels.values()) {
      if (oldestKept) expected.push(timed(oldestKept.time, channelKey(channel)))
    }
    const names = (keys: readonly Buffer[]) => keys.map(nameOfKey).sort()
    assert.deepEqual(
      names(disk.rows('aging').map(({ key }) => key)),
      names(expected),
      'P6: the index of channels by age tells of other times than the entries',
    )
  }
}

function checkRemoved(channel: TrueChannel): void {
  const kept = new Set([...channel.blocks.values()].flat())
  let isAnyKept = false
  for (const entry of channel.given) {
    const { sequence, time } = entry.position
    const wasKept = entry.isKept
    entry.isKept = kept.has(sequence)
    assert(!isAnyKept || entry.isKept, `P6: ${sequence} was removed, and one before it was not`)
    isAnyKept ||= entry.isKept
    if (!wasKept || entry.isKept) continue
    assert(
      time < channel.mayRemoveBefore || sequence <= channel.mayRemoveThrough,
      `P6: ${sequence} was removed, and nobody asked for that`,
    )
  }
}

function checkHead(disk: SimulatedDisk, channel: TrueChannel): void {
  const key = channelKey(channel.channel)
  const value = disk.get('heads', key)
  const payload = value && unseal(key, value)
  assert(payload, 'P7: the head of a channel cannot be read')
  const { newest, oldestKept, removed } = channel
  assert.deepEqual(
    decodeHead(payload),
    { newest, oldest: oldestKept, removed },
    'P6: the head of a channel tells of other entries than there are',
  )
}

function nameOfKey(key: Buffer): string {
  return key.toString('latin1')
}
