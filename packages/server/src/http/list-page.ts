import { limits } from '@switchboard/contract'
import { refusedContinuation } from '../refused-parameter.js'
import { keyTokens } from './read-records.js'

/** How a list is asked for. */
export interface ListQuery {
  readonly limit?: number
  readonly continuation_token?: string
}

export interface ListPage<T> {
  readonly items: readonly T[]
  readonly has_more: boolean
  readonly continuation_token: string | null
  readonly position: null
}

/**
 * A page of a list that is at hand as a whole. The continuation names the last item shown, so that items which come or
 * go between two pages move nothing.
 * @throws SwitchboardError `invalid_parameter` when that item is gone: the list has to be begun again.
 */
export function pageOf<T>(items: readonly T[], idOf: (item: T) => string, query: ListQuery): ListPage<T> {
  const { limit = limits.pageDefault, continuation_token: token } = query
  const from = token === undefined ? 0 : items.findIndex((item) => idOf(item) === token) + 1
  if (token !== undefined && from === 0) throw refusedContinuation()
  const shown = items.slice(from, from + limit)
  const last = shown[shown.length - 1]
  const more = from + limit < items.length && last !== undefined
  return { items: shown, has_more: more, continuation_token: more ? idOf(last) : null, position: null }
}

/**
 * A page of a list that is sorted by a key. The continuation is a place in that order: it holds when the last item shown
 * is gone, as streams may be.
 * @throws SwitchboardError `invalid_parameter` for a continuation that no list gave.
 */
export function orderedPage<T>(items: readonly T[], keyOf: (item: T) => string, query: ListQuery): ListPage<T> {
  const { limit = limits.pageDefault, continuation_token: token } = query
  const after = token === undefined ? '' : keyTokens.keyOf(token)
  const left = items.map((item) => ({ item, key: keyOf(item) })).filter(({ key }) => key > after)
  left.sort((a, b) => (a.key < b.key ? -1 : 1))
  const shown = left.slice(0, limit)
  const last = left.length > limit ? shown.at(-1) : undefined
  return {
    items: shown.map(({ item }) => item),
    has_more: last !== undefined,
    continuation_token: last === undefined ? null : keyTokens.of(last.key),
    position: null,
  }
}
