import { type Catalogue, type EventType, isPersonal } from '@switchboard/contract'
import type { Handlers } from './route-types.js'

/** The catalogue of this deployment, its own types included. */
export function eventTypeHandlers(catalogue: Catalogue): Handlers<'listEventTypes'> {
  return {
    async listEventTypes({ query }) {
      const items = catalogue.all(query.channel).map(eventTypeInfo)
      return { items, has_more: false, continuation_token: null, position: null }
    },
  }
}

function eventTypeInfo(type: EventType): object {
  const personal = Object.entries(type.fields).filter(([, schema]) => isPersonal(schema))
  return {
    type: type.type,
    channel: type.channel,
    family: type.family,
    title: type.title,
    meaning: type.meaning,
    schema_name: type.schemaName,
    custom: type.custom,
    example: type.example,
    personal_data: personal.map(([name]) => name),
    schema: type.delivered,
  }
}
