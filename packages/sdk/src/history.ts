import type { Clock } from './clock.js'
import { type Gap, readGap } from './gap.js'
import type { JsonObject } from './http.js'
import { timeOf } from './items.js'
import { type After, type Item, startOf } from './options.js'
import { eachItem, type Page } from './paging.js'

/** Where and how a history is read; the same for a workspace and for a call. */
export interface HistoryOptions {
  readonly types?: readonly string[]
  /** Where to start. Left out: with the oldest event kept. */
  readonly after?: After
  /** Events a request fetches, 1 to 1000. Default 100. */
  readonly pageSize?: number
  /** Events are missing: what was asked for is no longer kept, or never was. */
  readonly onGap?: (gap: Gap) => void
}

/** The part of a page's query that follows from the options. */
export interface HistoryQuery {
  readonly types?: string[]
  readonly limit?: number
  readonly after?: string
  readonly since?: string
  readonly continuation_token?: string
}

/** A page of a history; `gap` when events are missing on it, or before it. */
export type HistoryPage = Page<JsonObject> & { readonly gap?: object }

/** Kept events as items, oldest first, page by page as they are read. */
export async function* history<Event>(
  options: HistoryOptions,
  clock: Clock,
  read: (query: HistoryQuery) => Promise<HistoryPage>,
  eventOf: (data: JsonObject) => Event,
): AsyncGenerator<Item<Event>, void, void> {
  const { after, since } = startOf(options.after)
  const start = { ...(after !== undefined && { after }), ...(since !== undefined && { since }) }
  const query = {
    // None is all, as on a stream; the server would take an empty list at its word.
    ...(options.types?.length && { types: [...options.types] }),
    ...(options.pageSize !== undefined && { limit: options.pageSize }),
  }
  const pages = eachItem(async (continuation_token) => {
    const page = await read({ ...query, ...(continuation_token === undefined ? start : { continuation_token }) })
    if (page.gap) options.onGap?.(readGap({ ...page.gap }))
    return page
  })
  for await (const { id, ...data } of pages) {
    // A page's event carries its position among its fields.
    const position = typeof id === 'string' ? id : ''
    yield { id: position, time: timeOf(position, clock), event: eventOf(data) }
  }
}
