import assert from 'node:assert/strict'
import type { PublishTarget } from '../../src/ingest/ingest.js'
import type { Channel } from '../../src/log/log.js'
import { makeEvent } from './events.js'
import type { Batch, Made } from './ledger.js'
import type { SimulatedProcess } from './process.js'
import type { Stage } from './stage.js'

/** Bodies that may be sent again. */
const REMEMBERED = 12

/** A request of newline-delimited JSON. Its lines come a chunk at a time, and each chunk is stored as one. */
interface Lines {
  readonly name: string
  readonly channel: Channel
  readonly key?: string
  readonly chunks: readonly Batch[]
}

/** Everybody who publishes: single events, batches and lines, some with keys, some again, some wrong. */
export class Producers {
  readonly #stage: Stage
  readonly #channels: readonly Channel[]
  readonly #batches: Batch[] = []
  readonly #lines: Lines[] = []
  #open = new Set<string>()
  /** Chunks of lines that are on their way. */
  #arrivals: (() => void)[] = []
  #events = 0
  #requests = 0

  constructor(stage: Stage, channels: readonly Channel[]) {
    this.#stage = stage
    this.#channels = channels
  }

  /** A request that has no answer yet. */
  get unanswered(): string | undefined {
    const [first] = this.#open
    return first
  }

  /** What may be sent again without being stored twice. */
  get repeatable(): readonly Batch[] {
    return this.#batches.filter(({ key, events }) => key !== undefined || events.every((made) => made.key))
  }

  get repeatableLines(): readonly Lines[] {
    return this.#lines
  }

  get isChunkUnderWay(): boolean {
    return this.#arrivals.length > 0
  }

  /** A chunk arrives. */
  arrive(): void {
    const index = this.#stage.chance.below(this.#arrivals.length)
    const [arrival] = this.#arrivals.splice(index, 1)
    arrival?.()
  }

  /** The process has died, and answers nobody any more. */
  abandon(): void {
    this.#open = new Set()
    this.#arrivals = []
  }

  publish(process: SimulatedProcess): void {
    const { chance, ledger } = this.#stage
    const channel = chance.pick(this.#channels)
    const known = this.#batches.filter((batch) => batch.channel === channel && !batch.isRefused)
    const name = this.#nextRequest()
    const isRefused = chance.is(0.05)
    const used = known.length > 0 && chance.is(0.1) ? chance.pick(known).key : undefined
    const key = used ?? (chance.is(0.4) ? `k${name}` : undefined)
    const batch: Batch = { name, channel, isRefused, events: [], ...(key && { key }) }
    if (used !== undefined) ledger.contest(batch)
    const count = chance.is(0.6) ? 1 : chance.between(2, chance.is(0.1) ? 25 : 6)
    const keyed = isRefused ? [] : known.flatMap(({ events }) => events.filter((made) => made.key))
    const events = Array.from({ length: count }, (_, index) =>
      // Now and then one that was sent before, in another body.
      keyed.length > 0 && chance.is(0.05) ? chance.pick(keyed) : this.#make(batch, isRefused && index === count - 1),
    )
    batch.events = [...new Set(events)]
    if (this.#batches.push(batch) > REMEMBERED) this.#batches.shift()
    this.send(process, batch)
  }

  send(process: SimulatedProcess, batch: Batch): void {
    const { channel, key, events } = batch
    const { ledger, clock } = this.#stage
    const sending = ledger.sent(batch, clock.now())
    const bodies = events.map(({ body }) => body)
    const body = Buffer.from(JSON.stringify(bodies.length === 1 ? bodies[0] : { events: bodies }))
    const published = process.ingest.publishBody(target(channel, key), body)
    this.#await(process, batch, published, (ids, { isReplayed }) => {
      ledger.acknowledged(channel, events, ids)
      if (isReplayed) ledger.replayed(batch, sending)
    })
  }

