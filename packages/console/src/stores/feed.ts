import {
  type After,
  comparePositions,
  type EventFilter,
  type Gap,
  parsePosition,
  type Switchboard,
  SwitchboardError,
  type WorkspaceItem,
} from '@switchboard/sdk'
import { type Connection, connectionOf } from './connection.js'
import { matching } from './event-filter.js'
import { type Share, type ShareMessage, unshared } from './share.js'
import { waitFor } from './wait.js'

export interface FeedOptions {
  readonly switchboard: Pick<Switchboard, 'events'>
  /** The newest position of the log, to know how far behind a stream is that goes on after a break. */
  readonly head: () => Promise<string>
  /** Default: a stream of this tab's own. */
  readonly share?: Promise<Share>
  readonly now?: () => number
  /** Resolves after some milliseconds, or when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface FeedStreamOptions extends EventFilter {
  /** Where to begin. Left out: with what happens from now on. */
  readonly after?: After
  readonly signal?: AbortSignal
  /** Events that were asked for are no longer kept. */
  readonly onGap?: (gap: Gap) => void
  readonly onConnection?: (connection: Connection) => void
}

/** Read with `for await`; `close` ends it, as leaving the loop does. */
export type FeedStream = AsyncIterable<WorkspaceItem> & { close(): void }

/** Between two tries to read what was missed. */
const RETRY_MS = 5000
/** A stream that comes back less far behind than this is live before anybody could read that it is not. */
const BEHIND_TOLD_MIN = 200
const PAGE_SIZE = 1000

/**
 * The workspace's one live stream, for all that a browser shows: its tabs share it, and every page of a tab reads from
 * it. What lies before it is read from history, filtered by the server; what comes is filtered here, since a second
 * stream would bring again what is there already.
 */
export class Feed {
  readonly #options: FeedOptions
  #share: Share = unshared
  readonly #now: () => number
  readonly #readers = new Set<Reader>()
  #ended = new AbortController()
  /** The run that holds the stream for all tabs; one that was taken over may end after the next has begun. */
  #run: AbortSignal | undefined
  /** Everything after it has been handed to the readers. */
  #position: string | undefined
  #connection: Connection = { kind: 'connecting' }
  #failure: SwitchboardError | undefined
  /** Where the log stood when the stream came back. */
  #goal: string | undefined
  #heard: Promise<void> = Promise.resolve()

