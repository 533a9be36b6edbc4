import { type Catalogue, type ChannelKind, compileTypeFilter, limits, parseResumePoint } from '@switchboard/contract'
import type { StartPoint } from '../fanout/resume.js'
import { type FilterName, filterNames, type ViewRequest } from '../fanout/view.js'
import { refusedParameter } from '../refused-parameter.js'
import { quoted } from '../visible.js'

/** What a subscriber asks for, before anybody knows what it may see. */
export interface StreamQuery {
  readonly start: StartPoint
  readonly view: Omit<ViewRequest, 'masked' | 'always'>
}

const STREAM_PARAMETERS = ['types', ...filterNames, 'last_event_id', 'since', 'access_token'] as const
const OBSERVER_PARAMETERS = ['after', 'history', 'types'] as const

/**
 * The query of `GET /v1/{workspace_id}/events/stream` with its `Last-Event-ID`, which wins over `last_event_id`, which
 * wins over `since`: an EventSource reconnects with the header and its first address.
 * @param now Unix ms, for `since=15m`.
 * @throws SwitchboardError `invalid_parameter`, `invalid_position`: what was wrong with which parameter.
 */
export function parseStreamQuery(
  catalogue: Catalogue,
  query: URLSearchParams,
  headers: NodeJS.ReadOnlyDict<string | string[]>,
  now: number = Date.now(),
): StreamQuery {
  refuseUnknown(query, STREAM_PARAMETERS)
  one(query, 'access_token')
  const typed = one(query, 'last_event_id')
  const since = one(query, 'since')
  // All are checked, whichever wins: a mistake shows at once, not on the first reconnect.
  const fromQuery = typed === undefined ? undefined : resumePointOf('last_event_id', typed)
  const fromSince = since === undefined ? undefined : instant(since, now)
  return {
    start: fromHeader(headers['last-event-id']) ?? fromQuery ?? fromSince ?? { kind: 'live' },
    view: { ...types(catalogue, 'workspace', query), ...fields(query) },
  }
}

/**
 * The query of an observer. `after` wins over `history`.
 * @throws SwitchboardError `invalid_parameter`, `invalid_position`.
 */
export function parseObserverQuery(catalogue: Catalogue, query: URLSearchParams): StreamQuery {
  refuseUnknown(query, OBSERVER_PARAMETERS)
  const after = one(query, 'after')
  const history = one(query, 'history') ?? 'none'
  if (history !== 'all' && history !== 'none') throw refusedParameter('history', 'must be all or none')
  const start: StartPoint | undefined = after === undefined ? undefined : resumePointOf('after', after)
  return {
    start: start ?? { kind: history === 'all' ? 'all' : 'live' },
    view: types(catalogue, 'observer', query),
  }
}

function fromHeader(header: string | string[] | undefined): StartPoint | undefined {
  const text = Array.isArray(header) ? header[0] : header
  if (text === undefined || text === '') return undefined
  return parseResumePoint(text) ?? { kind: 'malformed', text }
}

/** @throws SwitchboardError `invalid_position`. */
export function resumePointOf(name: string, text: string): StartPoint {
  const point = parseResumePoint(text)
  if (point !== undefined) return point
  const accepted = 'give one as it was delivered (1763788800123-42), or Unix milliseconds'
  throw refusedParameter(name, `${quoted(text)} is not a position; ${accepted}`, 'invalid_position')
}

const AGE = /^(\d{1,9})(ms|s|m|h|d)$/
const AGE_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const DAY_CHARS = 'YYYY-MM-DD'.length
const ISO_TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/

function instant(text: string, now: number): StartPoint {
  const age = AGE.exec(text)
  if (age !== null) {
    const time = now - Number(age[1]) * AGE_MS[age[2] as keyof typeof AGE_MS]
    return { kind: 'from', time: Math.max(0, time) }
  }
  // A time without a zone is UTC, wherever the server stands.
  const zoned = /T[^Z+-]*$/.test(text) ? `${text}Z` : text
  const time = ISO_TIME.test(text) && isDay(text.slice(0, DAY_CHARS)) ? Date.parse(zoned) : Number.NaN
  if (!Number.isNaN(time)) return { kind: 'from', time: Math.max(0, time) }
  throw refusedParameter(
    'since',
    `${quoted(text)} is neither an age (90s, 15m, 2h, 1d) nor an ISO 8601 time (2026-01-31T09:30:00Z)`,
  )
}

/** Date.parse takes the 30th of February for the 2nd of March. */
function isDay(day: string): boolean {
  const time = Date.parse(day)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}

function types(catalogue: Catalogue, kind: ChannelKind, query: URLSearchParams): Pick<ViewRequest, 'types'> {
  const given = query.getAll('types')
  if (given.length === 0) return {}
  const patterns = given
    .flatMap((value) => value.split(','))
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '')
  if (patterns.length === 0)
    throw refusedParameter('types', 'is empty; give event types (call.started,call.*), or leave it out')
  const compiled = compileTypeFilter(catalogue, kind, patterns)
  if (!compiled.ok) throw refusedParameter('types', compiled.errors.map(({ message }) => message).join('; '))
  return { types: patterns }
}

function fields(query: URLSearchParams): Pick<ViewRequest, 'fields'> {
  const asked: Partial<Record<FilterName, readonly string[]>> = {}
  for (const name of filterNames) {
    const values = query.getAll(name)
    if (values.length === 0) continue
    if (values.length > limits.filterValuesMax) {
      throw refusedParameter(name, `is given ${values.length} times; ${limits.filterValuesMax} is the most`)
    }
    if (values.some((value) => value === '')) throw refusedParameter(name, 'is empty; give an id, or leave it out')
    if (values.some((value) => value.length > limits.idCharsMax)) {
      throw refusedParameter(name, `is longer than ${limits.idCharsMax} characters, which no id is`)
    }
    asked[name] = values
  }
  return Object.keys(asked).length === 0 ? {} : { fields: asked }
}

function one(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name)
  if (values.length > 1) throw refusedParameter(name, `is given ${values.length} times; give it once`)
  return values[0]
}

function refuseUnknown(query: URLSearchParams, known: readonly string[]): void {
  for (const name of query.keys()) {
    if (known.includes(name)) continue
    if (name === 'access_token') {
      throw refusedParameter(
        name,
        'is not accepted here; give the token as subprotocols (auth, <token>) or in Authorization',
      )
    }
    throw refusedParameter(name, `is not a parameter here; known are ${known.join(', ')}`)
  }
}
