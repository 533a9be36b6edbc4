import {
  type AuditAction,
  type AuditList,
  type AuditRecord,
  type Catalogue,
  limits,
  type RouteQuery,
} from '@switchboard/contract'
import { firstSince, type Kept, keptOf } from '../audit/find.js'
import type { Clock } from '../clock.js'
import type { Ledger } from '../log/ledger.js'
import { refusedContinuation } from '../refused-parameter.js'
import { parseStreamQuery } from '../transport/query.js'
import type { Handlers } from './route-types.js'

export interface AuditRouteDeps {
  readonly ledger: Ledger
  readonly catalogue: Catalogue
  readonly clock: Clock
}

type Query = RouteQuery<'listAudit'>

/** Records read from the ledger at a time, and looked at for one page: a rare actor does not hold up everybody else. */
const READ_RECORDS = 500
const SCAN_MAX = 20_000

/** The audit trail of a workspace. It is the same for everybody who may read it: nothing of an event is in it. */
export function auditHandlers({ ledger, catalogue, clock }: AuditRouteDeps): Handlers<'listAudit'> {
  return {
    async listAudit({ params: { workspace_id: workspace }, query }): Promise<AuditList> {
      const head = await ledger.head(workspace)
      const kept = head && (await keptOf(ledger, workspace))
      if (head === undefined || kept === undefined) {
        return { items: [], has_more: false, continuation_token: null, position: null, head: null, anchor: null }
      }
      const anchor = kept.first === 1 ? null : { sequence: kept.first - 1, hash: kept.previous }
      return { ...(await pageOf(workspace, kept, query)), position: null, head, anchor }
    },
  }

  async function pageOf(
    workspace: string,
    kept: Kept,
    query: Query,
  ): Promise<Pick<AuditList, 'items' | 'has_more' | 'continuation_token'>> {
    const { limit = limits.historyPageDefault, order = 'oldest', after = 0, continuation_token: token } = query
    const low = Math.max(kept.first, after + 1, await sinceOf(workspace, kept, query.since))
    const items: AuditRecord[] = []
    // The next one to look at, in whichever direction.
    let at = token === undefined ? (order === 'oldest' ? low : kept.last) : placeOf(token)
    const isOver = () => (order === 'oldest' ? at > kept.last : at < low)
    for (let scanned = 0; !isOver() && items.length < limit && scanned < SCAN_MAX; ) {
      const from = order === 'oldest' ? Math.max(at, low) : Math.max(low, at - READ_RECORDS + 1)
      const until = order === 'oldest' ? Math.min(kept.last, from + READ_RECORDS - 1) : at
      const read = await ledger.read(workspace, from, until - from + 1)
      const within = read.filter(({ sequence }) => sequence <= until) as unknown as AuditRecord[]
      at = order === 'oldest' ? until + 1 : from - 1
      for (const record of order === 'oldest' ? within : within.reverse()) {
        if (!passes(record, query)) continue
        items.push(record)
        if (items.length < limit) continue
        at = record.sequence + (order === 'oldest' ? 1 : -1)
        break
      }
      scanned += until - from + 1
    }
    const more = !isOver()
    return { items, has_more: more, continuation_token: more ? String(at) : null }
  }

  async function sinceOf(workspace: string, kept: Kept, since: string | undefined): Promise<number> {
    if (since === undefined) return 1
    // Read as the stream reads it.
    const asked = parseStreamQuery(catalogue, new URLSearchParams({ since }), {}, clock.now()).start
    return asked.kind === 'from' ? firstSince(ledger, workspace, kept, asked.time) : 1
  }
}

function passes({ actor, action, target }: AuditRecord, query: Query): boolean {
  if (query.actor !== undefined && actor.key_id !== query.actor && actor.token_id !== query.actor) return false
  if (query.action !== undefined && !(query.action as readonly AuditAction[]).includes(action)) return false
  return query.call_sid === undefined || (target.kind === 'call' && target.id === query.call_sid)
}

function placeOf(token: string): number {
  if (/^[1-9][0-9]{0,14}$/.test(token)) return Number(token)
  throw refusedContinuation()
}
