import type { JsonObject, Position } from '@switchboard/contract'
import { Block, channelKind, encodeFrame } from '../log/block.js'
import type {
  Appended,
  Bounds,
  Channel,
  Erasure,
  Health,
  Log,
  NewEvent,
  Page,
  ProjectedRecord,
  ProjectedRecords,
} from '../log/log.js'

interface Kept {
  readonly position: Position
  readonly type: string
  readonly event: JsonObject
  readonly frame: Buffer
}

interface KeptChannel {
  readonly channel: Channel
  entries: Kept[]
  newest: Position | undefined
  removed: Position | undefined
  damaged: { readonly from: number; readonly to: number } | undefined
}

/** The log's promises P2, P3, P4 and P6 in memory, with handles for tests to decide what happens when. */
export class MemoryLog implements Log {
  readonly #channels = new Map<string, KeptChannel>()
  readonly #listeners = new Set<(channel: Channel, block: Block) => void>()
  /** Entries in one stored block. */
  blockEntries = 7
  /** Distance between two sequences: above 1 there are holes, as in a log shared by many channels. */
  step = 1
  reads = 0
  /** Runs before and after each read looks at what is kept. */
  beforeRead: () => Promise<void> = async () => {}
  afterRead: () => Promise<void> = async () => {}
  failReads: Error | undefined
  time = 1_763_788_800_000

  #of(channel: Channel): KeptChannel {
    const key = `${channel.workspace}\n${channel.call ?? ''}`
    let kept = this.#channels.get(key)
    if (kept === undefined) {
      kept = { channel, entries: [], newest: undefined, removed: undefined, damaged: undefined }
      this.#channels.set(key, kept)
    }
    return kept
  }

  async append(channel: Channel, events: readonly NewEvent[]): Promise<Appended> {
    const kept = this.#of(channel)
    const fresh = events.map(({ type, event }): Kept => {
      const position = { time: this.time, sequence: (kept.newest?.sequence ?? 0) + this.step }
      kept.newest = position
      const frame = Buffer.from(encodeFrame(channelKind(channel), position, type, JSON.stringify(event)))
      return { position, type, event, frame }
    })
    kept.entries.push(...fresh)
    const block = blockOf(channel, fresh)
    for (const listener of this.#listeners) listener(channel, block)
    return { positions: fresh.map(({ position }) => position), replayed: 0 }
  }

  async catchUp(): Promise<void> {}

  async read(channel: Channel, after: number, bytesMax: number): Promise<Page> {
    this.reads += 1
    await this.beforeRead()
    if (this.failReads) throw this.failReads
    const { entries, damaged } = this.#of(channel)
    const blocks: Block[] = []
    let bytes = 0
    let reachedHead = true
    const rest = entries.filter(({ position }) => position.sequence > after)
    for (let from = 0; from < rest.length; from += this.blockEntries) {
      if (bytes >= bytesMax) {
        reachedHead = false
        break
      }
      for (const block of split(channel, rest.slice(from, from + this.blockEntries), damaged)) {
        blocks.push(block)
        bytes += block.bytes.length
      }
    }
    await this.afterRead()
    return { blocks, reachedHead }
  }

  async bounds(channel: Channel): Promise<Bounds> {
    const { entries, newest, removed } = this.#of(channel)
    return { newest: newest ?? { time: this.time, sequence: 0 }, oldest: entries[0]?.position, removed }
  }

  async positionOf(channel: Channel, sequence: number): Promise<Position | undefined> {
    const { entries, damaged } = this.#of(channel)
    if (damaged && damaged.from <= sequence && sequence <= damaged.to) return undefined
    return entries.find(({ position }) => position.sequence === sequence)?.position
  }

  async sequenceBefore(channel: Channel, time: number): Promise<number> {
    const { entries, removed } = this.#of(channel)
    const before = entries.filter(({ position }) => position.time < time).at(-1)?.position
    return before?.sequence ?? (removed && removed.time < time ? removed.sequence : 0)
  }

  follow(listener: (channel: Channel, block: Block) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  onErased(): () => void {
    return () => {}
  }

  async eraseData(): Promise<Erasure> {
    return { erasedAt: undefined, isNew: false }
  }

  async erase(channel: Channel): Promise<void> {
    this.drop(channel, Number.POSITIVE_INFINITY)
  }

  /** Removes the oldest entries up to a sequence, as retention does. */
  drop(channel: Channel, through: number): void {
    const kept = this.#of(channel)
    const gone = kept.entries.filter(({ position }) => position.sequence <= through)
    kept.entries = kept.entries.filter(({ position }) => position.sequence > through)
    kept.removed = gone.at(-1)?.position ?? kept.removed
  }

  damage(channel: Channel, from: number, to: number): void {
    this.#of(channel).damaged = { from, to }
  }

  health(): Health {
    const faults = [...this.#channels.values()].flatMap(({ channel, damaged }) =>
      damaged ? [{ code: 'damaged' as const, channel, ...damaged, detail: 'flipped by a test' }] : [],
    )
    return { writable: true, faults }
  }

  async retain(): Promise<number> {
    return 0
  }

  async record(): Promise<ProjectedRecord | undefined> {
    return undefined
  }

  async records(workspace: string): Promise<ProjectedRecords> {
    return { items: [], position: (await this.bounds({ workspace })).newest, hasMore: false }
  }

  async verify() {
    return this.health().faults
  }

  async close(): Promise<void> {}
}

function blockOf(channel: Channel, entries: readonly Kept[]): Block {
  let end = 0
  return new Block(
    channelKind(channel),
    entries.map(({ position }) => position.sequence),
    entries.map(({ position }) => position.time),
    entries.map(({ type }) => type),
    entries.map(({ frame }) => {
      end += frame.length
      return end
    }),
    Buffer.concat(entries.map(({ frame }) => frame)),
    entries.map(({ event }) => event),
  )
}

function split(channel: Channel, entries: readonly Kept[], damaged: KeptChannel['damaged']): Block[] {
  if (!damaged) return [blockOf(channel, entries)]
  const lost = entries.filter(({ position: { sequence } }) => damaged.from <= sequence && sequence <= damaged.to)
  if (lost.length === 0) return [blockOf(channel, entries)]
  const before = entries.filter(({ position }) => position.sequence < damaged.from)
  const after = entries.filter(({ position }) => position.sequence > damaged.to)
  const range = { from: lost[0]?.position.sequence ?? 0, to: lost.at(-1)?.position.sequence ?? 0 }
  return [
    ...(before.length > 0 ? [blockOf(channel, before)] : []),
    new Block(channelKind(channel), [], [], [], [], Buffer.alloc(0), undefined, range),
    ...(after.length > 0 ? [blockOf(channel, after)] : []),
  ]
}

/** `call.started` of the n-th call, told apart by its id. */
export function callStarted(n: number, more: JsonObject = {}): NewEvent {
  const event = {
    event_type: 'call.started',
    call_sid: `CA${String(n).padStart(32, '0')}`,
    direction: 'inbound',
    service_id: 'desk',
    caller_id: '+15550100',
    ...more,
  }
  return { type: 'call.started', event }
}
