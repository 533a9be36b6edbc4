import type { CallList } from '@switchboard/contract'
import { createApi } from './api.js'
import type { Context } from './context.js'
import { CliError } from './failure.js'
import { keyOf, type Target } from './target.js'
import { workspaceId } from './workspace.js'

type Call = CallList['items'][number]

/** A whole id of a telephone call, which needs no looking up. */
const WHOLE = /^CA[0-9a-fA-F]{32}$/
const SHOWN_MAX = 5

/**
 * The call that somebody means who typed its id, the beginning of its id, or `latest`.
 * @throws CliError `call_unknown` when there is none, `bad_request` when there are several.
 */
export async function findCall(typed: string, target: Target, context: Context): Promise<string> {
  if (WHOLE.test(typed)) return typed
  const api = createApi(target.url.value, keyOf(target), context)
  const path = `/v1/${await workspaceId(target, context)}/calls`
  const active = await api.list<Call>(`${path}?status=active`).catch((error: unknown) => {
    // Keys that may observe and not read have to name the call in full.
    if (error instanceof CliError && error.code === 'forbidden') return undefined
    throw error
  })
  if (active === undefined) return typed
  if (typed === 'latest') return newest(active)
  const found = matching(typed, active)
  if (found !== undefined) return found
  return matching(typed, await api.list<Call>(`${path}?status=ended`)) ?? typed
}

function newest(calls: readonly Call[]): string {
  const [first] = [...calls].sort((a, b) => String(b.started_at).localeCompare(String(a.started_at)))
  if (first !== undefined) return first.call_sid
  throw new CliError(
    'call_unknown',
    'No call is active.',
    'Wait for one with `switchboard tail --types call.started`, or make some with `switchboard simulate`.',
  )
}

/** The one call whose id begins so; the whole id wins over others that begin with it. Undefined when there is none. */
function matching(typed: string, calls: readonly Call[]): string | undefined {
  const found = calls.map(({ call_sid }) => call_sid).filter((sid) => sid.startsWith(typed))
  if (found.length <= 1 || found.includes(typed)) return found.includes(typed) ? typed : found[0]
  const shown = found.slice(0, SHOWN_MAX).join(', ')
  throw new CliError(
    'bad_request',
    `${found.length} calls begin with ${typed}.`,
    `Type more of it: ${shown}${found.length > SHOWN_MAX ? ', …' : ''}`,
  )
}
