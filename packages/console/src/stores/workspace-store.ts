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
import {
  comparePositions,
  type Gap,
  parsePosition,
  type Switchboard,
  SwitchboardError,
  type WorkspaceItem,
} from '@switchboard/sdk'
import { type Connection, connectionOf } from './connection.js'
import { type Frame, Store } from './store.js'

/** The present of a workspace: what the server's projections said at a position, and every event since, folded. */
export interface WorkspaceSnapshot {
  readonly phase: 'loading' | 'ready'
  readonly calls: ReadonlyMap<string, CallState>
  readonly operators: ReadonlyMap<string, OperatorState>
  readonly surfaces: ReadonlyMap<string, SurfaceState>
  readonly sources: ReadonlyMap<string, DataSourceState>
  /** True when the workspace has more than one answer of the state holds. */
  readonly partial: boolean
  readonly connection: Connection
  /** Events that are no longer kept, from and to, in Unix ms; the state was read anew behind them. */
  readonly gap: { readonly from: number | undefined; readonly to: number | undefined } | undefined
  readonly position: string | undefined
  /** Events folded since the start. */
  readonly folded: number
}

export interface WorkspaceStoreOptions {
  readonly switchboard: Pick<Switchboard, 'events' | 'state'>
  readonly frame: Frame
  readonly now?: () => number
}

const empty: WorkspaceSnapshot = {
  phase: 'loading',
  calls: new Map(),
  operators: new Map(),
  surfaces: new Map(),
  sources: new Map(),
  partial: false,
  connection: { kind: 'connecting' },
  gap: undefined,
  position: undefined,
  folded: 0,
}

export class WorkspaceStore extends Store<WorkspaceSnapshot> {
  readonly #options: WorkspaceStoreOptions
  readonly #now: () => number
  readonly #followers = new Set<(item: WorkspaceItem) => void>()
  #ended = new AbortController()

  constructor(options: WorkspaceStoreOptions) {
    super(empty, options.frame)
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** Runs until `stop`, or until the credential is refused for good. */
  async start(): Promise<void> {
    this.#ended = new AbortController()
    const ended = this.#ended.signal
    try {
      while (!ended.aborted) {
        // After a gap the state is read anew: it makes up for what the stream can no longer tell.
        const restart = await this.#follow(ended)
        if (!restart) return
      }
    } catch (error) {
      if (ended.aborted) return
      const code = error instanceof SwitchboardError ? error.code : 'unknown'
      const why = error instanceof Error ? error.message : String(error)
      this.set({ ...this.latest, connection: { kind: 'stopped', code, why } })
    }
  }

  stop(): void {
    this.#ended.abort()
  }

  /** Hands over every event that is folded from now on, each once and in order. */
  follow(listener: (item: WorkspaceItem) => void): () => void {
    this.#followers.add(listener)
    return () => this.#followers.delete(listener)
  }

  /** @returns true when a gap asks for a new beginning. */
  async #follow(ended: AbortSignal): Promise<boolean> {
    const { events, state } = this.#options.switchboard
    const present = await state.get()
    if (ended.aborted) return false
    this.set({
      ...this.latest,
      phase: 'ready',
      calls: byId(present.calls as readonly CallState[], 'call_sid'),
      operators: byId(present.operators as readonly OperatorState[], 'operator_id'),
      surfaces: byId(present.surfaces as readonly SurfaceState[], 'surface_id'),
      sources: byId(present.sources as readonly DataSourceState[], 'data_source_id'),
      partial: present.has_more,
      position: present.position,
    })
    let gap: Gap | undefined
    const stream = events.stream({
      after: present.position,
      signal: ended,
      reconnect: { budget: Number.POSITIVE_INFINITY },
      onGap: (seen) => {
        gap = seen
        stream.close()
      },
      onState: (seen) => {
        const connection = connectionOf(seen, this.#now())
        if (connection) this.set({ ...this.latest, connection })
      },
    })
    for await (const item of stream) this.#fold(item)
    if (gap === undefined) return false
    const timeOf = (id: string | undefined) => (id === undefined ? undefined : parsePosition(id)?.time)
    this.set({ ...this.latest, gap: { from: timeOf(gap.requested), to: timeOf(gap.oldest) } })
    return true
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
    const shown = this.get()
    this.set({
      ...before,
      calls: folded(before.calls, shown.calls, calls, entry),
      operators: folded(before.operators, shown.operators, operators, entry),
      surfaces: folded(before.surfaces, shown.surfaces, surfaces, entry),
      sources: folded(before.sources, shown.sources, sources, entry),
      position: item.id,
      folded: before.folded + 1,
    })
    for (const listener of this.#followers) listener(item)
  }
}

/**
 * The map with one record folded on; the same map when nothing changed. One that nobody has been shown yet is changed in
 * its place: a thousand events a second copy it once a frame, and not a thousand times.
 */
function folded<Value extends object>(
  records: ReadonlyMap<string, Value>,
  shown: ReadonlyMap<string, Value>,
  reducer: Reducer<Value>,
  entry: StateEntry,
): ReadonlyMap<string, Value> {
  const id = reducer.key(entry)
  if (id === undefined) return records
  const previous = records.get(id)
  const next = reducer.fold(previous, entry)
  if (next === previous) return records
  const own = records === shown ? new Map(records) : (records as Map<string, Value>)
  return own.set(id, next)
}

function byId<Value, Name extends keyof Value>(values: readonly Value[], name: Name): ReadonlyMap<string, Value> {
  return new Map(values.map((value) => [String(value[name]), value]))
}
