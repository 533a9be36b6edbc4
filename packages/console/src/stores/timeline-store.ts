import {
  comparePositions,
  type EventFilter,
  parsePosition,
  type Switchboard,
  type WorkspaceItem,
} from '@switchboard/sdk'
import { type Connection, isFinal, stoppedBy } from './connection.js'
import { holding } from './event-text.js'
import type { Feed } from './feed.js'
import { type Frame, Store } from './store.js'
import { waitFor } from './wait.js'

/** Events a page holds: more than anybody scrolls through, and some 20 MB at usual sizes. What leaves can be read again. */
export const TIMELINE_EVENTS_MAX = 20_000
/** Between two tries to read the first events. */
const RETRY_MS = 5000
/** Events that are read at once from the past. */
const PAGE = 500
/** How far back the first look for a page goes; each further one goes eight times as far. Short: a log may be dense. */
const LOOK_BACK_MS = 1000
const LOOK_BACK_GROWS = 8
/** No further than this for a view that nobody has asked to go on, and never further than any log is kept. */
const LOOK_BACK_MS_MAX = { first: 24 * 3_600_000, asked: 400 * 24 * 3_600_000 }

export interface Timeline {
  /** Events that are held and hold the text, oldest first, each once and in the log's order. */
  readonly shown: readonly WorkspaceItem[]
  /** All that are held. */
  readonly items: readonly WorkspaceItem[]
  /** How many of those shown have ever come at the newer end: who reads further down moves by as many. */
  readonly arrived: number
  /** True while the page follows what happens; false when it stands at a time in the past. */
  readonly isLive: boolean
  readonly loading: 'first' | 'older' | 'newer' | undefined
  /** True when no older event matches. */
  readonly atStart: boolean
  readonly paused: boolean
  /** Events that came while paused. */
  readonly waiting: number
  readonly connection: Connection
  /** Events that were asked for are no longer kept: what there is begins at this time, in Unix ms. */
  readonly gap: { readonly oldest: number | undefined } | undefined
}

export interface TimelineOptions {
  readonly switchboard: Pick<Switchboard, 'events'>
  readonly feed: Pick<Feed, 'stream' | 'head'>
  readonly frame: Frame
  /** The server gives no others. */
  readonly filter: EventFilter
  /** The instant to stand at. Left out: now. */
  readonly at?: Date | undefined
  readonly max?: number
  readonly now?: () => number
  /** Resolves after some milliseconds, or when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

const empty: Timeline = {
  shown: [],
  items: [],
  arrived: 0,
  isLive: true,
  loading: 'first',
  atStart: false,
  paused: false,
  waiting: 0,
  connection: { kind: 'connecting' },
  gap: undefined,
}

/** A window on the workspace's log: at its end, where it moves, or at any time before. */
export class TimelineStore extends Store<Timeline> {
  readonly #options: TimelineOptions
  readonly #max: number
  #ended = new AbortController()
  #matches: (item: WorkspaceItem) => boolean = () => true
  #arrived: WorkspaceItem[] = []
  #flushing = false

  constructor(options: TimelineOptions) {
    super({ ...empty, isLive: options.at === undefined }, options.frame)
    this.#options = options
    this.#max = options.max ?? TIMELINE_EVENTS_MAX
  }

  /** Runs until `stop`, or until the events may not be read. */
  async start(): Promise<void> {
    this.#ended = new AbortController()
    const { signal } = this.#ended
    const { at, wait = waitFor, now = Date.now } = this.#options
    while (!signal.aborted) {
      try {
        if (at) await this.#standAt(at, signal)
        else await this.#standAtEnd(signal)
        return
      } catch (error) {
        // With events on the page it is the stream that failed, and it knows when it is of no use to go on.
        if (isFinal(error) || this.latest.items.length > 0) {
          this.#failed(error, signal)
          return
        }
        if (signal.aborted) return
        const connection = { kind: 'reconnecting', at: now() + RETRY_MS, why: stoppedBy(error).why } as const
        this.set({ ...this.latest, connection })
        await wait(RETRY_MS, signal)
      }
    }
  }

  stop(): void {
    this.#ended.abort()
  }