  publishLines(process: SimulatedProcess): void {
    const { chance } = this.#stage
    const channel = chance.pick(this.#channels)
    const name = this.#nextRequest()
    // Not of calls: a tool's repeated start among new ones counts as one of its own when ids are given out.
    const key = channel.call === undefined && chance.is(0.5) ? `k${name}` : undefined
    const chunks: Batch[] = []
    let line = 0
    for (let chunk = chance.between(1, 4); chunk > 0; chunk--) {
      const batch: Batch = { name, channel, isRefused: false, events: [] }
      batch.events = Array.from({ length: chance.between(1, 4) }, () => this.#makeLine(batch, key, ++line))
      chunks.push(batch)
    }
    const lines: Lines = { name, channel, chunks, ...(key && { key }) }
    if (key !== undefined && this.#lines.push(lines) > REMEMBERED) this.#lines.shift()
    this.sendLines(process, lines)
  }

  sendLines(process: SimulatedProcess, { name, channel, key, chunks }: Lines): void {
    const { ledger, chance } = this.#stage
    const events = chunks.flatMap((chunk) => chunk.events)
    // What comes behind a bad line is not looked at; what comes before it is stored.
    const isRefused = chance.is(0.1)
    const batch: Batch = { name, channel, isRefused, events, ...(key && { key }) }
    const published = process.ingest.publishLines(target(channel, key), this.#arriving(chunks, isRefused))
    this.#await(process, batch, published, (ids, { failure }) => {
      assert(!isRefused || failure !== undefined, `${name} was answered with a bad line in it`)
      const isStored = failure === undefined || failure === 'invalid_event'
      ledger.acknowledged(channel, isStored ? events : events.slice(0, ids.length), ids)
    })
  }

  async *#arriving(chunks: readonly Batch[], isRefused: boolean): AsyncGenerator<Buffer> {
    for (const [index, { events }] of chunks.entries()) {
      await new Promise<void>((resolve) => this.#arrivals.push(resolve))
      const lines = events.map(({ body }) => JSON.stringify(body))
      if (isRefused && index === chunks.length - 1) lines.push('{"event_type":', '{}')
      yield Buffer.from(`${lines.join('\n')}\n`)
    }
  }

  /** @param acknowledged Told of the ids that an answer, or a failure, says are stored. */
  #await(
    process: SimulatedProcess,
    batch: Batch,
    published: Promise<{ readonly ids: readonly string[]; readonly replayed: boolean }>,
    acknowledged: (ids: readonly string[], how: { readonly isReplayed?: boolean; readonly failure?: string }) => void,
  ): void {
    const { check, note, ledger } = this.#stage
    const attempt = `${batch.name}.${++this.#requests}`
    this.#open.add(attempt)
    note(`${attempt} → ${batch.events.map(({ name }) => name)}`)
    published.then(
      ({ ids, replayed }) => {
        this.#open.delete(attempt)
        note(`${attempt} ← ${ids}${replayed ? ' replayed' : ''}`)
        check(() => {
          acknowledged(ids, { isReplayed: replayed })
          process.checkFollowed(batch.channel)
        })
      },
      (error) => {
        this.#open.delete(attempt)
        note(`${attempt} ← ${error.code ?? error}`)
        check(() => {
          ledger.refused(batch, error, process)
          if (Array.isArray(error.extra?.ids)) acknowledged(error.extra.ids, { failure: error.code })
        })
      },
    )
  }

  #make(batch: Batch, isInvalid: boolean): Made {
    const { chance } = this.#stage
    const name = this.#nextEvent()
    const body = makeEvent(chance, batch.channel, name)
    // Not of tools: see above.
    const key = !batch.isRefused && body.tool_name === undefined && chance.is(0.15) ? `k${name}` : undefined
    const sent = { ...body, ...(key && { idempotency_key: key }), ...(isInvalid && { nonsense: 1 }) }
    return this.#made({ name, channel: batch.channel, body: sent, batch, ...(key && { key }) })
  }

  #makeLine(batch: Batch, key: string | undefined, line: number): Made {
    const name = this.#nextEvent()
    const body = makeEvent(this.#stage.chance, batch.channel, name)
    return this.#made({ name, channel: batch.channel, body, batch, ...(key && { key: `${key} line ${line}` }) })
  }

  #made(made: Made): Made {
    this.#stage.ledger.made(made)
    return made
  }

  #nextEvent(): string {
    this.#events += 1
    return `n${this.#events}`
  }

  #nextRequest(): string {
    this.#requests += 1
    return `P${this.#requests}`
  }
}

function target(channel: Channel, idempotencyKey: string | undefined): PublishTarget {
  return { channel, keyId: 'key', extraFields: 'refuse', idempotencyKey }
}
