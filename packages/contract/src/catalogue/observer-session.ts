import { callDirections } from './call.js'
import type { EventDefinition } from './define.js'
import {
  anyObject,
  callId,
  count,
  flag,
  id,
  labelOrEmpty,
  milliseconds,
  note,
  omittable,
  oneOf,
  optional,
  personal,
  phoneNumber,
  seconds,
  unixSeconds,
} from './fields.js'

const SERVER_NAME_CHARS_MAX = 256

const traceId = optional(id('The trace of the session, for support.'))
const CALL = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'
const SERVICE = '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01'
const WORKSPACE = '0b6e2f41-7a95-4dc8-b1f3-8e2d5c9a7046'

/** The session that handles a call: its beginning, its states, its end. */
export const observerSessionEvents: readonly EventDefinition[] = [
  {
    channel: 'observer',
    type: 'session_info',
    title: 'Session info',
    meaning: 'How the call stands. It is the first frame of every observer.',
    fields: {
      call_sid: callId(),
      direction: omittable(oneOf(callDirections, 'Who began the call; absent means inbound.')),
      caller_id: omittable(phoneNumber('The number of the other party, empty when it is withheld.')),
      service_id: omittable(labelOrEmpty('The service that handles the call, empty when it is not known.')),
      workspace_id: omittable(labelOrEmpty('The workspace, empty when it is not known.')),
      current_state: omittable(labelOrEmpty('The state of the conversation, empty when there is none.')),
      start_time: omittable(unixSeconds('When the call began, 0 when it is not known.')),
      duration_seconds: omittable(seconds('How long it has lasted so far.')),
    },
    example: {
      type: 'session_info',
      call_sid: CALL,
      direction: 'inbound',
      caller_id: '+15550142',
      service_id: SERVICE,
      workspace_id: WORKSPACE,
      current_state: 'greeting',
      start_time: 1795255200,
      duration_seconds: 0.2,
    },
  },
  {
    channel: 'observer',
    type: 'session_start',
    title: 'Session start',
    meaning: 'The session that handles the call has begun.',
    fields: {
      call_sid: optional(callId()),
      session_id: optional(id('The session.')),
      service_id: optional(id('The service that handles the call.')),
      workspace_id: optional(id('The workspace.')),
      mode: optional(labelOrEmpty('How the session runs.')),
      initial_state: optional(labelOrEmpty('The state the conversation begins in.')),
      trace_id: traceId,
    },
    example: {
      type: 'session_start',
      call_sid: CALL,
      session_id: 'vs_19c3',
      service_id: SERVICE,
      workspace_id: WORKSPACE,
      mode: 'voice',
      initial_state: 'greeting',
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
    },
  },
  {
    channel: 'observer',
    type: 'session_end',
    title: 'Session end',
    meaning: 'The call is over. It is the last event of an observer.',
    fields: {
      call_sid: optional(callId()),
      session_id: optional(id('The session.')),
      duration_s: omittable(seconds('How long the call lasted.')),
      turns: omittable(count('How many turns were spoken.')),
      completion_reason: omittable(labelOrEmpty('Why the call ended, empty when it is not known.')),
      final_state: omittable(labelOrEmpty('The state the conversation ended in, empty when it is not known.')),
      has_recording: optional(flag('Whether the call was recorded.')),
      emotional_summary: optional(personal(anyObject('What was heard in the voices, summed up.'))),
      trace_id: traceId,
    },
    example: {
      type: 'session_end',
      call_sid: CALL,
      session_id: 'vs_19c3',
      duration_s: 97,
      turns: 14,
      completion_reason: 'completed',
      final_state: 'closing',
      has_recording: true,
      emotional_summary: { dominant: 'calm' },
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
    },
  },
  {
    channel: 'observer',
    type: 'state_transition',
    title: 'State transition',
    meaning: 'The conversation has gone from one state to another.',
    fields: {
      previous_state: labelOrEmpty('The state until now.'),
      next_state: labelOrEmpty('The state from now on.'),
      transition_type: optional(labelOrEmpty('What kind of transition it is.')),
      annotation: optional(personal(note('Why, in words that may quote the caller.'))),
    },
    example: {
      type: 'state_transition',
      previous_state: 'greeting',
      next_state: 'reschedule',
      transition_type: 'intent',
      annotation: 'asks to move a visit',
    },
  },
  {
    channel: 'observer',
    type: 'actor_allocated',
    title: 'Actor allocated',
    meaning: 'A server has been found to run the session on.',
    fields: {
      gameserver: id('The server that runs it.', SERVER_NAME_CHARS_MAX),
      node: optional(labelOrEmpty('The machine it is on.')),
      alloc_latency_ms: optional(milliseconds('How long it took to find it.')),
    },
    example: { type: 'actor_allocated', gameserver: 'voice-7f9c', node: 'node-3', alloc_latency_ms: 42.5 },
  },
  {
    channel: 'observer',
    type: 'media_attached',
    title: 'Media attached',
    meaning: 'The audio of one party has come in. Until then that party is neither heard nor hears.',
    fields: { leg: oneOf(['caller', 'agent', 'operator'], 'The party.') },
    example: { type: 'media_attached', leg: 'caller' },
  },
  {
    channel: 'observer',
    type: 'actor_shutdown',
    title: 'Actor shutdown',
    meaning: 'The server that ran the session has given it up.',
    fields: {
      reason: oneOf(['call_ended', 'orphan_no_media'], 'Why: the call is over, or its audio never came.'),
      lifetime_s: optional(seconds('How long the session ran there.')),
    },
    example: { type: 'actor_shutdown', reason: 'call_ended', lifetime_s: 98.4 },
  },
]
