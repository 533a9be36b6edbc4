import {
  type CallState,
  calls,
  type DataSourceState,
  type OperatorState,
  operators,
  type Reducer,
  type StateEntry,
  type SurfaceState,
  sources,
  surfaces,
} from '@switchboard/contract/state'
import { comparePositions, type Gap, type Position, parsePosition, type WorkspaceItem } from '@switchboard/sdk'
import { type Connection, isFinal, stoppedBy } from './connection.js'
import type { Feed } from './feed.js'
import type { RecordName, Records, RecordsAsked, StateReader } from './state-reader.js'
import { type Frame, Store } from './store.js'
import { waitFor } from './wait.js'

/** The present of a workspace: what the server's projections said at a position, and every event since, folded. */
export interface WorkspaceSnapshot {
  readonly phase: 'loading' | 'ready'
  readonly calls: ReadonlyMap<string, CallState>
  readonly operators: ReadonlyMap<string, OperatorState>
  readonly surfaces: ReadonlyMap<string, SurfaceState>
  readonly sources: ReadonlyMap<string, DataSourceState>
  /** Kinds of records of which the workspace has more than was read so far, or more than a page holds. */
  readonly partial: ReadonlySet<RecordName>
  readonly connection: Connection
  /** Events that are no longer kept, from and to, in Unix ms; the state was read anew behind them. */
  readonly gap: { readonly from: number | undefined; readonly to: number | undefined } | undefined
  readonly position: string | undefined
  /** Events folded since the start. */
  readonly folded: number
}

export interface WorkspaceStoreOptions {
  readonly state: StateReader
  readonly feed: Pick<Feed, 'stream'>
  readonly frame: Frame
  readonly now?: () => number
  /** Resolves after some milliseconds, or when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
  /** See `RECORDS_MAX`. */
  readonly recordsMax?: number
}

const empty: WorkspaceSnapshot = {
  phase: 'loading',
  calls: new Map(),
  operators: new Map(),
  surfaces: new Map(),
  sources: new Map(),
  partial: new Set(),
  connection: { kind: 'connecting' },
  gap: undefined,
  position: undefined,
  folded: 0,
}

/** Records of a kind that are held. A tab that is open for days forgets first what has been over for longest. */
const RECORDS_MAX = 20_000
/** How long something may have been over when room is needed, the most patient first. */
const OVER_MS_MAX = [24 * 3_600_000, 6 * 3_600_000, 3_600_000, 600_000, 0]
/** How far back ended calls are read of a workspace that has more than one answer holds. */
const ENDED_MS = 24 * 3_600_000
/** Between two tries to read the state. */
const RETRY_MS = 5000
const REDUCERS: { readonly [Name in RecordName]: Reducer<Records[Name]> } = { calls, operators, surfaces, sources }
const NAMES = Object.keys(REDUCERS) as RecordName[]

export class WorkspaceStore extends Store<WorkspaceSnapshot> {
  readonly #options: WorkspaceStoreOptions
  readonly #now: () => number
  readonly #recordsMax: number
  #ended = new AbortController()
  /** Where a record stood that was read after the others: what it holds already must not be folded into it again. */
  readonly #readAt = new Map<string, Position>()
  /** While the rest is read: what has happened since the state, by record, and the records that are whole. */
  #meanwhile: Map<string, StateEntry[]> | undefined
  readonly #whole = new Set<string>()

  constructor(options: WorkspaceStoreOptions) {
    super(empty, options.frame)
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#recordsMax = options.recordsMax ?? RECORDS_MAX
  }

  /** Runs until `stop`, or until the credential is refused for good. */
  async start(): Promise<void> {
    this.#ended = new AbortController()
    const ended = this.#ended.signal
    while (!ended.aborted) {
      try {
        // After a gap the state is read anew: it makes up for what the stream can no longer tell.
        await this.#follow(ended)
      } catch (error) {
        if (ended.aborted) return
        if (isFinal(error)) {
          this.set({ ...this.latest, connection: stoppedBy(error) })
          return
        }
        this.#connect({ kind: 'reconnecting', at: this.#now() + RETRY_MS, why: stoppedBy(error).why })
        await (this.#options.wait ?? waitFor)(RETRY_MS, ended)
      }
    }
  }

  stop(): void {
    this.#ended.abort()
  }

  /** The reader has seen that events are missing. */
  forgetGap(): void {
    this.set({ ...this.latest, gap: undefined })
  }

  /** Resolves when a gap asks for a new beginning, or when it is ended. */
  async #follow(ended: AbortSignal): Promise<void> {
    const { state, feed } = this.#options
    const present = await state.get()
    if (ended.aborted) return
    this.#readAt.clear()
    this.#whole.clear()
    this.#meanwhile = undefined
    this.set({
      ...this.latest,
      phase: 'ready',
      calls: byId('calls', present.calls as readonly CallState[]),
      operators: byId('operators', present.operators as readonly OperatorState[]),
      surfaces: byId('surfaces', present.surfaces as readonly SurfaceState[]),
      sources: byId('sources', present.sources as readonly DataSourceState[]),
      partial: new Set(present.has_more ? NAMES : []),
      position: present.position,
    })
    const over = new AbortController()
    if (present.has_more) {
      // Beside the stream: nobody waits for what is least urgent. Should it fail, the page goes on saying that there is more.
      this.#readRest(present.position, AbortSignal.any([ended, over.signal])).catch(() => {})
    }
    let gap: Gap | undefined
    const stream = feed.stream({
      after: present.position,
      signal: ended,
      onGap: (seen) => {
        gap = seen
        stream.close()
      },
      onConnection: (connection) => this.#connect(connection),
    })
    try {
      for await (const item of stream) this.#fold(item)
    } finally {
      over.abort()
    }
    if (gap === undefined) return
    const timeOf = (id: string | undefined) => (id === undefined ? undefined : parsePosition(id)?.time)
    this.set({ ...this.latest, gap: { from: timeOf(gap.requested), to: timeOf(gap.oldest) } })
  }

