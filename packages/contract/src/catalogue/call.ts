import type { EventDefinition } from './define.js'
import { callId, flag, id, note, omittable, oneOf, optional, personal, phoneNumber, seconds } from './fields.js'

/** How a call came to be. The last three are calls that no telephone made. */
export const callDirections = ['inbound', 'outbound', 'playground', 'simulated', 'test'] as const

/** Every reason that was ever published: the first 14 are in use, the others were for a day and still stand in archives. */
export const completionReasons = [
  'completed',
  'abandoned',
  'escalated',
  'transferred',
  'timeout',
  'error',
  'voicemail',
  'no_answer',
  'caller_hangup',
  'forwarded',
  'terminal_state',
  'warm_transfer_completed',
  'no_inbound_audio',
  'cancelled',
  'max_duration',
  'idle_timeout',
  'client_stop',
  'transport_error',
  'disconnected',
  'transport_closed',
  'unknown',
  'conference_ended',
] as const

export const callEvents: readonly EventDefinition[] = [
  {
    channel: 'workspace',
    type: 'call.started',
    title: 'Call started',
    meaning: 'A call has begun. It is the first event of a call.',
    fields: {
      call_sid: callId(),
      direction: oneOf(callDirections, 'Who began the call, or that no telephone was involved.'),
      service_id: id('The service that answers or places the call.'),
      caller_id: optional(phoneNumber('The number of the other party, null when it is withheld.')),
    },
    example: {
      event_type: 'call.started',
      call_sid: 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0',
      direction: 'inbound',
      service_id: '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01',
      caller_id: '+15550142',
    },
  },
  {
    channel: 'workspace',
    type: 'call.ended',
    title: 'Call ended',
    meaning: 'A call is over: the last party has left it.',
    fields: {
      call_sid: callId(),
      direction: oneOf(callDirections, 'Who began the call, or that no telephone was involved.'),
      duration_seconds: seconds('How long the call lasted.'),
      completion_reason: oneOf(completionReasons, 'Why the call ended. More reasons may be added.'),
      escalated: omittable(flag('Whether a person was asked for during the call; absent means false.')),
    },
    example: {
      event_type: 'call.ended',
      call_sid: 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0',
      direction: 'inbound',
      duration_seconds: 97.2,
      completion_reason: 'completed',
      escalated: true,
    },
  },
  {
    channel: 'workspace',
    type: 'call.escalated',
    title: 'Call escalated',
    meaning: 'A person is asked to join a call.',
    fields: {
      call_sid: callId(),
      escalation_id: id('This request for a person.'),
      trigger: oneOf(['caller', 'ai', 'operator'], 'Who asked for a person.'),
      reason: personal(note('Why a person is needed, in words that may quote the caller.')),
    },
    example: {
      event_type: 'call.escalated',
      call_sid: 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0',
      escalation_id: 'esc_0193f2',
      trigger: 'caller',
      reason: 'asked for a person, desk closed',
    },
  },
]
