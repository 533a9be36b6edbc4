import type { ErrorItem } from '../api/failures.js'
import { type ChannelKind, discriminators, type EventType, type JsonObject } from './define.js'
import { kindOf } from './explain.js'
import type { Catalogue } from './registry.js'

/** Why an event's type is not known. */
export interface Unidentified {
  readonly code: 'invalid_event' | 'unknown_event_type'
  readonly error: ErrorItem
}

const NAMES = { workspace: 'a workspace event', observer: 'an observer event' } as const
const ROUTES = {
  workspace: '/v1/{workspace_id}/events',
  observer: '/v1/{workspace_id}/calls/{call_sid}/events',
} as const
const OTHERS = { workspace: 'observer', observer: 'workspace' } as const

/** Anything else in the place of a type may be personal data, and is not repeated in a message. */
const TYPE_SHAPE = /^[A-Za-z][\w.-]{0,63}$/

/** The type an event says it has, looked up on its channel. */
export function identify(catalogue: Catalogue, kind: ChannelKind, input: JsonObject): EventType | Unidentified {
  const discriminator = discriminators[kind]
  const path = `/${discriminator}`
  const name = input[discriminator]
  if (typeof name === 'string') {
    const type = catalogue.get(kind, name)
    return type ?? { code: 'unknown_event_type', error: { path, message: unknownType(catalogue, kind, name) } }
  }
  const message = name === undefined ? missing(kind, input) : `must be a string, not ${kindOf(name)}`
  return { code: 'invalid_event', error: { path, message } }
}

function missing(kind: ChannelKind, input: JsonObject): string {
  const other = discriminators[OTHERS[kind]]
  return typeof input[other] === 'string'
    ? `is missing: ${NAMES[kind]} says its type in ${discriminators[kind]}, not in ${other}`
    : 'is missing: it says which type of the catalogue the event has'
}

function unknownType(catalogue: Catalogue, kind: ChannelKind, name: string): string {
  const other = OTHERS[kind]
  if (catalogue.get(other, name) !== undefined) {
    return `${name} is ${NAMES[other]}, not ${NAMES[kind]}: publish it to ${ROUTES[other]}, its type in ${discriminators[other]}`
  }
  const unknown = `${TYPE_SHAPE.test(name) ? `${name} ` : ''}is not an event type of the catalogue`
  const near = catalogue.nearest(kind, name)
  if (near !== undefined) return `${unknown}; the nearest is ${near}`
  const far = catalogue.nearest(other, name)
  return far === undefined ? unknown : `${unknown}; the nearest is ${far}, ${NAMES[other]}`
}