  /**
   * The records that one answer had no room for: who is on the line first, who ended last. Each page is of a moment of its own;
   * what has happened since is folded on, and what it holds already is not.
   */
  async #readRest(position: string, signal: AbortSignal): Promise<void> {
    for (const name of NAMES) for (const id of this.latest[name].keys()) this.#whole.add(`${name} ${id}`)
    this.#meanwhile = new Map()
    const endedSince = new Date(Math.max(0, (parsePosition(position)?.time ?? 0) - ENDED_MS))
    await this.#readList({ name: 'calls', status: 'active' }, signal)
    const isWhole = new Set<RecordName>()
    for (const name of ['operators', 'surfaces', 'sources'] as const) {
      if (await this.#readList({ name }, signal)) isWhole.add(name)
      this.set({ ...this.latest, partial: new Set(NAMES.filter((each) => !isWhole.has(each))) })
    }
    await this.#readList({ name: 'calls', status: 'ended', endedSince }, signal)
    if (signal.aborted) return
    this.#meanwhile = undefined
    this.#whole.clear()
  }

  /** @returns false when there is more than is held. */
  async #readList(asked: RecordsAsked<RecordName>, signal: AbortSignal): Promise<boolean> {
    let token: string | undefined
    do {
      const page = await this.#options.state.page(asked, token)
      if (signal.aborted) return false
      this.#addPage(asked.name, page.records, parsePosition(page.position))
      token = page.next
      if (token !== undefined && this.latest[asked.name].size >= this.#recordsMax) return false
    } while (token !== undefined)
    return true
  }

  #addPage<Name extends RecordName>(name: Name, records: readonly Records[Name][], readAt: Position | undefined): void {
    const reducer = REDUCERS[name] as Reducer<Records[Name]>
    const held = new Map<string, object>(this.latest[name])
    for (const record of records) {
      const id = idOf(name, record)
      const key = `${name} ${id}`
      if (readAt === undefined || this.#whole.has(key)) continue
      this.#whole.add(key)
      this.#readAt.set(key, readAt)
      const later = this.#meanwhile?.get(key)?.filter((entry) => comparePositions(entry.position, readAt) > 0) ?? []
      held.set(id, later.reduce<Records[Name]>(reducer.fold, record))
    }
    this.set({ ...this.latest, [name]: held })
  }

  #fold(item: WorkspaceItem): void {
    const position = parsePosition(item.id)
    const before = this.latest
    if (position === undefined) return
    const known = before.position === undefined ? undefined : parsePosition(before.position)
    // The SDK repeats nothing; should it, a second fold would count twice what the reducers count.
    if (known !== undefined && comparePositions(position, known) <= 0) return
    const unknown = item.event.event_type === 'unknown'
    const event = (unknown ? item.event.raw : item.event) as StateEntry['event']
    const type = unknown ? item.event.actual_type : item.event.event_type
    const entry: StateEntry = { kind: 'workspace', call: undefined, position, type, event }
    this.set({
      ...before,
      calls: this.#folded('calls', entry),
      operators: this.#folded('operators', entry),
      surfaces: this.#folded('surfaces', entry),
      sources: this.#folded('sources', entry),
      position: item.id,
      folded: before.folded + 1,
    })
  }

  /**
   * The map with one record folded on; the same map when nothing changed. One that nobody has been shown yet is changed
   * in its place: a thousand events a second copy it once a frame, and not a thousand times.
   */
  #folded<Name extends RecordName>(name: Name, entry: StateEntry): ReadonlyMap<string, Records[Name]> {
    const reducer = REDUCERS[name] as Reducer<Records[Name]>
    const records = this.latest[name] as ReadonlyMap<string, Records[Name]>
    const id = reducer.key(entry)
    if (id === undefined) return records
    const key = `${name} ${id}`
    const readAt = this.#readAt.get(key)
    if (readAt !== undefined && comparePositions(entry.position, readAt) <= 0) return records
    if (this.#meanwhile && !this.#whole.has(key)) {
      const entries = this.#meanwhile.get(key)
      if (entries) entries.push(entry)
      else this.#meanwhile.set(key, [entry])
    }
    const previous = records.get(id)
    const next = reducer.fold(previous, entry)
    if (next === previous) return records
    const shown: unknown = this.get()[name]
    const own = records === shown ? new Map(records) : (records as Map<string, Records[Name]>)
    own.set(id, next)
    if (own.size > this.#recordsMax) this.#makeRoom(reducer, own)
    return own
  }

  #makeRoom<Value extends object>(reducer: Reducer<Value>, records: Map<string, Value>): void {
    // Some more than is needed, so that not every event looks through all of them.
    const enough = this.#recordsMax * 0.9
    for (const overMs of OVER_MS_MAX) {
      const before = this.#now() - overMs
      for (const [id, record] of records) {
        if (records.size <= enough) return
        if (reducer.expired(record, before)) records.delete(id)
      }
    }
  }

  #connect(connection: Connection): void {
    this.set({ ...this.latest, connection })
  }
}

const IDS = { calls: 'call_sid', operators: 'operator_id', surfaces: 'surface_id', sources: 'data_source_id' } as const

function idOf(name: RecordName, record: object): string {
  return String((record as Readonly<Record<string, unknown>>)[IDS[name]])
}

function byId<Value extends object>(name: RecordName, records: readonly Value[]): ReadonlyMap<string, Value> {
  return new Map(records.map((record) => [idOf(name, record), record]))
}
