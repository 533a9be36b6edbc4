import assert from 'node:assert/strict'
import { type JsonObject, parsePosition, SwitchboardError } from '@switchboard/contract'
import type { Channel } from '../../src/log/log.js'
import type { Condition } from './condition.js'
import type { TrueChannel, TrueEntry, Truth } from './truth.js'

/** An event that a producer has made. */
export interface Made {
  readonly name: string
  readonly channel: Channel
  readonly body: JsonObject
  /** The key under which it is stored once, whatever it comes in. */
  readonly key?: string
  /** What it was made for; without a key of its own it comes in nothing else. */
  readonly batch: Batch
}

/** Events that are stored together: a body, or lines that come together. */
export interface Batch {
  /** How it is called in the trace. */
  readonly name: string
  readonly channel: Channel
  /** The request's idempotency key. */
  readonly key?: string
  /** True when it is not to be stored. */
  readonly isRefused: boolean
  events: readonly Made[]
  /** The first and the last time that it was sent, as `Ledger.sent` counts. */
  sent?: { readonly first: number; readonly last: number }
}

/** What is known of a request when it is sent. */
export interface Sending {
  /** True when its key had been forgotten by then. */
  readonly isForgotten: boolean
  readonly landings: number
  readonly setBacks: number
}

/** What a key stands for, as far as the disk has been told. */
interface Remembered {
  readonly what: Batch | Made
  readonly expires: number
  /** False once an erasure may have taken it away. */
  isSure: boolean
}

/** What producers have sent, and what they were promised of it: durable, once, whole, in order (P1, P2, P5). */
export class Ledger {
  readonly #made = new Map<string, Made>()
  readonly #landed = new Map<string, number[]>()
  readonly #keys = new Map<string, Remembered>()
  readonly #truth: Truth
  readonly #windowMs: number
  /** The latest that the wall clock has shown: a key that had expired by then may have been swept. */
  latest = 0
  /** How often the wall clock was set back. */
  setBacks = 0
  #sendings = 0
  /** By the channel: of what is stored, the latest to be sent for the first time. */
  readonly #newest = new Map<Channel, number>()
  /** Channels that are being erased, as often as they are. */
  #erasing: Channel[] = []
  /** Requests' keys that were sent with more than one body. */
  readonly #contested = new Set<string>()

  constructor(truth: Truth, windowMs: number) {
    this.#truth = truth
    this.#windowMs = windowMs
  }

  made(event: Made): void {
    this.#made.set(event.name, event)
  }

