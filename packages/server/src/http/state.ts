import { formatPosition, type JsonObject, limits, type RouteQuery, SwitchboardError } from '@switchboard/contract'
import type { Principal } from '../access/principal.js'
import type { Log } from '../log/log.js'
import { showing } from '../state/personal.js'
import { mustMask } from '../transport/redaction.js'
import { keyTokens, readRecords, recordList } from './read-records.js'
import type { Checked, Handlers } from './route-types.js'

type StateRoutes = 'getState' | 'listCalls' | 'getCall' | 'listOperators' | 'listSurfaces' | 'listDataSources'

/** Records of one kind in the answer that holds them all. */
const STATE_RECORDS_MAX = 1000

/** The present of a workspace, at a position to stream from. */
export function stateHandlers(log: Log): Handlers<StateRoutes> {
  const list =
    (projection: string) =>
    ({ params, query, principal }: Checked<'listOperators' | 'listSurfaces' | 'listDataSources'>) =>
      listRecords(log, projection, params.workspace_id, query, principal)

  return {
    async getState({ params, principal }) {
      const workspace = params.workspace_id
      await log.catchUp()
      // Asked for in one turn, so that the log answers all from one moment where it can.
      const [calls, ended, operators, surfaces, sources] = await Promise.all([
        readRecords(log, { workspace, projection: 'calls', limit: STATE_RECORDS_MAX, passes: isActive }),
        readRecords(log, { workspace, projection: 'calls', limit: STATE_RECORDS_MAX, passes: isEnded }),
        readRecords(log, { workspace, projection: 'operators', limit: STATE_RECORDS_MAX }),
        readRecords(log, { workspace, projection: 'surfaces', limit: STATE_RECORDS_MAX }),
        readRecords(log, { workspace, projection: 'sources', limit: STATE_RECORDS_MAX }),
      ])
      const pages = [calls, ended, operators, surfaces, sources]
      const shown = (projection: string, items: readonly { readonly record: JsonObject }[]): readonly object[] =>
        items.slice(0, STATE_RECORDS_MAX).map(({ record }) => show(projection, principal)(record))
      const allCalls = [...calls.items, ...ended.items]
      // The oldest of the positions: what the later reads saw beyond it, a stream after it repeats, and folding it
      // again changes nothing.
      const position = pages.reduce(
        (oldest, page) => (page.position.sequence < oldest.sequence ? page.position : oldest),
        calls.position,
      )
      return {
        calls: shown('calls', allCalls),
        operators: shown('operators', operators.items),
        surfaces: shown('surfaces', surfaces.items),
        sources: shown('sources', sources.items),
        has_more: allCalls.length > STATE_RECORDS_MAX || pages.some((page) => page.continueAfter !== undefined),
        position: formatPosition(position),
      }
    },

    listCalls: ({ params, query, principal }) =>
      listRecords(log, 'calls', params.workspace_id, query, principal, callsThat(query)),

    async getCall({ params, principal }) {
      const { workspace_id: workspace, call_sid: call } = params
      await log.catchUp()
      // The position first: what the record then holds beyond it, a stream after it repeats.
      const { newest } = await log.bounds({ workspace })
      const found = await log.record(workspace, 'calls', call)
      if (found === undefined) throw new SwitchboardError('call_unknown', 'No event of this call is known.')
      return { call: show('calls', principal)(found.record), position: formatPosition(newest) }
    },

    listOperators: list('operators'),
    listSurfaces: list('surfaces'),
    listDataSources: list('sources'),
  }
}

async function listRecords(
  log: Log,
  projection: string,
  workspace: string,
  query: RouteQuery<'listOperators'>,
  principal: Principal,
  passes?: (record: JsonObject) => boolean,
): Promise<object> {
  const { limit = limits.pageDefault, continuation_token: token } = query
  await log.catchUp()
  const page = await readRecords(log, {
    workspace,
    projection,
    limit,
    ...(token !== undefined && { afterKey: keyTokens.keyOf(token) }),
    ...(passes && { passes }),
  })
  return recordList(page, show(projection, principal))
}

function show(projection: string, principal: Principal): (record: JsonObject) => object {
  return showing(projection, !mustMask(principal))
}

/** What the query asks of a call; undefined when it asks for all. */
function callsThat({ status, ended_since }: RouteQuery<'listCalls'>): ((record: JsonObject) => boolean) | undefined {
  if (status === undefined && ended_since === undefined) return undefined
  const since = ended_since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(ended_since)
  return (record) =>
    (status === undefined || record.status === status) &&
    (typeof record.ended_at !== 'string' || Date.parse(record.ended_at) >= since)
}

const isActive = (record: JsonObject): boolean => record.status === 'active'
const isEnded = (record: JsonObject): boolean => record.status === 'ended'
