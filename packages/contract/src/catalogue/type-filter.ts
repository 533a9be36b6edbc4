import type { ErrorItem } from '../api/failures.js'
import { limits } from '../api/limits.js'
import type { ChannelKind } from './define.js'
import type { Catalogue } from './registry.js'

/** Which types a subscriber wants. */
export interface TypeFilter {
  readonly ok: true
  /** Cheap enough to be asked for every event. */
  matches(type: string): boolean
  /** The types of the catalogue that it lets through. */
  readonly types: readonly string[]
}

export interface RefusedTypeFilter {
  readonly ok: false
  /** Paths are JSON pointers into the list of patterns. */
  readonly errors: readonly ErrorItem[]
}

/**
 * Compiles the patterns of `types=`: an event type (`call.started`), the beginning of some (`call.*`, `agent_*`), or
 * `*` for all. Each must match a type of the catalogue; an empty list matches nothing. A beginning also matches types
 * that the catalogue does not know yet or any more.
 */
export function compileTypeFilter(
  catalogue: Catalogue,
  kind: ChannelKind,
  patterns: readonly string[],
): TypeFilter | RefusedTypeFilter {
  if (patterns.length > limits.filterValuesMax) {
    return { ok: false, errors: [{ path: '', message: `must have ${limits.filterValuesMax} values or fewer` }] }
  }
  const known = catalogue.all(kind).map(({ type }) => type)
  const errors: ErrorItem[] = []
  const exact = new Set<string>()
  const beginnings: string[] = []
  for (const [index, pattern] of patterns.entries()) {
    const beginning = pattern.endsWith('*') ? pattern.slice(0, -1) : undefined
    const matched =
      beginning === undefined
        ? catalogue.get(kind, pattern) !== undefined
        : known.some((type) => type.startsWith(beginning))
    if (!matched) errors.push({ path: `/${index}`, message: unknownPattern(catalogue, kind, pattern) })
    else if (beginning === undefined) exact.add(pattern)
    else beginnings.push(beginning)
  }
  if (errors.length > 0) return { ok: false, errors }

  // The catalogue's types are decided here, so that the answer for an event is one look-up.
  const wanted = new Set(known.filter((type) => exact.has(type) || beginnings.some((start) => type.startsWith(start))))
  const others = new Set(known.filter((type) => !wanted.has(type)))
  return {
    ok: true,
    types: [...wanted],
    matches: (type) => wanted.has(type) || (!others.has(type) && beginnings.some((start) => type.startsWith(start))),
  }
}

/** A pattern that is not shaped like one is not repeated: it may be anything. */
const PATTERN_SHAPE = /^[A-Za-z][\w.-]{0,63}\*?$/

function unknownPattern(catalogue: Catalogue, kind: ChannelKind, pattern: string): string {
  if (!PATTERN_SHAPE.test(pattern)) {
    return 'must be an event type (call.started), the beginning of some (call.*), or * for all'
  }
  if (pattern.endsWith('*')) {
    const families = new Set(catalogue.all(kind).map(({ family }) => family))
    const hint = kind === 'workspace' ? `; the families are ${[...families].join(', ')}` : ' of observers'
    return `${pattern} matches no event type${hint}`
  }
  if (kind === 'workspace' && catalogue.get('observer', pattern) !== undefined) {
    return `${pattern} is an observer event, and this is the workspace stream`
  }
  if (kind === 'observer' && catalogue.get('workspace', pattern) !== undefined) {
    return `${pattern} is a workspace event, and this is an observer`
  }
  const near = catalogue.nearest(kind, pattern)
  return `${pattern} is not an event type${near === undefined ? ' of this stream' : `; the nearest is ${near}`}`
}
