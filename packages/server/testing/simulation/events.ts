import { builtinCatalogue, type JsonObject, mask } from '@switchboard/contract'
import { channelKind, type Entry, encodeFrame } from '../../src/log/block.js'
import type { Channel } from '../../src/log/log.js'
import type { Chance } from './chance.js'

const SERVICE = '9e8d7c6b-5a49-4382-b716-05f4e3d2c107'
/** What no reader without `pii:read` may ever be sent. */
export const SECRET = 'secret'

/** By how much events vary: most are short, some fill a write by themselves. */
const SHORT_CHARS = 120
const LONG_CHARS = 3000
const LONG_SHARE = 0.1
/** How many events of a call say that it is over; its observers are then told goodbye. */
const END_SHARE = 0.04

const observerTypes = ['user_transcript', 'agent_transcript', 'tool_call_started', 'tool_call_completed'] as const
export const entities = ['e0', 'e1', 'e2'] as const

/** What a subscriber asks to see, in the words of this simulation: the server's own filter is not asked. */
export interface Wanted {
  readonly masked: boolean
  /** Whole types, or beginnings of them that end in `.*`. The end of a call comes in any case. */
  readonly types?: readonly string[]
  readonly entities?: readonly string[]
}

/** An event as a producer makes it. Its name is in it, so that it is known again wherever it turns up. */
export function makeEvent(chance: Chance, channel: Channel, name: string): JsonObject {
  const text = `${SECRET} `.padEnd(chance.is(LONG_SHARE) ? chance.below(LONG_CHARS) : chance.below(SHORT_CHARS), 'é.')
  if (channel.call !== undefined) {
    if (chance.is(END_SHARE)) return { type: 'session_end', session_id: name, completion_reason: 'completed' }
    const type = chance.pick(observerTypes)
    if (type === 'user_transcript' || type === 'agent_transcript') return { type, transcript: text, speaker_id: name }
    const said = type === 'tool_call_started' ? { input: text } : { output: text }
    return { type, tool_name: chance.pick(['book', 'find']), integration_name: name, ...said }
  }
  switch (chance.below(3)) {
    case 0:
      return {
        event_type: 'call.started',
        call_sid: name,
        direction: 'inbound',
        service_id: SERVICE,
        caller_id: `+1555${SECRET}`,
      }
    case 1:
      return {
        event_type: 'call.escalated',
        call_sid: name,
        escalation_id: 'esc_1',
        trigger: 'caller',
        reason: text,
      }
    default:
      return { event_type: 'surface.created', surface_id: name, entity_id: chance.pick(entities), source: 'agent' }
  }
}

/** The name that `makeEvent` was given. */
export function nameOf({ call_sid, surface_id, speaker_id, integration_name, session_id }: JsonObject): string {
  return String(call_sid ?? surface_id ?? speaker_id ?? integration_name ?? session_id)
}

export function wants({ types, entities }: Wanted, { type, event }: Pick<Entry, 'type' | 'event'>): boolean {
  const fits = (pattern: string) => (pattern.endsWith('.*') ? type.startsWith(pattern.slice(0, -1)) : type === pattern)
  if (type === 'session_end') return true
  if (types !== undefined && !types.some(fits)) return false
  return entities === undefined || entities.includes(String(event.entity_id))
}

/** The frame that a reader without `pii:read` is to be sent. */
export function maskedFrame(channel: Channel, { position, type, event }: Omit<Entry, 'frame'>): Buffer {
  const kind = channelKind(channel)
  const masked = mask(builtinCatalogue.get(kind, type), event)
  return Buffer.from(encodeFrame(kind, position, type, JSON.stringify(masked)))
}