  /** A body is sent, for the first time or again. */
  sent(batch: Batch, now: number): Sending {
    const count = ++this.#sendings
    batch.sent = { first: batch.sent?.first ?? count, last: count }
    const known = this.#keys.get(`${prefixOf(batch.channel)}r${batch.key}`)
    // Events have keys of their own, with times of their own.
    const isForgotten = known !== undefined && known.expires <= now && !batch.events.some((made) => made.key)
    return { isForgotten, landings: this.#landingsOf(batch), setBacks: this.setBacks }
  }

  /** It was answered with what was stored before. */
  replayed(batch: Batch, { isForgotten, landings, setBacks }: Sending): void {
    const isSame = landings === this.#landingsOf(batch) && setBacks === this.setBacks
    assert(!isForgotten || !isSame, `P5: the key of ${batch.name} is remembered for longer than its time`)
  }

  #landingsOf({ events }: Batch): number {
    return events.reduce((sum, { name }) => sum + (this.#landed.get(name)?.length ?? 0), 0)
  }

  /** From now on an erasure may take what is known of the channel's keys. */
  erase(channel: Channel): void {
    this.#erasing.push(channel)
    for (const [name, remembered] of this.#keys) if (name.startsWith(prefixOf(channel))) remembered.isSure = false
  }

  erased(channel: Channel): void {
    this.#erasing.splice(this.#erasing.indexOf(channel), 1)
  }

  /** Erasures that were under way never end. */
  crashed(): void {
    this.#erasing = []
  }

  /** Entries have become durable in one commit. */
  given({ channel }: TrueChannel, entries: readonly TrueEntry[], asked: number): void {
    const batches = new Set<Batch>()
    for (const { name, event, position } of entries) {
      const made = this.#made.get(name)
      assert(made, `${name} was stored, and nobody has published it`)
      assert(made.channel === channel, `${name} was stored in a channel that it was not published to`)
      assert(!made.batch.isRefused, `${name} was stored, and should have been refused`)
      for (const [member, value] of Object.entries(made.body)) {
        if (member !== 'idempotency_key')
          assert.deepEqual(event[member], value, `${name} was stored with another ${member}`)
      }
      if (made.key === undefined) batches.add(made.batch)
      const before = this.#landed.get(name)
      const isKeyed = made.key !== undefined || made.batch.key !== undefined
      assert(before === undefined || isKeyed, `${name} was stored twice`)
      if (made.key !== undefined) this.#remember(`${prefixOf(channel)}e${made.key}`, made, asked, name)
      this.#landed.set(name, [...(before ?? []), position.sequence])
    }
    for (const batch of batches) {
      const { key, events, name, sent } = batch
      // Tools wait for each other, and others overtake them.
      if (sent !== undefined && !events.some(({ body }) => body.tool_name)) {
        const newest = this.#newest.get(channel) ?? 0
        assert(sent.last >= newest, `P2: ${name} was stored behind what was sent after it`)
        this.#newest.set(channel, Math.max(newest, sent.first))
      }
      if (key !== undefined) this.#remember(`${prefixOf(channel)}r${key}`, batch, asked, name)
      for (const each of events) {
        assert(this.#landed.has(each.name), `${name} was stored in part: ${each.name} is not there`)
      }
      const own = events.filter((made) => made.key === undefined).map(({ name }) => this.#landed.get(name)?.at(-1) ?? 0)
      assert(isRising(own), `P2: ${name} was stored in another order: ${own}`)
      const isAlone = own.length === events.length
      assert(
        !isAlone || (own[own.length - 1] as number) - (own[0] as number) === own.length - 1,
        `${name} was torn apart`,
      )
    }
  }

  /** Events were acknowledged, in this order, as what the ids say. */
  acknowledged(channel: Channel, events: readonly Made[], ids: readonly string[]): void {
    assert(ids.length === events.length, `${ids.length} positions were acknowledged of ${events.length}`)
    for (const [index, { name, batch }] of events.entries()) {
      const position = parsePosition(ids[index] as string)
      const entry = this.#truth.of(channel).at(position?.sequence ?? 0)
      assert(!batch.isRefused, `${name} was acknowledged, and should have been refused`)
      assert(entry, `P1: ${name} was acknowledged as ${ids[index]}, and is not durable`)
      assert(entry.name === name, `P1: ${name} was acknowledged as ${ids[index]}, which is ${entry.name}`)
      assert(entry.position.time === position?.time, `P1: ${name} was acknowledged at another time`)
    }
  }

  /** A key is sent with another body than before. */
  contest({ channel, key }: Batch): void {
    this.#contested.add(`${prefixOf(channel)}${key}`)
  }

  /** A request was refused, which must have its reason in what the process has met. */
  refused({ name, channel, key, isRefused }: Batch, error: unknown, process: Condition): void {
    assert(error instanceof SwitchboardError, `${name} failed with ${error}`)
    const reasons: Record<string, boolean> = {
      invalid_event: isRefused,
      idempotency_key_reused: this.#contested.has(`${prefixOf(channel)}${key}`),
      storage_full: process.wasFull,
      storage_fault: process.isBroken,
      unavailable: process.isClosing,
    }
    assert(reasons[error.code], `${name} was refused without a reason: ${error.message}`)
  }

  #remember(name: string, what: Batch | Made, asked: number, who: string): void {
    const known = this.#keys.get(name)
    const isLive = known?.isSure === true && known.expires > this.latest
    assert(!isLive || known.what === what, `P5: ${who} was stored under a key that stands for something else`)
    assert(!isLive, `P5: ${who} was stored twice under its key`)
    const isSure = !this.#erasing.some((channel) => name.startsWith(prefixOf(channel)))
    this.#keys.set(name, { what, expires: asked + this.#windowMs, isSure })
  }
}

function prefixOf({ workspace, call }: Channel): string {
  return `${workspace}/${call ?? ''}/`
}

function isRising(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || number > (numbers[index - 1] as number))
}
