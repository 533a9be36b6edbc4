import type { EventDefinition } from './define.js'
import { callId, count, id, instant, map, note, nullable, oneOf, optional, personal, text } from './fields.js'

export const operatorStatuses = ['online', 'busy', 'offline'] as const
export const operatorModes = ['listen', 'takeover'] as const

const operatorId = id('The operator.')
const callSid = callId()
const MODE_MEANING = 'listen: the operator is muted and the agent speaks. takeover: the operator speaks in its place.'

const OPERATOR = '2a9d6e70-8b14-4c3f-a1d2-5e7f90b1c203'
const CALL = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'

/** People who listen to calls and take them over. */
export const operatorEvents: readonly EventDefinition[] = [
  {
    channel: 'workspace',
    type: 'operator.registered',
    title: 'Operator registered',
    meaning: 'A person has become an operator of the workspace.',
    fields: { operator_id: operatorId, timestamp: optional(instant('When that was.')) },
    example: { event_type: 'operator.registered', operator_id: OPERATOR, timestamp: '2026-11-22T08:55:00Z' },
  },
  {
    channel: 'workspace',
    type: 'operator.status_changed',
    title: 'Operator status changed',
    meaning: 'An operator has become available, busy or absent.',
    fields: { operator_id: operatorId, status: oneOf(operatorStatuses, 'The status from now on.') },
    example: { event_type: 'operator.status_changed', operator_id: OPERATOR, status: 'busy' },
  },
  {
    channel: 'workspace',
    type: 'operator.profile_updated',
    title: 'Operator profile updated',
    meaning: "An operator's profile has been edited.",
    fields: {
      operator_id: operatorId,
      changes: optional(
        map(
          personal(nullable(text('The new value, null when it was removed.'))),
          'What was changed, by the name of the profile field.',
        ),
      ),
    },
    example: {
      event_type: 'operator.profile_updated',
      operator_id: OPERATOR,
      changes: { phone_number: '+15550163', extension: null },
    },
  },
  {
    channel: 'workspace',
    type: 'operator.joined_call',
    title: 'Operator joined call',
    meaning: 'An operator has joined a call.',
    fields: { call_sid: callSid, operator_id: operatorId, mode: oneOf(operatorModes, MODE_MEANING) },
    example: { event_type: 'operator.joined_call', call_sid: CALL, operator_id: OPERATOR, mode: 'listen' },
  },
  {
    channel: 'workspace',
    type: 'operator.left_call',
    title: 'Operator left call',
    meaning: 'An operator has left a call.',
    fields: {
      call_sid: callSid,
      operator_id: operatorId,
      human_segment_turn_count: optional(count('How many turns were spoken while the operator had taken over.')),
    },
    example: {
      event_type: 'operator.left_call',
      call_sid: CALL,
      operator_id: OPERATOR,
      human_segment_turn_count: 9,
    },
  },
  {
    channel: 'workspace',
    type: 'operator.mode_changed',
    title: 'Operator mode changed',
    meaning: 'An operator on a call has taken it over, or gone back to listening.',
    fields: { call_sid: callSid, operator_id: operatorId, mode: oneOf(operatorModes, MODE_MEANING) },
    example: { event_type: 'operator.mode_changed', call_sid: CALL, operator_id: OPERATOR, mode: 'takeover' },
  },
  {
    channel: 'workspace',
    type: 'operator.wrap_up',
    title: 'Operator wrap-up',
    meaning: 'An operator has recorded how the work on a call came out.',
    fields: {
      call_sid: callSid,
      wrap_up_reason: optional(note('How it came out, for example resolved, escalated or transferred.')),
      operator_id: optional(id('The operator, where the producer says it.')),
    },
    example: {
      event_type: 'operator.wrap_up',
      call_sid: CALL,
      wrap_up_reason: 'resolved',
      operator_id: OPERATOR,
    },
  },
]
