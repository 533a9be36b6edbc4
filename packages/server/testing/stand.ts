import type { JsonObject } from '@switchboard/contract'
import { afterEach } from 'vitest'
import type { Block } from '../src/log/block.js'
import type { Appended, Channel, Engine, Idempotency, Log, NewEvent, Projection } from '../src/log/log.js'
import type { Privacy } from '../src/log/vault.js'
import { callsProjection } from './calls-projection.js'
import { SetClock } from './clock.js'

/** One storage under test, and the engine that is open on it. */
export interface Bench {
  readonly engine: Engine
  /** Closes the engine and opens another one on the same storage. */
  reopen(): Promise<Engine>
  /** Opens a second engine beside the first, as another process would; undefined where only one can be open. */
  another?(): Promise<Engine>
  /** The folder that it keeps everything in, where it is one of this machine. */
  readonly dir?: string
  /** Closes what is open and removes the storage. */
  end(): Promise<void>
}

export interface BenchOptions {
  readonly clock: SetClock
  readonly projections: readonly Projection[]
  readonly idempotencyWindowMs: number
  readonly onListenerError: (error: unknown) => void
  readonly privacy?: Privacy
}

/** What engines may differ in. */
export interface Traits {
  /** Entries carry the time of the clock given, rather than that of a server elsewhere. */
  readonly ownClock: boolean
  /** Sequences of a channel are 1, 2, 3 and so on, rather than with holes. */
  readonly dense: boolean
  /** Several processes can have it open at once. */
  readonly shared: boolean
}

export const HOUR = 3_600_000
export const WINDOW = 24 * HOUR

/** What a suite starts its tests from. */
export interface Stand {
  readonly clock: SetClock
  /** What followers and watchers have thrown in this test. */
  readonly listenerErrors: unknown[]
  /** A bench of the test's own, which ends with it. */
  start(): Promise<{ bench: Bench; engine: Engine; log: Log; store: Engine['store'] }>
}

/** To be called where tests are described: it cleans up after each of them. */
export function standFor(open: (options: BenchOptions) => Promise<Bench>): Stand {
  const benches: Bench[] = []
  const listenerErrors: unknown[] = []
  const clock = new SetClock()
  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.end()
  })
  return {
    clock,
    listenerErrors,
    async start() {
      clock.time = Date.UTC(2026, 0, 1)
      listenerErrors.length = 0
      const bench = await open({
        clock,
        projections: [callsProjection],
        idempotencyWindowMs: WINDOW,
        onListenerError: (error) => listenerErrors.push(error),
      })
      benches.push(bench)
      return { bench, engine: bench.engine, log: bench.engine.log, store: bench.engine.store }
    },
  }
}

export const W1: Channel = { workspace: 'w1' }
export const C1: Channel = { workspace: 'w1', call: 'CA1' }
export const C2: Channel = { workspace: 'w1', call: 'CA2' }

export function channelOf(n: number): Channel {
  return { workspace: 'w1', call: `CALL${n}` }
}

export function event(type: string, fields: JsonObject, idempotency?: Idempotency): NewEvent {
  return { type, event: { event_type: type, ...fields }, ...(idempotency && { idempotency }) }
}

export function key(name: string, fingerprint = 'same'): Idempotency {
  return { key: name, fingerprint }
}

export function sequencesOf({ positions }: Appended): number[] {
  return positions.map(({ sequence }) => sequence)
}

/** Which of the entries that a channel keeps they are: 1 for the oldest, 0 for one that is not kept. */
export async function placesOf(log: Log, channel: Channel, ...answers: Appended[]): Promise<number[]> {
  const kept = (await entriesOf(log, channel)).map(({ position }) => position.sequence)
  return answers.flatMap(sequencesOf).map((sequence) => kept.indexOf(sequence) + 1)
}

/** Everything after a sequence, page by page. */
export async function entriesOf(log: Log, channel: Channel, after = 0, bytesMax = 64 * 1024) {
  const blocks: Block[] = []
  for (let reachedHead = false; !reachedHead; ) {
    const page = await log.read(channel, blocks[blocks.length - 1]?.last ?? after, bytesMax)
    blocks.push(...page.blocks)
    reachedHead = page.reachedHead
  }
  return blocks.flatMap((block) => [...block.entries()])
}

export async function numbersOf(log: Log, channel: Channel, after?: number, bytesMax?: number) {
  return (await entriesOf(log, channel, after, bytesMax)).map(({ event }) => event.n)
}

export async function framesOf(log: Log, channel: Channel, after?: number, bytesMax?: number) {
  return (await entriesOf(log, channel, after, bytesMax)).map(({ frame }) => frame.toString())
}
