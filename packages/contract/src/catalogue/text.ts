import type { EventDefinition } from './define.js'
import {
  count,
  flag,
  id,
  label,
  labelOrEmpty,
  milliseconds,
  note,
  optional,
  personal,
  seconds,
  text,
} from './fields.js'

const CALL_ID_CHARS_MAX = 256

const sessionId = id('The text session.')
const channelKind = label('Where the conversation is held: web, sms, whatsapp and the like.')
const conversationId = id('The conversation.')
const toolName = label('The tool, by the name the agent knows it under.')
const callId = id('This run of the tool; start and result carry the same.', CALL_ID_CHARS_MAX)
const depth = count('How many tools, each started by the one before, stand above this one.')

const SESSION = 'ts_6b20e1'
const CONVERSATION = 'f6a1c9d2-3b47-4e80-9c15-7d2e8a0b4f63'

/** Conversations in writing. */
export const textEvents: readonly EventDefinition[] = [
  {
    channel: 'workspace',
    type: 'text.started',
    title: 'Text session started',
    meaning: 'A conversation in writing has begun.',
    fields: {
      session_id: sessionId,
      service_id: id('The service that answers.'),
      channel_kind: channelKind,
      entity_id: optional(id('Who writes, where it is known.')),
    },
    example: {
      event_type: 'text.started',
      session_id: SESSION,
      service_id: '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01',
      channel_kind: 'web',
      entity_id: '31415926-5358-4979-8323-846264338308',
    },
  },
  {
    channel: 'workspace',
    type: 'text.completed',
    title: 'Text session completed',
    meaning: 'A conversation in writing is over.',
    fields: {
      session_id: sessionId,
      channel_kind: channelKind,
      duration_seconds: seconds('How long it lasted.'),
      turn_count: count('How many turns were written.'),
      final_state: labelOrEmpty('The state the conversation ended in.'),
      completion_reason: optional(note('Why it ended.')),
    },
    example: {
      event_type: 'text.completed',
      session_id: SESSION,
      channel_kind: 'web',
      duration_seconds: 214.5,
      turn_count: 12,
      final_state: 'closing',
      completion_reason: 'completed',
    },
  },
  {
    channel: 'workspace',
    type: 'text.tool_started',
    title: 'Text tool started',
    meaning: 'A tool has begun to run for a conversation in writing.',
    fields: { conversation_id: conversationId, tool_name: toolName, call_id: callId, depth },
    example: {
      event_type: 'text.tool_started',
      conversation_id: CONVERSATION,
      tool_name: 'find_appointment',
      call_id: 'tc_31',
      depth: 0,
    },
  },
  {
    channel: 'workspace',
    type: 'text.background_result',
    title: 'Text background result',
    meaning: 'A tool that ran beside a conversation in writing has finished, well or not.',
    fields: {
      conversation_id: conversationId,
      tool_name: toolName,
      call_id: callId,
      succeeded: flag('Whether the tool did what it was asked.'),
      result: personal(text('What the tool answered.')),
      depth,
      duration_ms: optional(milliseconds('How long the tool ran.')),
    },
    example: {
      event_type: 'text.background_result',
      conversation_id: CONVERSATION,
      tool_name: 'find_appointment',
      call_id: 'tc_31',
      succeeded: true,
      result: '{"found":2}',
      depth: 0,
      duration_ms: 1840,
    },
  },
  {
    channel: 'workspace',
    type: 'text.agent_message',
    title: 'Text agent message',
    meaning: 'The agent has written a message.',
    fields: {
      conversation_id: conversationId,
      text: personal(text('The message.')),
      delivery_id: optional(id('Its delivery, where it is sent through a carrier.')),
    },
    example: {
      event_type: 'text.agent_message',
      conversation_id: CONVERSATION,
      text: 'There are two free times on Friday. Would nine suit you?',
      delivery_id: '0a7d1e52-6c38-4b9f-8e24-d3f05b6c7a19',
    },
  },
]