  constructor(options: FeedOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** The newest position of the log. */
  head(): Promise<string> {
    return this.#options.head()
  }

  /** Runs until `stop`, or until the stream cannot go on: then every reader is told why. */
  async start(): Promise<void> {
    this.#ended = new AbortController()
    const { signal } = this.#ended
    this.#share = (await this.#options.share) ?? unshared
    if (signal.aborted) return
    const unlisten = this.#share.listen((message) => {
      // One after the other: what was missed is read before what follows it is told.
      this.#heard = this.#heard.then(() => this.#hear(message, signal)).catch(() => {})
    })
    signal.addEventListener('abort', unlisten)
    this.#share.say({ kind: 'hello' })
    await this.#share.lead(signal, (leading) => this.#lead(leading))
  }

  stop(): void {
    this.#ended.abort()
    for (const reader of this.#readers) reader.end()
  }

  /** The workspace's events after a position, each once and in order, and then as they happen. */
  stream(options: FeedStreamOptions = {}): FeedStream {
    const reader = new Reader(options)
    this.#readers.add(reader)
    const close = () => {
      reader.end()
      this.#readers.delete(reader)
    }
    if (options.signal?.aborted) close()
    options.signal?.addEventListener('abort', close)
    if (this.#failure) reader.fail(this.#failure)
    else if (this.#position !== undefined) reader.begin(this.#position)
    reader.connection(this.#connection)
    const read = () => this.#read(reader, options)
    return {
      close,
      async *[Symbol.asyncIterator]() {
        try {
          yield* read()
        } finally {
          close()
        }
      },
    }
  }

  async *#read(reader: Reader, options: FeedStreamOptions): AsyncGenerator<WorkspaceItem, void, void> {
    const { after, onGap, onConnection, signal, ...filter } = options
    const begins = await reader.begins
    if (begins === undefined && !reader.failure) return
    if (after !== undefined && !reader.failure) {
      const past = this.#options.switchboard.events.list({
        ...filter,
        after,
        pageSize: PAGE_SIZE,
        ...(signal && { signal }),
        ...(onGap && { onGap }),
      })
      let count = 0
      for await (const item of past) {
        if (reader.isOver) return
        reader.last = item.id
        yield item
        if (++count % PAGE_SIZE === 0) onConnection?.({ kind: 'catching-up', behind: distance(item.id, begins) })
      }
      if (count >= PAGE_SIZE) onConnection?.(this.#connection)
    }
    const matches = matching(filter)
    for await (const item of reader.items()) {
      if (isAfter(item.id, reader.last) && matches(item)) yield item
    }
  }

  async #lead(leading: AbortSignal): Promise<void> {
    this.#run = leading
    let connections = 0
    try {
      const stream = this.#options.switchboard.events.stream({
        ...(this.#position !== undefined && { after: this.#position }),
        signal: leading,
        reconnect: { budget: Number.POSITIVE_INFINITY },
        onOpen: ({ position }) => {
          if (this.#position === undefined && position !== undefined) this.#stand(position)
          else if (connections > 0) void this.#lookAhead(leading)
          connections += 1
        },
        onGap: (gap) => {
          this.#tell({ kind: 'gap', gap })
          this.#gap(gap)
        },
        onState: (state) => {
          const connection = connectionOf(state, this.#now())
          if (connection && !leading.aborted) this.#tellConnection(connection)
        },
      })
      for await (const item of stream) {
        if (leading.aborted) return
        this.#tell({ kind: 'item', before: this.#position, item })
        this.#emit(item)
      }
    } catch (error) {
      if (leading.aborted) return
      const failure = error instanceof SwitchboardError ? error : new SwitchboardError('unknown', String(error))
      this.#tell({ kind: 'failed', code: failure.code, why: failure.message })
      this.#fail(failure)
      // The lock stays with the tab that knows why there is no stream: another would only find out again.
      await new Promise((resolve) => leading.addEventListener('abort', resolve))
    } finally {
      if (this.#run === leading) this.#run = undefined
    }
  }

  /** After a break: how much there is to come before the stream is live again. */
  async #lookAhead(leading: AbortSignal): Promise<void> {
    const head = await this.#options.head().catch(() => undefined)
    if (head === undefined || leading.aborted || distance(this.#position, head) < BEHIND_TOLD_MIN) return
    this.#goal = head
    this.#tellConnection({ kind: 'catching-up', behind: distance(this.#position, head) })
  }

  async #hear(message: ShareMessage, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    if (message.kind === 'hello') {
      if (!this.#leads) return
      if (this.#failure) this.#tell({ kind: 'failed', code: this.#failure.code, why: this.#failure.message })
      else if (this.#position !== undefined)
        this.#tell({ kind: 'here', position: this.#position, connection: this.#connection })
      return
    }
    // A tab that leads has heard it from the server itself.
    if (this.#leads) return
    switch (message.kind) {
      case 'here':
        if (this.#position === undefined) this.#stand(message.position)
        else await this.#readMissed(message.position, signal)
        // Meanwhile it may have become this tab's to say.
        if (!signal.aborted && !this.#leads) this.#connect(message.connection)
        break
      case 'item':
        if (this.#position === undefined) break
        await this.#readMissed(message.before, signal)
        if (!signal.aborted) this.#emit(message.item)
        break
      case 'connection':
        this.#connect(message.connection)
        break
      case 'gap':
        if (this.#isMissing(message.gap)) this.#gap(message.gap)
        break
      case 'failed':
        this.#fail(new SwitchboardError(message.code, message.why))
        break
    }
  }

  /** What the leader has and this tab has not: told while it was frozen, or by a leader before this one. */
  async #readMissed(until: string | undefined, signal: AbortSignal): Promise<void> {
    while (until !== undefined && isAfter(until, this.#position) && !signal.aborted) {
      try {
        const after = this.#position ?? until
        const onGap = (gap: Gap) => this.#gap(gap)
        const missed = this.#options.switchboard.events.list({ after, signal, pageSize: PAGE_SIZE, onGap })
        for await (const item of missed) this.#emit(item)
        // Read up to the end, which is not before what the leader had.
        if (isAfter(until, this.#position)) this.#position = until
      } catch {
        if (signal.aborted || this.#leads) return
        this.#connect({ kind: 'reconnecting', at: this.#now() + RETRY_MS, why: 'what was missed could not be read' })
        await (this.#options.wait ?? waitFor)(RETRY_MS, signal)
      }
    }
  }

  #stand(position: string): void {
    this.#position = position
    for (const reader of this.#readers) reader.begin(position)
    if (this.#leads) this.#tell({ kind: 'here', position, connection: this.#connection })
  }

  #emit(item: WorkspaceItem): void {
    if (!isAfter(item.id, this.#position)) return
    this.#position = item.id
    for (const reader of this.#readers) reader.put(item)
    if (this.#goal === undefined || isAfter(this.#goal, item.id)) return
    this.#goal = undefined
    this.#tellConnection({ kind: 'live' })
  }

  /** A leader that was away for longer than events are kept misses what the other tabs have. */
  #isMissing({ code, oldest }: Gap): boolean {
    return code !== 'history_truncated' || oldest === undefined || isAfter(oldest, this.#position)
  }

  #gap(gap: Gap): void {
    // What follows begins with the oldest kept; in a log that began anew, with positions that were seen before.
    if (gap.oldest !== undefined) this.#position = justBefore(gap.oldest)
    for (const reader of this.#readers) reader.gap(gap)
  }

  #tellConnection(connection: Connection): void {
    this.#tell({ kind: 'connection', connection })
    this.#connect(connection)
  }

  #connect(connection: Connection): void {
    this.#connection = connection
    for (const reader of this.#readers) reader.connection(connection)
  }

  #fail(failure: SwitchboardError): void {
    this.#failure = failure
    this.#connection = { kind: 'stopped', code: failure.code, why: failure.message }
    for (const reader of this.#readers) reader.fail(failure)
  }

  get #leads(): boolean {
    return this.#run !== undefined
  }

  #tell(message: ShareMessage): void {
    this.#share.say(message)
  }
}

/** What one `stream` has been given and not yet taken. */
class Reader {
  /** Where its live events begin; undefined when it ends before that is known. */
  readonly begins: Promise<string | undefined>
  failure: SwitchboardError | undefined
  isOver = false
  /** The last event of the past that it was given: live events up to there are repeats. */
  last: string | undefined
  readonly #options: FeedStreamOptions
  readonly #items: WorkspaceItem[] = []
  #begin: (position: string | undefined) => void = () => {}
  #wake: () => void = () => {}

  constructor(options: FeedStreamOptions) {
    this.#options = options
    this.begins = new Promise((resolve) => {
      this.#begin = resolve
    })
  }

  begin(position: string): void {
    this.#begin(position)
  }

  put(item: WorkspaceItem): void {
    this.#items.push(item)
    this.#wake()
  }

  gap(gap: Gap): void {
    this.last = undefined
    this.#options.onGap?.(gap)
  }

  connection(connection: Connection): void {
    this.#options.onConnection?.(connection)
  }

  fail(failure: SwitchboardError): void {
    this.failure = failure
    this.connection({ kind: 'stopped', code: failure.code, why: failure.message })
    this.#begin(undefined)
    this.#wake()
  }

  end(): void {
    this.isOver = true
    this.#begin(undefined)
    this.#wake()
  }

  /** @throws What the feed failed with. */
  async *items(): AsyncGenerator<WorkspaceItem, void, void> {
    for (;;) {
      const taken = this.#items.splice(0)
      for (const item of taken) {
        if (this.isOver) return
        yield item
      }
      if (this.isOver) return
      if (this.failure) throw this.failure
      if (this.#items.length > 0) continue
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

/** True when the position lies behind the other, or there is no other. */
function isAfter(id: string, other: string | undefined): boolean {
  const [position, before] = [parsePosition(id), other === undefined ? undefined : parsePosition(other)]
  return position === undefined || before === undefined || comparePositions(position, before) > 0
}

function justBefore(id: string): string {
  const position = parsePosition(id)
  return position === undefined ? id : `${position.time}-${Math.max(0, position.sequence - 1)}`
}

/** Entries from one position to another. */
function distance(from: string | undefined, to: string | undefined): number {
  const [start, end] = [from, to].map((id) => (id === undefined ? undefined : parsePosition(id)))
  return start && end ? Math.max(0, comparePositions(end, start)) : 0
}
