import type { WorkspaceItem } from '@switchboard/sdk'
import { shortId } from '../design/words.js'
import { type EventFields, sent, typeOf } from '../stores/event-text.js'

const id = (value: unknown): string => (typeof value === 'string' ? shortId(value) : '?')
const words = (value: unknown): string => (typeof value === 'string' ? value.replaceAll('_', ' ') : '?')
const tail = (value: unknown, before: string): string =>
  typeof value === 'string' && value !== '' ? before + value : ''

const sentences: Readonly<Record<string, (event: EventFields) => string>> = {
  'call.started': (e) => `${id(e.call_sid)} ${words(e.direction)}${tail(e.caller_id, ', ')}`,
  'call.ended': (e) => `${id(e.call_sid)} ended: ${words(e.completion_reason)}`,
  'call.escalated': (e) => `${id(e.call_sid)} needs a person, says the ${words(e.trigger)}${tail(e.reason, ': ')}`,
  'operator.joined_call': (e) =>
    `${id(e.operator_id)} ${e.mode === 'takeover' ? 'took over' : 'listens to'} ${id(e.call_sid)}`,
  'operator.left_call': (e) => `${id(e.operator_id)} left ${id(e.call_sid)}`,
  'operator.mode_changed': (e) =>
    `${id(e.operator_id)} ${e.mode === 'takeover' ? 'took over' : 'only listens to'} ${id(e.call_sid)}`,
  'operator.status_changed': (e) => `${id(e.operator_id)} is ${words(e.status)}`,
  'operator.wrap_up': (e) => `${id(e.operator_id)} wrapped up ${id(e.call_sid)}: ${words(e.wrap_up_reason)}`,
  'operator.registered': (e) => `${id(e.operator_id)} is new`,
  'surface.created': (e) => `${id(e.surface_id)} was made`,
  'surface.opened': (e) => `${id(e.surface_id)} was opened`,
  'surface.submitted': (e) => `${id(e.surface_id)} was handed in`,
  'surface.field_saved': (e) => `${id(e.surface_id)}${tail(e.field_key ?? e.field_id, ': ')}`,
  'surface.pending_review': (e) => `${id(e.surface_id)} waits for a reviewer`,
  'pipeline.sync_completed': (e) => `${id(e.data_source_id)} brought ${String(e.event_count)} events`,
  'pipeline.error': (e) => `${id(e.data_source_id)} failed${tail(e.error, ': ')}`,
}

/** Fields told of a type that has no sentence. */
const FIELDS_MAX = 3

export function sentence(item: WorkspaceItem): string {
  const event = sent(item)
  const type = typeOf(item)
  const say = sentences[type]
  if (say) return say(event)
  // Its own name says what happened: "surface.review_rejected" to what, and why.
  const about = SUBJECTS.find((name) => typeof event[name] === 'string')
  const happened = `${about ? `${id(event[about])} ` : ''}${words(type.split('.').at(-1))}`
  const rest = Object.entries(event)
    .filter(([name, value]) => name !== 'event_type' && name !== about && value !== null && typeof value !== 'object')
    .slice(0, FIELDS_MAX)
    .map(([name, value]) => `${name} ${typeof value === 'string' ? shortId(value) : String(value)}`)
  return [happened, ...rest].join(' · ')
}

/** What an event without a sentence is about, by the first of these that it has. */
const SUBJECTS = ['surface_id', 'call_sid', 'operator_id', 'data_source_id', 'entity_id']
