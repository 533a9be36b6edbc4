import { type Context, workspaceOf } from './context.js'
import { getCall, listCalls, publishCallEvents, readCallEvents } from './generated/sdk.gen.js'
import type { CallAnswer, CallState, ObserverEventInput, SessionInfoEvent } from './generated/types.gen.js'
import { type HistoryOptions, type HistoryQuery, history } from './history.js'
import { segment } from './http.js'
import { type ObserverItem, observerItem } from './items.js'
import { keepConnected } from './link.js'
import { Observation } from './observation.js'
import { ObserverTransport } from './observer-transport.js'
import { type LiveOptions, startOf, stateCallback, typesFilter } from './options.js'
import { eachItem } from './paging.js'
import { type Published, type PublishOptions, publishOnce } from './publish.js'
import { type ObserverEvent, observerEvent } from './unknown.js'

/** A type of observer event that this SDK knows. */
export type ObserverEventType = Exclude<ObserverEvent['type'], 'unknown'>
/** A type, or `*`. Open, for types newer than this SDK. */
export type ObserverTypeFilter = ObserverEventType | '*' | (string & {})

export interface ObserveOptions extends LiveOptions {
  readonly types?: readonly ObserverTypeFilter[]
  /** `all`: what has happened on the call so far comes first. `none`: only what happens from now on. Default `all`. */
  readonly history?: 'all' | 'none'
  /** The position to go on after; `history` then says nothing. */
  readonly after?: string
  /** The backlog is over: what follows happens now. Once for each connection that had one. */
  readonly onLive?: () => void
  /**
   * UTF-16 units of frames kept while the consumer is slow. Beyond it the connection is let go, and taken up again where
   * it stood when the consumer has caught up. Default 1 Mi.
   */
  readonly inboxCharsMax?: number
}

export interface ListCallEventsOptions extends HistoryOptions {
  readonly types?: readonly ObserverTypeFilter[]
  readonly signal?: AbortSignal
}

const INBOX_CHARS_MAX = 1024 * 1024

/** The calls of a workspace, and the channel of each. */
export class Calls {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /**
   * What happens on one call, each event once and in order, over any number of reconnects. Ends when the call is over.
   *
   * The call's `session_info` is the first item, and `.info` besides; later connections bring it anew, and it is then
   * not repeated. With `types`, it is an item only when they name it.
   *
   * @throws SwitchboardError at once when an option is not accepted.
   */
  observe(callSid: string, options: ObserveOptions = {}): Observation {
    const context = this.#context
    const { clock, credential, random, baseUrl } = context
    const types = typesFilter(options.types)
    const wantsInfo = options.types === undefined || types === undefined || /(^|,)(\*|session_info)(,|$)/.test(types)
    let tellInfo = (_info: SessionInfoEvent): void => {}
    const transport = new ObserverTransport({
      baseUrl,
      path: `/v1/${segment('workspaceId', workspaceOf(context))}/observers/${segment('callSid', callSid)}/ws`,
      types,
      after: startOf(options.after).after,
      history: options.history ?? 'all',
      WebSocket: context.WebSocket,
      clock,
      silenceMs: options.silenceMs ?? context.silenceMs,
      inboxCharsMax: options.inboxCharsMax ?? INBOX_CHARS_MAX,
      onInfo: (data) => {
        const event = observerEvent(data)
        if (event.type === 'session_info') tellInfo(event)
      },
      onLive: options.onLive,
      onGap: options.onGap,
    })
    const policy = { ...context.reconnect, ...options.reconnect }
    const link = { credential, clock, random, policy, onState: stateCallback(options) }
    const items = async function* (signal: AbortSignal): AsyncGenerator<ObserverItem, void, void> {
      for await (const frame of keepConnected(transport, link, signal)) {
        if (frame.type !== 'session_info' || wantsInfo) yield observerItem(frame, clock)
      }
    }
    const observation = new Observation(items, () => transport.position, options.signal)
    tellInfo = (info) => observation.tell(info)
    return observation
  }

  /** Kept events of one call, oldest first, page by page as they are read. */
  listEvents(callSid: string, options: ListCallEventsOptions = {}): AsyncGenerator<ObserverItem, void, void> {
    const { rest: client, clock } = this.#context
    const path = this.#pathTo(callSid)
    const signal = options.signal ?? null
    typesFilter(options.types)
    const read = async (query: HistoryQuery) =>
      (await readCallEvents({ client, path, query, signal, throwOnError: true })).data
    return history(options, clock, read, observerEvent)
  }

  /**
   * Publishes one event or several to a call's channel; they are stored together or not at all. Resolves when they are
   * on disk. Tried again as `events.publish` is.
   *
   * @throws SwitchboardError with `errors` when an event does not fit, and with `idempotencyKey` always.
   */
  publish(
    callSid: string,
    events: ObserverEventInput | readonly ObserverEventInput[],
    options: PublishOptions = {},
  ): Promise<Published> {
    const path = this.#pathTo(callSid)
    return publishOnce(events, options, (body, key) =>
      publishCallEvents({
        client: this.#context.rest,
        path,
        body,
        headers: { 'Idempotency-Key': key },
        signal: options.signal ?? null,
        throwOnError: true,
      }),
    )
  }

  /** Calls and where each stands. `endedSince` leaves out those that ended before it. */
  list(
    options: { readonly status?: 'active' | 'ended'; readonly endedSince?: Date } = {},
  ): AsyncGenerator<CallState, void, void> {
    const path = { workspace_id: workspaceOf(this.#context) }
    const { status, endedSince } = options
    const wanted = {
      ...(status !== undefined && { status }),
      ...(endedSince !== undefined && { ended_since: endedSince.toISOString() }),
    }
    return eachItem(async (continuation_token) => {
      const query = { ...wanted, ...(continuation_token !== undefined && { continuation_token }) }
      return (await listCalls({ client: this.#context.rest, path, query, throwOnError: true })).data
    })
  }

  /** One call, and the position it was read at: streaming after that misses nothing and repeats nothing. */
  async get(callSid: string): Promise<CallAnswer> {
    return (await getCall({ client: this.#context.rest, path: this.#pathTo(callSid), throwOnError: true })).data
  }

  #pathTo(callSid: string): { workspace_id: string; call_sid: string } {
    segment('callSid', callSid)
    return { workspace_id: workspaceOf(this.#context), call_sid: callSid }
  }
}
