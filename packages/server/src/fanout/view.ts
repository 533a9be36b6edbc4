import { type Catalogue, type ChannelKind, compileTypeFilter } from '@switchboard/contract'
import { type Entry, lineJson } from '../log/block.js'
import { refusedParameter } from '../refused-parameter.js'

/** The members of an event that a subscriber may filter by; each is also the name of its query parameter. */
export const filterNames = ['call_sid', 'surface_id', 'entity_id', 'operator_id', 'data_source_id'] as const
export type FilterName = (typeof filterNames)[number]

/** What a subscriber may and wants to see. */
export interface ViewRequest {
  /** Patterns of types: `call.started`, `call.*`. Any of them; undefined = all. */
  readonly types?: readonly string[]
  /** Any of the values of a name, and all of the names. */
  readonly fields?: Readonly<Partial<Record<FilterName, readonly string[]>>>
  /** True without `pii:read`: personal data arrives masked. */
  readonly masked: boolean
  /** Types that pass whatever the filters say: an observer must hear that its call is over. */
  readonly always?: readonly string[]
}

/** A compiled view. Equal requests have equal keys, and so share one ring of frames. */
export interface View {
  readonly key: string
  readonly kind: ChannelKind
  readonly masked: boolean
  /** Undefined: every entry passes. */
  readonly passes: ((entry: Entry) => boolean) | undefined
}

/** @throws SwitchboardError `invalid_parameter` for a pattern that no type of the channel fits. */
export function createView(catalogue: Catalogue, kind: ChannelKind, request: ViewRequest): View {
  const types = request.types === undefined || request.types.includes('*') ? undefined : sorted(request.types)
  const fields = filterNames.flatMap((name) => {
    const values = request.fields?.[name]
    return values === undefined || values.length === 0 ? [] : [[name, sorted(values)] as const]
  })
  const always = sorted(request.always ?? [])
  const unfiltered = types === undefined && fields.length === 0
  const key = JSON.stringify(unfiltered ? [request.masked] : [request.masked, types ?? null, fields, always])
  return {
    key,
    kind,
    masked: request.masked,
    passes: unfiltered ? undefined : filter(types && typeFilter(catalogue, kind, types), fields, new Set(always)),
  }
}

function sorted(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort()
}

function typeFilter(catalogue: Catalogue, kind: ChannelKind, types: readonly string[]): (type: string) => boolean {
  const compiled = compileTypeFilter(catalogue, kind, types)
  if (compiled.ok) return compiled.matches
  const faults = compiled.errors.map(({ message }) => message).join('; ')
  throw refusedParameter('types', faults)
}

function filter(
  typeMatches: ((type: string) => boolean) | undefined,
  fields: readonly (readonly [FilterName, readonly string[]])[],
  always: ReadonlySet<string>,
): (entry: Entry) => boolean {
  const wanted = fields.map(([name, values]) => ({
    name,
    values: new Set(values),
    // As it would stand in the frame: looking for bytes is far cheaper than parsing what does not match.
    needles: values.map((value) => Buffer.from(lineJson(value))),
  }))
  return (entry) => {
    if (always.has(entry.type)) return true
    if (typeMatches !== undefined && !typeMatches(entry.type)) return false
    return (
      wanted.every(({ needles }) => needles.some((needle) => entry.frame.includes(needle))) &&
      wanted.every(({ name, values }) => {
        const value = entry.event[name]
        return typeof value === 'string' && values.has(value)
      })
    )
  }
}
