import assert from 'node:assert/strict'
import { type JsonObject, parsePosition, SwitchboardError } from '@switchboard/contract'
import type { Published } from '../../src/ingest/ingest.js'
import type { Channel } from '../../src/log/log.js'
import type { SimulatedProcess } from './process.js'
import type { TrueChannel, TrueEntry, Truth } from './truth.js'

/** An event that a producer has made. */
export interface Made {
  readonly name: string
  readonly channel: Channel
  readonly body: JsonObject
  /** Its own idempotency key. */
  readonly key?: string
  /** The body that it was first made for, and that alone, when it has no key of its own. */
  readonly batch: Batch
}

/** One body, which may be sent any number of times. */
export interface Batch {
  readonly id: number
  readonly channel: Channel
  /** The request's idempotency key. */
  readonly key?: string
  /** What is wrong with it, if anything. */
  readonly refusal?: string
  events: readonly Made[]
}

/** What a key stands for, as far as the disk has been told. */
interface Remembered {
  readonly what: Batch | Made
  readonly expires: number
  /** False once an erasure may have taken it away. */
  isSure: boolean
}

/** What producers were promised: durable, once, whole, in order (P1, P2, P5). */
export class Promises {
  readonly #made = new Map<string, Made>()
  readonly #landed = new Map<string, number[]>()
  readonly #keys = new Map<string, Remembered>()
  readonly #truth: Truth
  readonly #windowMs: number
  /** The latest that the wall clock has shown: a key that had expired by then may have been swept. */
  latest = 0
  /** Channels that are being erased, as often as they are. */
  #erasing: Channel[] = []

  constructor(truth: Truth, windowMs: number) {
    this.#truth = truth
    this.#windowMs = windowMs
  }

  made(event: Made): void {
    this.#made.set(event.name, event)
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
      assert(made.batch.refusal === undefined, `${name} was stored, and should have been refused`)
      for (const [member, value] of Object.entries(made.body)) {
        if (member !== 'idempotency_key') assert.deepEqual(event[member], value, `${name} was stored with another ${member}`)
      }
      if (made.key === undefined) batches.add(made.batch)
      const before = this.#landed.get(name)
      const isKeyed = made.key !== undefined || made.batch.key !== undefined
      assert(before === undefined || isKeyed, `${name} was stored twice`)
      if (made.key !== undefined) this.#remember(`${prefixOf(channel)}e${made.key}`, made, asked, name)
      this.#landed.set(name, [...(before ?? []), position.sequence])
    }
    for (const batch of batches) {
      const { key, events, id } = batch
      if (key !== undefined) this.#remember(`${prefixOf(channel)}r${key}`, batch, asked, `request ${id}`)
      for (const { name } of events) {
        assert(this.#landed.has(name), `request ${id} was stored in part: ${name} is not there`)
      }
      const own = events.filter((made) => made.key === undefined).map(({ name }) => this.#landed.get(name)?.at(-1) ?? 0)
      assert(isRising(own), `P2: request ${id} was stored in another order: ${own}`)
      const isAlone = own.length === events.length
      assert(!isAlone || (own[own.length - 1] as number) - (own[0] as number) === own.length - 1, `request ${id} was torn apart`)
    }
  }

  answered({ events, id, channel, refusal }: Batch, { ids }: Published): void {
    assert(refusal === undefined, `request ${id} was answered, and should have been refused`)
    assert(ids.length === events.length, `request ${id} was answered with ${ids.length} positions of ${events.length}`)
    for (const [index, { name }] of events.entries()) {
      const position = parsePosition(ids[index] as string)
      const entry = this.#truth.of(channel).at(position?.sequence ?? 0)
      assert(entry, `P1: ${name} was acknowledged as ${ids[index]}, and is not durable`)
      assert(entry.name === name, `P1: ${name} was acknowledged as ${ids[index]}, which is ${entry.name}`)
      assert(entry.position.time === position?.time, `P1: ${name} was acknowledged at another time`)
    }
  }

  refused({ id, refusal, key, events, channel }: Batch, error: unknown, process: SimulatedProcess): void {
    assert(error instanceof SwitchboardError, `request ${id} failed with ${error}`)
    const { code } = error
    if (code === refusal) return
    const { wasFull, isBroken, isClosing } = process
    const excused = { storage_full: wasFull, storage_fault: isBroken, unavailable: isClosing }[code as string]
    if (code === 'idempotency_key_reused') {
      const keys = [key && `r${key}`, ...events.map((made) => made.key && `e${made.key}`)]
      const isKnown = keys.some((name) => name && this.#usedBefore(`${prefixOf(channel)}${name}`))
      assert(isKnown, `request ${id} was refused for a key that nothing else has`)
    } else assert(excused, `request ${id} was refused without a reason: ${error.message}`)
  }

  /** Keys that were sent with more than one body. */
  readonly contested = new Set<string>()

  contest(channel: Channel, scope: 'r' | 'e', key: string): void {
    this.contested.add(`${prefixOf(channel)}${scope}${key}`)
  }

  #usedBefore(name: string): boolean {
    return this.contested.has(name)
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
