import type { CallState } from '@switchboard/contract/state'
import {
  comparePositions,
  type ObserverItem,
  parsePosition,
  type SessionInfoEvent,
  type Switchboard,
  SwitchboardError,
} from '@switchboard/sdk'
import { type Connection, connectionOf, stoppedBy } from './connection.js'
import { type CallEntry, type CallPicture, Conversation } from './conversation.js'
import type { Feed } from './feed.js'
import { Replay, type ReplayState } from './replay.js'
import { type Frame, Store } from './store.js'

/** One call: what the server's state says of it, and its events of both channels, folded up to the moment that is shown. */
export interface CallSnapshot {
  readonly phase: 'loading' | 'ready'
  readonly connection: Connection
  /** The call's record when the page was opened; the workspace's present has a newer one where it knows the call. */
  readonly record: CallState | undefined
  readonly info: SessionInfoEvent | undefined
  /** False when this credential may see the call and not the workspace: who joined it is then not known. */
  readonly seesWorkspace: boolean
  /** Events of the call are missing: they are no longer kept. */
  readonly gap: boolean
  /** Personal data of the call was erased: what was personal is masked for everybody. */
  readonly erased: boolean
  /** Everything so far, oldest first. */
  readonly entries: readonly CallEntry[]
  /** The call at the moment that is shown. */
  readonly picture: CallPicture
  /** When it began and when its last event came, in Unix ms. */
  readonly beginsAt: number
  readonly lastAt: number
  /** True once no more events will come. */
  readonly over: boolean
  /** Undefined while the page shows the call as it is now. */
  readonly replay: ReplayState | undefined
}

export interface CallStoreOptions {
  readonly callSid: string
  readonly switchboard: Pick<Switchboard, 'calls'>
  readonly feed: Pick<Feed, 'stream'>
  readonly frame: Frame
  readonly now?: () => number
}

export class CallStore extends Store<CallSnapshot> {
  readonly #options: CallStoreOptions
  readonly #now: () => number
  readonly #replay: Replay
  #ended = new AbortController()
  #entries: CallEntry[] = []
  /** The same as they are shown: made anew only when there are others. */
  #shown: readonly CallEntry[] = []
  #known = new Set<string>()
  #conversation = new Conversation()
  /** How many entries the conversation has taken. */
  #taken = 0
  #drawing = false

