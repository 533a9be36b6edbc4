import type { EventFilter, WorkspaceItem } from '@switchboard/sdk'

/** The members of an event that can be filtered by, and the option of each. */
const MEMBERS = {
  call_sid: 'callSid',
  surface_id: 'surfaceId',
  entity_id: 'entityId',
  operator_id: 'operatorId',
  data_source_id: 'dataSourceId',
} as const satisfies Record<string, keyof EventFilter>

/** The server's rule (wire contract, "Workspace stream"): any of the values within a name, all of the names. */
export function matching(filter: EventFilter): (item: WorkspaceItem) => boolean {
  const types = filter.types ?? []
  const members = Object.entries(MEMBERS).flatMap(([member, option]) => {
    const wanted = filter[option]
    const values = wanted === undefined ? [] : typeof wanted === 'string' ? [wanted] : wanted
    return values.length === 0 ? [] : [[member, new Set<unknown>(values)] as const]
  })
  return ({ event }) => {
    const unknown = event.event_type === 'unknown'
    const type = unknown ? event.actual_type : event.event_type
    const fields: Readonly<Record<string, unknown>> = unknown ? event.raw : { ...event }
    return (
      (types.length === 0 || types.some((pattern) => fits(pattern, type))) &&
      members.every(([member, values]) => values.has(fields[member]))
    )
  }
}

function fits(pattern: string, type: string): boolean {
  return pattern.endsWith('*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type
}
