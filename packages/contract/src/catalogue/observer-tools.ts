import type { TProperties, TSchema } from 'typebox'
import { Type } from '../type.js'
import type { EventDefinition } from './define.js'
import { PERSONAL_DATA } from './field-schema.js'
import { flag, id, label, labelOrEmpty, milliseconds, note, omittable, optional, personal, text } from './fields.js'

/** Ids that the engine makes for tool calls are longer than those of other things. */
const CALL_ID_CHARS_MAX = 256
const PROTOCOL_CHARS_MAX = 64
const ERROR_CHARS_MAX = 2048

const toolName = label('The tool, by the name the agent knows it under.')
const callId = id(
  'This run of the tool; start and completion carry the same. Made by the server when a producer leaves it out.',
  CALL_ID_CHARS_MAX,
)

/** Where a tool runs, in both tool events. */
const whereabouts: TProperties = {
  parent_call_id: optional(id('The run of another tool that this run is part of.', CALL_ID_CHARS_MAX)),
  integration_name: optional(labelOrEmpty('The integration that provides the tool.')),
  endpoint_name: optional(labelOrEmpty('The endpoint of the integration that is called.')),
  protocol: optional(labelOrEmpty('How the integration is spoken to.', PROTOCOL_CHARS_MAX)),
}

function toolInput(otherName: string): TSchema {
  return Type.Optional(
    Type.Unsafe({
      type: ['object', 'string', 'null'],
      description: `What the tool is given, as an object or as text. The same value as \`${otherName}\`.`,
      additionalProperties: true,
      [PERSONAL_DATA]: true,
    }),
  )
}

function toolError(otherName: string): TSchema {
  const meaning = `Why the tool failed, in words that may quote its input; null when it did not. The same value as \`${otherName}\`.`
  return optional(personal(note(meaning, ERROR_CHARS_MAX)))
}

/** What the agent's tools are asked and answer. */
export const observerToolEvents: readonly EventDefinition[] = [
  {
    channel: 'observer',
    type: 'tool_call_started',
    title: 'Tool call started',
    meaning: 'A tool has begun to run.',
    fields: {
      tool_name: toolName,
      call_id: callId,
      tool_input: toolInput('input'),
      input: toolInput('tool_input'),
      ...whereabouts,
    },
    spellings: [{ names: ['tool_input', 'input'] }],
    filledIn: ['call_id'],
    example: {
      type: 'tool_call_started',
      tool_name: 'find_appointment',
      call_id: 'tc_1',
      tool_input: { day: 'thursday' },
      input: { day: 'thursday' },
      parent_call_id: null,
      integration_name: 'scheduling',
      endpoint_name: 'search_slots',
      protocol: 'https',
    },
  },
  {
    channel: 'observer',
    type: 'tool_call_completed',
    title: 'Tool call completed',
    meaning: 'A tool has finished, well or not.',
    fields: {
      tool_name: toolName,
      call_id: callId,
      output: optional(personal(text('What the tool answered.'))),
      succeeded: omittable(flag('Whether the tool did what it was asked; absent means true.')),
      duration_ms: optional(milliseconds('How long the tool ran.')),
      error: toolError('error_message'),
      error_message: toolError('error'),
      ...whereabouts,
    },
    spellings: [{ names: ['error', 'error_message'] }],
    filledIn: ['call_id'],
    example: {
      type: 'tool_call_completed',
      tool_name: 'find_appointment',
      call_id: 'tc_1',
      output: '{"found":0}',
      succeeded: true,
      duration_ms: 871,
      error: null,
      error_message: null,
      parent_call_id: null,
      integration_name: 'scheduling',
      endpoint_name: 'search_slots',
      protocol: 'https',
    },
  },
]