  /** Shows only events that hold these words. */
  search(text: string): void {
    this.#matches = holding(text)
    this.set({ ...this.latest, shown: this.latest.items.filter(this.#matches) })
  }

  pause(): void {
    // What came before the button was pressed belongs to the picture.
    this.#flush()
    this.set({ ...this.latest, paused: true })
  }

  resume(): void {
    this.set({ ...this.latest, paused: false, waiting: 0 })
    this.#flush()
  }

  /** Reads what lies before the oldest that is held. */
  async loadOlder(): Promise<void> {
    const { items, loading, atStart } = this.latest
    const [oldest] = items
    if (loading || atStart) return
    const { signal } = this.#ended
    this.set({ ...this.latest, loading: 'older' })
    try {
      const before = oldest?.id ?? (await this.#options.feed.head())
      await this.#readOlder(before, LOOK_BACK_MS_MAX.asked, signal)
    } catch (error) {
      this.#failed(error, signal)
    }
  }

  /** Reads what follows the newest that is held, and joins what happens now when it has come that far. */
  async loadNewer(): Promise<void> {
    const { loading, isLive, items } = this.latest
    if (loading || isLive) return
    const { signal } = this.#ended
    this.set({ ...this.latest, loading: 'newer' })
    try {
      const after = items.at(-1)?.id ?? { since: this.#options.at ?? new Date() }
      const page = await this.#read(after, PAGE, signal)
      if (signal.aborted) return
      this.#append(page)
      this.set({ ...this.latest, loading: undefined })
      if (page.length === PAGE) return
      const joined = this.#followFrom(page.at(-1)?.id ?? after, signal)
      joined.catch((error: unknown) => this.#failed(error, signal))
    } catch (error) {
      this.#failed(error, signal)
    }
  }

  /** One event by its position; undefined when it is no longer kept, or never was. */
  async find(id: string): Promise<WorkspaceItem | undefined> {
    const held = this.latest.items.find((item) => item.id === id)
    const position = parsePosition(id)
    if (held || position === undefined) return held
    // From its millisecond on, in which others may have come before it.
    const after = { since: new Date(position.time) }
    for await (const item of this.#options.switchboard.events.list({ after })) {
      const seen = parsePosition(item.id)
      if (seen === undefined || comparePositions(seen, position) >= 0) return item.id === id ? item : undefined
    }
    return undefined
  }

  /** What may work again later is tried again when the reader comes back there; the page stays. */
  #failed(error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return
    this.set({ ...this.latest, loading: undefined, ...(isFinal(error) && { connection: stoppedBy(error) }) })
  }

  async #standAtEnd(signal: AbortSignal): Promise<void> {
    const head = await this.#options.feed.head()
    if (signal.aborted) return
    if (parsePosition(head)?.sequence === 0) this.set({ ...this.latest, atStart: true, loading: undefined })
    // The head itself is the newest event: what lies before the place behind it is wanted.
    await this.#readOlder(behind(head), LOOK_BACK_MS_MAX.first, signal)
    await this.#followFrom(this.latest.items.at(-1)?.id ?? head, signal)
  }

  async #standAt(at: Date, signal: AbortSignal): Promise<void> {
    const page = await this.#read({ since: at }, PAGE, signal)
    if (signal.aborted) return
    this.#append(page)
    const before = page[0]?.id ?? `${at.getTime()}-0`
    await this.#readOlder(before, LOOK_BACK_MS_MAX.first, signal)
    if (page.length < PAGE) await this.#followFrom(page.at(-1)?.id ?? { since: at }, signal)
  }

  async #followFrom(after: string | { readonly since: Date }, signal: AbortSignal): Promise<void> {
    this.set({ ...this.latest, isLive: true, loading: undefined })
    const stream = this.#options.feed.stream({
      ...this.#options.filter,
      after,
      signal,
      onGap: ({ oldest }) => this.#missed(oldest),
      onConnection: (connection) => this.set({ ...this.latest, connection }),
    })
    for await (const item of stream) this.#take(item)
  }

  /** Looks back further and further until it has a page: a log can only be read forward. */
  async #readOlder(before: string, lookBackMsMax: number, signal: AbortSignal): Promise<void> {
    const end = parsePosition(before)
    if (end === undefined) return
    let lookBackMs = this.#spanOf(PAGE) ?? LOOK_BACK_MS
    for (;;) {
      const reached = lookBackMs >= Math.min(lookBackMsMax, end.time)
      const since = new Date(Math.max(0, end.time - Math.min(lookBackMs, lookBackMsMax)))
      const found = await this.#readUntil(since, end, signal)
      if (signal.aborted) return
      if (found.length >= PAGE || reached) {
        const isAll = reached && found.length < PAGE && lookBackMsMax === LOOK_BACK_MS_MAX.asked
        this.#prepend(found, isAll || this.latest.atStart)
        return
      }
      lookBackMs *= LOOK_BACK_GROWS
    }
  }

