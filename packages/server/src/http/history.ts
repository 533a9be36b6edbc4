import { type Catalogue, limits, parsePosition, type RouteQuery, SwitchboardError } from '@switchboard/contract'
import type { Principal } from '../access/principal.js'
import type { Clock } from '../clock.js'
import type { StartPoint } from '../fanout/resume.js'
import { createView, filterNames, type ViewRequest } from '../fanout/view.js'
import type { Log } from '../log/log.js'
import { refusedContinuation } from '../refused-parameter.js'
import { parseStreamQuery, resumePointOf } from '../transport/query.js'
import { mustMask } from '../transport/redaction.js'
import { type HistoryPage, readHistory } from './read-history.js'
import type { Handlers } from './route-types.js'

export interface HistoryDeps {
  readonly log: Log
  readonly catalogue: Catalogue
  readonly clock: Clock
}

type Query = RouteQuery<'readEvents'>

/** The past of a workspace and of a call, in pages. */
export function historyHandlers({ log, catalogue, clock }: HistoryDeps): Handlers<'readEvents' | 'readCallEvents'> {
  return {
    async readEvents({ params, query, principal }) {
      const view = createView(catalogue, 'workspace', viewOf(query, principal))
      const channel = { workspace: params.workspace_id }
      return readHistory(log, catalogue, {
        channel,
        view,
        from: startOf(catalogue, query, clock),
        limit: limitOf(query),
      })
    },

    async readCallEvents({ params, query, principal }): Promise<HistoryPage> {
      const { workspace_id: workspace, call_sid: call } = params
      const view = createView(catalogue, 'observer', viewOf(query, principal))
      const channel = { workspace, call }
      const page = await readHistory(log, catalogue, {
        channel,
        view,
        from: startOf(catalogue, query, clock),
        limit: limitOf(query),
      })
      // Nothing was ever published to it, and no workspace event has named it either.
      const { newest } = await log.bounds(channel)
      if (newest.sequence === 0 && (await log.record(workspace, 'calls', call)) === undefined) {
        throw new SwitchboardError('call_unknown', 'No event of this call is known.')
      }
      return page
    },
  }
}

function viewOf(query: Partial<Query>, principal: Principal): ViewRequest {
  const fields = Object.fromEntries(filterNames.flatMap((name) => (query[name] ? [[name, query[name]]] : [])))
  return { masked: mustMask(principal), fields, ...(query.types && { types: query.types }) }
}

/** Where a page begins. A continuation wins over where the first page began, so that the rest of the query may stay. */
function startOf(catalogue: Catalogue, query: Partial<Query>, clock: Clock): StartPoint {
  const { continuation_token: token, after, since } = query
  if (token !== undefined) {
    const position = parsePosition(token)
    if (position !== undefined) return { kind: 'after', position }
    throw refusedContinuation()
  }
  if (after !== undefined) return resumePointOf('after', after)
  if (since === undefined) return { kind: 'all' }
  // Read as the stream reads it.
  return parseStreamQuery(catalogue, new URLSearchParams({ since }), { 'last-event-id': undefined }, clock.now()).start
}

function limitOf(query: Partial<Query>): number {
  return query.limit ?? limits.historyPageDefault
}
