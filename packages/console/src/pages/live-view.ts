import type { EventFilter } from '@switchboard/sdk'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useSearchParams } from 'react-router'

export const ENTITY_NAMES = ['call_sid', 'surface_id', 'operator_id', 'data_source_id', 'entity_id'] as const
export type EntityName = (typeof ENTITY_NAMES)[number]

export interface Entity {
  readonly name: EntityName
  readonly value: string
}

/** What the page shows, as its address says it: a link opens the same view. */
export interface LiveView {
  readonly types: readonly string[]
  readonly entities: readonly Entity[]
  readonly text: string
  /** The instant the page stands at; undefined: now. */
  readonly at: Date | undefined
  /** The position of the event that is shown in full. */
  readonly event: string | undefined
  /** The types and entities, as the SDK takes them; another object only when they are others. */
  readonly filter: EventFilter
  change(changes: Partial<Omit<LiveView, 'filter' | 'change'>>): void
}

export function useLiveView(): LiveView {
  const [query, setQuery] = useSearchParams()
  const types = listOf(query.get('types'))
  const entities = ENTITY_NAMES.flatMap((name) => query.getAll(name).map((value) => ({ name, value })))
  const at = Date.parse(query.get('at') ?? '')
  const key = JSON.stringify([types, entities])
  // The key says all of both.
  const filter = useMemo(() => filterOf(types, entities), [key])
  return {
    types,
    entities,
    text: query.get('text') ?? '',
    // What is still to come is the present.
    at: at >= 0 && at <= Date.now() ? new Date(at) : undefined,
    event: query.get('event') ?? undefined,
    filter,
    change(changes) {
      // What is typed or walked through makes no steps to go back by; a filter does.
      const replace = !('types' in changes || 'entities' in changes || 'at' in changes)
      // As it is now: what was drawn last may be older than what was written last.
      setQuery(changed(new URLSearchParams(location.search), changes), { replace })
    },
  }
}

/** How long something rests before it is written into the address, which browsers let nobody do all the time. */
const REST_MS = 200

/**
 * A value that changes with every key: here at once, and in the address when it rests.
 *
 * @param kept What the address says.
 */
export function useRested<Value>(kept: Value, write: (value: Value) => void): [Value, (value: Value) => void] {
  const [value, setValue] = useState(kept)
  const written = useRef(kept)
  useEffect(() => {
    // A link was followed, or the reader went back.
    if (kept !== written.current) setValue(kept)
    written.current = kept
  }, [kept])
  useEffect(() => {
    if (value === written.current) return
    const timer = setTimeout(() => {
      written.current = value
      write(value)
    }, REST_MS)
    return () => clearTimeout(timer)
  })
  return [value, setValue]
}

function changed(before: URLSearchParams, changes: Partial<LiveView>): URLSearchParams {
  const next = new URLSearchParams(before)
  const put = (name: string, value: string | undefined) => (value ? next.set(name, value) : next.delete(name))
  if ('types' in changes) put('types', changes.types?.join(','))
  if ('text' in changes) put('text', changes.text)
  if ('at' in changes) put('at', changes.at?.toISOString())
  if ('event' in changes) put('event', changes.event)
  if (changes.entities) {
    for (const name of ENTITY_NAMES) next.delete(name)
    for (const { name, value } of changes.entities) next.append(name, value)
  }
  return next
}

function filterOf(types: readonly string[], entities: readonly Entity[]): EventFilter {
  const values = (name: EntityName) => {
    const found = entities.filter((each) => each.name === name).map(({ value }) => value)
    return found.length === 0 ? undefined : found
  }
  const [callSid, surfaceId, operatorId, dataSourceId, entityId] = ENTITY_NAMES.map(values)
  return {
    types,
    ...(callSid && { callSid }),
    ...(surfaceId && { surfaceId }),
    ...(operatorId && { operatorId }),
    ...(dataSourceId && { dataSourceId }),
    ...(entityId && { entityId }),
  }
}

function listOf(text: string | null): readonly string[] {
  return text ? text.split(',') : []
}