  /** The last page of events between an instant and a position. */
  async #readUntil(
    since: Date,
    end: { readonly time: number; readonly sequence: number },
    signal: AbortSignal,
  ): Promise<readonly WorkspaceItem[]> {
    let found: WorkspaceItem[] = []
    const past = this.#options.switchboard.events.list({
      ...this.#options.filter,
      after: { since },
      pageSize: 1000,
      signal,
    })
    for await (const item of past) {
      const position = parsePosition(item.id)
      if (position === undefined || comparePositions(position, end) >= 0) break
      found.push(item)
      if (found.length > 4 * PAGE) found = found.slice(-PAGE)
    }
    return found.slice(-PAGE)
  }

  async #read(
    after: string | { readonly since: Date },
    count: number,
    signal: AbortSignal,
  ): Promise<readonly WorkspaceItem[]> {
    const found: WorkspaceItem[] = []
    const { filter, switchboard } = this.#options
    const onGap = ({ oldest }: { readonly oldest: string | undefined }) => this.#missed(oldest)
    for await (const item of switchboard.events.list({ ...filter, after, pageSize: count, signal, onGap })) {
      found.push(item)
      if (found.length === count) break
    }
    return found
  }

  /** How long so many events take here, from those that are held. */
  #spanOf(count: number): number | undefined {
    const { items } = this.latest
    const [first, last] = [items[0], items.at(-1)]
    if (first === undefined || last === undefined || items.length < PAGE / 2) return undefined
    const spanMs = Math.max(1, last.time.getTime() - first.time.getTime())
    return Math.ceil((spanMs / items.length) * count * 2)
  }

  #missed(oldest: string | undefined): void {
    this.set({ ...this.latest, gap: { oldest: oldest === undefined ? undefined : parsePosition(oldest)?.time } })
  }

  #take(item: WorkspaceItem): void {
    this.#arrived.push(item)
    // While paused, too, no more is held than will be shown.
    if (this.#arrived.length > this.#max * 2) this.#arrived = this.#arrived.slice(-this.#max)
    if (this.latest.paused) {
      this.set({ ...this.latest, waiting: this.latest.waiting + 1 })
      return
    }
    // Gathered: copying the list for each of a thousand events a second would be all a page does.
    if (this.#flushing) return
    this.#flushing = true
    this.#options.frame(() => {
      this.#flushing = false
      if (!this.latest.paused) this.#flush()
    })
  }

  #flush(): void {
    const arrived = this.#arrived
    this.#arrived = []
    this.#append(arrived)
  }

  #append(added: readonly WorkspaceItem[]): void {
    if (added.length === 0) return
    const { latest } = this
    const fitting = added.filter(this.#matches)
    const items = [...latest.items, ...added].slice(-this.#max)
    const dropped = latest.items.length + added.length - items.length
    const shown = dropped === 0 ? [...latest.shown, ...fitting] : items.filter(this.#matches)
    this.set({
      ...latest,
      items,
      shown,
      arrived: latest.arrived + fitting.length,
      // What had to go can be read again.
      atStart: latest.atStart && dropped === 0,
    })
  }

  #prepend(added: readonly WorkspaceItem[], atStart: boolean): void {
    const { latest } = this
    const all = [...added, ...latest.items]
    const items = all.slice(0, Math.max(this.#max, added.length))
    // What leaves at the newer end is read again as the reader comes back up.
    const isLive = latest.isLive && items.length === all.length
    if (latest.isLive && !isLive) this.#stopFollowing()
    const still = isLive ? {} : { paused: false, waiting: 0 }
    this.set({ ...latest, ...still, items, shown: items.filter(this.#matches), atStart, isLive, loading: undefined })
  }

  /** The window has moved away from the end of the log. */
  #stopFollowing(): void {
    // What waits to be shown belongs behind what has just left: it is read again with that.
    this.#arrived = []
    this.#ended.abort()
    this.#ended = new AbortController()
  }
}

/** The place right behind an event. */
function behind(id: string): string {
  const position = parsePosition(id)
  return position === undefined ? id : `${position.time}-${position.sequence + 1}`
}
