import { limits, SwitchboardError } from '@switchboard/contract'

/** How a list is asked for. */
export interface ListQuery {
  readonly limit?: number
  readonly continuation_token?: string
}

/**
 * A page of a list that is at hand as a whole. The continuation names the last item shown, so that items which come or
 * go between two pages move nothing.
 * @throws SwitchboardError `invalid_parameter` when that item is gone: the list has to be begun again.
 */
export function pageOf<T>(items: readonly T[], idOf: (item: T) => string, query: ListQuery): object {
  const { limit = limits.pageDefault, continuation_token: token } = query
  const from = token === undefined ? 0 : items.findIndex((item) => idOf(item) === token) + 1
  if (token !== undefined && from === 0) {
    throw new SwitchboardError('invalid_parameter', 'The continuation_token is not one of this list, or no longer.')
  }
  const shown = items.slice(from, from + limit)
  const last = shown[shown.length - 1]
  const more = from + limit < items.length && last !== undefined
  return { items: shown, has_more: more, continuation_token: more ? idOf(last) : null, position: null }
}