  constructor(options: CallStoreOptions) {
    const conversation = new Conversation()
    super(
      {
        phase: 'loading',
        connection: { kind: 'connecting' },
        record: undefined,
        info: undefined,
        seesWorkspace: true,
        gap: false,
        erased: false,
        entries: [],
        picture: conversation.picture,
        beginsAt: 0,
        lastAt: 0,
        over: false,
        replay: undefined,
      },
      options.frame,
    )
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#replay = new Replay({
      entries: () => this.#entries,
      end: () => (this.latest.over ? this.latest.lastAt : this.#now()),
      onChange: () => this.#draw(),
      frame: options.frame,
      now: this.#now,
    })
  }

  get replay(): Pick<Replay, 'seek' | 'play' | 'pause' | 'setSpeed' | 'leave'> {
    return this.#replay
  }

  /** Runs until the call is over, `stop`, or a refusal. */
  async start(): Promise<void> {
    this.#ended = new AbortController()
    const { signal } = this.#ended
    try {
      await this.#readRecord(signal)
      await this.#observe(signal)
    } catch (error) {
      if (!signal.aborted) this.set({ ...this.latest, connection: stoppedBy(error) })
    }
  }

  stop(): void {
    this.#replay.pause()
    this.#ended.abort()
  }

  async #readRecord(signal: AbortSignal): Promise<void> {
    const { callSid, switchboard } = this.#options
    try {
      const { call } = await switchboard.calls.get(callSid)
      if (signal.aborted) return
      this.set({ ...this.latest, record: call as CallState, beginsAt: Date.parse(call.started_at) })
      void this.#follow(call.started_at, signal)
    } catch (error) {
      if (!(error instanceof SwitchboardError) || error.code !== 'forbidden') throw error
      this.set({ ...this.latest, seesWorkspace: false })
    }
  }

  /** What the workspace tells of the call: escalations, and who joined it. */
  async #follow(since: string, signal: AbortSignal): Promise<void> {
    const stream = this.#options.feed.stream({ callSid: this.#options.callSid, after: { since }, signal })
    try {
      for await (const { id, time, event } of stream) this.#take({ id, at: time.getTime(), workspace: event })
    } catch {
      // The workspace's own connection says why, and the page's head shows it.
    }
  }

  async #observe(signal: AbortSignal): Promise<void> {
    const { callSid, switchboard } = this.#options
    const observation = switchboard.calls.observe(callSid, {
      signal,
      reconnect: { budget: Number.POSITIVE_INFINITY },
      onGap: () => this.set({ ...this.latest, gap: true }),
      onState: (state) => {
        const connection = connectionOf(state, this.#now())
        if (connection) this.set({ ...this.latest, connection })
      },
    })
    for await (const item of observation) this.#heard(item)
    if (!signal.aborted) this.#finish()
  }

  #heard({ id, time, event }: ObserverItem): void {
    if (event.type !== 'session_info') {
      this.#take({ id, at: time.getTime(), observer: event })
      return
    }
    const beganAt = (event.start_time ?? 0) * 1000
    const { beginsAt } = this.latest
    this.set({ ...this.latest, phase: 'ready', info: event, beginsAt: beginsAt || beganAt })
  }

  #finish(): void {
    this.set({ ...this.latest, phase: 'ready', over: true })
    this.#draw()
  }

  #take(entry: CallEntry): void {
    // The two channels count for themselves, so an id may stand in both.
    const key = `${'observer' in entry ? 'o' : 'w'} ${entry.id}`
    if (this.#known.has(key)) return
    this.#known.add(key)
    if (isErased(entry) && !this.latest.erased) this.set({ ...this.latest, erased: true })
    const at = placeOf(this.#entries, entry)
    this.#entries.splice(at, 0, entry)
    if (at < this.#taken) {
      this.#conversation = new Conversation()
      this.#taken = 0
    }
    this.#replay.changed(at)
    this.#draw()
  }

  /** Folds and shows once a frame, however many events came. */
  #draw(): void {
    if (this.#drawing) return
    this.#drawing = true
    this.#options.frame(() => {
      this.#drawing = false
      for (; this.#taken < this.#entries.length; this.#taken++) {
        this.#conversation.take(this.#entries[this.#taken] as CallEntry)
      }
      if (this.#shown.length !== this.#entries.length) this.#shown = [...this.#entries]
      const shown = this.#replay.show()
      const { beginsAt } = this.latest
      this.set({
        ...this.latest,
        entries: this.#shown,
        picture: shown?.picture ?? this.#conversation.picture,
        replay: shown?.state,
        beginsAt: beginsAt || (this.#entries[0]?.at ?? 0),
        lastAt: this.#entries.at(-1)?.at ?? beginsAt,
      })
    })
  }
}

function isErased(entry: CallEntry): boolean {
  const event: object = 'observer' in entry ? entry.observer : entry.workspace
  return 'erased' in event && event.erased === true
}

/** Where an entry belongs: by time, then by the order of its channel; what comes late goes behind its equals. */
function placeOf(entries: readonly CallEntry[], entry: CallEntry): number {
  let at = entries.length
  while (at > 0 && isBefore(entry, entries[at - 1] as CallEntry)) at -= 1
  return at
}

function isBefore(entry: CallEntry, other: CallEntry): boolean {
  if (entry.at !== other.at) return entry.at < other.at
  if ('observer' in entry !== 'observer' in other) return false
  const [own, others] = [parsePosition(entry.id), parsePosition(other.id)]
  return own !== undefined && others !== undefined && comparePositions(own, others) < 0
}
