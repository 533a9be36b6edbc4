import { type Context, workspaceOf } from './context.js'
import { publishEvents, readEvents } from './generated/sdk.gen.js'
import type { WorkspaceEventInput } from './generated/types.gen.js'
import { type HistoryOptions, type HistoryQuery, history } from './history.js'
import { type Query, segment } from './http.js'
import { type WorkspaceItem, workspaceItem } from './items.js'
import { keepConnected } from './link.js'
import { Live } from './live.js'
import { type After, type LiveOptions, startOf, stateCallback, typesFilter } from './options.js'
import { type Published, type PublishOptions, publishOnce } from './publish.js'
import { type Opened, SseTransport } from './sse-transport.js'
import { type SubscribeOptions, type Subscription, subscribe } from './subscribe.js'
import { type WorkspaceEvent, workspaceEvent } from './unknown.js'

/** A type of workspace event that this SDK knows. */
export type WorkspaceEventType = Exclude<WorkspaceEvent['event_type'], 'unknown'>

/** A type, a family as `call.*`, or `*`. Open, for types newer than this SDK. */
export type WorkspaceTypeFilter = WorkspaceEventType | FamilyOf<WorkspaceEventType> | '*' | (string & {})
type FamilyOf<Type extends string> = Type extends `${infer Family}.${string}` ? `${Family}.*` : never

/** Which events: any of the values within a name, all of the names. */
export interface EventFilter {
  readonly types?: readonly WorkspaceTypeFilter[]
  readonly callSid?: string | readonly string[]
  readonly surfaceId?: string | readonly string[]
  readonly entityId?: string | readonly string[]
  readonly operatorId?: string | readonly string[]
  readonly dataSourceId?: string | readonly string[]
}

export interface StreamOptions extends EventFilter, LiveOptions {
  /** Where to start. Left out: with what happens from now on. */
  readonly after?: After
  /** Each time the stream opens. */
  readonly onOpen?: (opened: Opened) => void
}

export interface ListEventsOptions extends EventFilter, Omit<HistoryOptions, 'types'> {
  readonly signal?: AbortSignal
}

/** The live workspace stream; see `Live`. */
export type EventStream = Live<WorkspaceItem>

/** The events of a workspace. */
export class Events {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /**
   * The workspace's events as they happen, each once and in order, over any number of reconnects.
   *
   * It ends when the signal aborts, and throws a SwitchboardError when it cannot go on. It is pulled: while an item is
   * worked on nothing is read, and the server waits. It can be read once.
   *
   * @throws SwitchboardError at once when an option is not accepted.
   */
  stream(options: StreamOptions = {}): EventStream {
    const context = this.#context
    const { clock, credential, random, baseUrl } = context
    const transport = new SseTransport({
      baseUrl,
      path: `/v1/${segment('workspaceId', workspaceOf(context))}/events/stream`,
      query: filterQuery(options),
      ...startOf(options.after),
      fetch: context.fetch,
      clock,
      silenceMs: options.silenceMs ?? context.silenceMs,
      onOpen: options.onOpen,
      onGap: options.onGap,
    })
    const policy = { ...context.reconnect, ...options.reconnect }
    const link = { credential, clock, random, policy, onState: stateCallback(options) }
    const items = async function* (signal: AbortSignal): AsyncGenerator<WorkspaceItem, void, void> {
      for await (const frame of keepConnected(transport, link, signal)) yield workspaceItem(frame, clock)
    }
    return new Live(items, () => transport.position, options.signal)
  }

  /** The same, with callbacks; see `SubscribeOptions`. Starts at once. */
  subscribe(options: StreamOptions & SubscribeOptions<WorkspaceItem, WorkspaceEventHandlers>): Subscription {
    return subscribe(this.stream(options), options, (item) => options.on?.[item.event.event_type])
  }

  /** Kept events, oldest first, page by page as they are read. */
  list(options: ListEventsOptions = {}): AsyncGenerator<WorkspaceItem, void, void> {
    const { rest: client, clock } = this.#context
    const path = { workspace_id: workspaceOf(this.#context) }
    const signal = options.signal ?? null
    const filter = lists(filterQuery(options))
    const read = async (query: HistoryQuery) =>
      (await readEvents({ client, path, query: { ...filter, ...query }, signal, throwOnError: true })).data
    return history(options, clock, read, (data) => workspaceEvent('', data))
  }

  /**
   * Publishes one event or several, which are then stored together or not at all. Resolves when they are on disk.
   *
   * A request that fails on its way is sent again with the same idempotency key, so that it is stored once.
   *
   * @throws SwitchboardError with `errors` when an event does not fit, and with `idempotencyKey` always.
   */
  publish(
    events: WorkspaceEventInput | readonly WorkspaceEventInput[],
    options: PublishOptions = {},
  ): Promise<Published> {
    const path = { workspace_id: workspaceOf(this.#context) }
    return publishOnce(events, options, (body, key) =>
      publishEvents({
        client: this.#context.rest,
        path,
        body,
        headers: { 'Idempotency-Key': key },
        signal: options.signal ?? null,
        throwOnError: true,
      }),
    )
  }
}

/** One callback for each type, and `unknown` for types newer than this SDK. */
export type WorkspaceEventHandlers = {
  readonly [Type in WorkspaceEvent['event_type']]?: (
    item: WorkspaceItem & { readonly event: Extract<WorkspaceEvent, { event_type: Type }> },
  ) => void | Promise<void>
}

function filterQuery(filter: EventFilter): Query {
  return {
    types: typesFilter(filter.types),
    call_sid: filter.callSid,
    surface_id: filter.surfaceId,
    entity_id: filter.entityId,
    operator_id: filter.operatorId,
    data_source_id: filter.dataSourceId,
  }
}

/** Each parameter as a list, as the generated functions want them. */
function lists(query: Query): Record<string, string[]> {
  const entries = Object.entries(query).flatMap(([name, value]): [string, string[]][] =>
    value === undefined ? [] : [[name, typeof value === 'object' ? [...value] : [String(value)]]],
  )
  return Object.fromEntries(entries)
}
