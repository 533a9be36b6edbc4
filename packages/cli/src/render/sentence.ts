import type { JsonObject } from '@switchboard/contract'
import { clean, counted, duration, shorten } from './text.js'

/** How an id is written: whole for programs, shortened for people. */
export type IdStyle = (id: unknown) => string

type Say = (event: JsonObject, id: IdStyle) => string

/** Longest free text of an event inside its one line. */
const NOTE_CHARS_MAX = 100
/** Fields shown of a type that has no sentence of its own. */
const FIELDS_MAX = 4

const has = (value: unknown): boolean => value !== undefined && value !== null && value !== ''
const note = (value: unknown): string => shorten(clean(value), NOTE_CHARS_MAX)
const tail = (value: unknown, before = ': '): string => (has(value) ? `${before}${note(value)}` : '')
const words = (value: unknown): string => clean(value).replaceAll('_', ' ')

/** What each type of the seed says, as half a sentence with the two or three fields that matter. */
const SENTENCES: Readonly<Record<string, Say>> = {
  'call.started': (e, id) =>
    `${id(e.call_sid)} ${clean(e.direction)}${tail(e.caller_id, e.direction === 'outbound' ? ' to ' : ' from ')}`,
  'call.ended': (e, id) =>
    `${id(e.call_sid)} ${words(e.completion_reason)} after ${duration(Number(e.duration_seconds) * 1000)}${e.escalated === true ? ', was escalated' : ''}`,
  'call.escalated': (e, id) => `${id(e.call_sid)} needs a person, says the ${clean(e.trigger)}${tail(e.reason)}`,
  'surface.created': (e, id) =>
    `${id(e.surface_id)} ${clean(e.channel)} form with ${counted(Number(e.fields_count), 'field')}`,
  'surface.delivered': (e, id) => `${id(e.surface_id)} by ${clean(e.channel)}: ${words(e.delivery_status)}`,
  'surface.updated': (e, id) => `${id(e.surface_id)} was changed`,
  'surface.archived': (e, id) => `${id(e.surface_id)} was put away`,
  'surface.reshaped': (e, id) => `${id(e.surface_id)} took the place of ${id(e.original_surface_id)}`,
  'surface.submitted': (e, id) => `${id(e.surface_id)} was handed in`,
  'surface.field_saved': (e, id) => `${id(e.surface_id)} ${note(e.field_id ?? e.field_key)}`,
  'surface.opened': (e, id) => `${id(e.surface_id)} was opened`,
  'surface.pending_review': (e, id) => `${id(e.surface_id)} waits for a reviewer`,
  'surface.review_approved': (e, id) => `${id(e.surface_id)} was approved`,
  'surface.review_rejected': (e, id) => `${id(e.surface_id)} was rejected${tail(e.reason)}`,
  'operator.registered': (e, id) => `${id(e.operator_id)} is new`,
  'operator.status_changed': (e, id) => `${id(e.operator_id)} is ${clean(e.status)}`,
  'operator.profile_updated': (e, id) => `${id(e.operator_id)} ${changes(e.changes)}`,
  'operator.joined_call': (e, id) => `${id(e.operator_id)} joined ${id(e.call_sid)} to ${joined(e.mode)}`,
  'operator.left_call': (e, id) =>
    `${id(e.operator_id)} left ${id(e.call_sid)}${has(e.human_segment_turn_count) ? ` after ${counted(Number(e.human_segment_turn_count), 'turn')}` : ''}`,
  'operator.mode_changed': (e, id) => `${id(e.operator_id)} on ${id(e.call_sid)}: ${clean(e.mode)}`,
  'operator.wrap_up': (e, id) => `${id(e.call_sid)} wrapped up${tail(e.wrap_up_reason)}`,
  'pipeline.sync_completed': (e, id) =>
    `${id(e.data_source_id)} ${counted(Number(e.event_count), 'event')} in ${duration(Number(e.duration_ms))}`,
  'pipeline.error': (e, id) => `${id(e.data_source_id)} failed${tail(e.error)}`,
}

function changes(value: unknown): string {
  if (typeof value !== 'object' || value === null) return 'changed their profile'
  const names = Object.entries(value).map(([name, to]) =>
    to === null ? `${clean(name)} removed` : `${clean(name)} is ${note(to)}`,
  )
  return names.length === 0 ? 'changed nothing' : shorten(names.join(', '), NOTE_CHARS_MAX)
}

function joined(mode: unknown): string {
  if (mode === 'listen') return 'listen'
  return mode === 'takeover' ? 'take over' : clean(mode)
}

/** What happened, without the type and the time. */
export function sentence(event: JsonObject, id: IdStyle): string {
  const say = SENTENCES[String(event.event_type)]
  return say === undefined ? fields(event, id) : say(event, id)
}

/** Types that this release has no sentence for: their first plain fields. */
function fields(event: JsonObject, id: IdStyle): string {
  return Object.entries(event)
    .filter(([name, value]) => name !== 'event_type' && name !== 'type' && has(value) && typeof value !== 'object')
    .slice(0, FIELDS_MAX)
    .map(([name, value]) => `${clean(name)}=${/_(?:id|sid)$/.test(name) ? id(value) : note(value)}`)
    .join(' ')
}
