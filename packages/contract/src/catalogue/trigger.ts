import type { EventDefinition } from './define.js'
import { flag, id, label, omittable } from './fields.js'

const triggerId = id('The trigger.')
const triggerName = label('Its name.')
const TRIGGER = 'e81f4b06-2d9c-47a5-b3f0-9c6a1d7e5284'

/** Work that a schedule or a condition sets off. */
export const triggerEvents: readonly EventDefinition[] = [
  {
    channel: 'workspace',
    type: 'trigger.fired',
    title: 'Trigger fired',
    meaning: 'A trigger has set off its work.',
    fields: {
      trigger_id: triggerId,
      trigger_name: triggerName,
      manual: omittable(flag('Whether a person set it off by hand; absent means false.')),
    },
    example: {
      event_type: 'trigger.fired',
      trigger_id: TRIGGER,
      trigger_name: 'Reminders for tomorrow',
      manual: false,
    },
  },
  {
    channel: 'workspace',
    type: 'trigger.completed',
    title: 'Trigger completed',
    meaning: 'The work of a trigger has been done.',
    fields: { trigger_id: triggerId, trigger_name: triggerName, status: label('How it came out.') },
    example: {
      event_type: 'trigger.completed',
      trigger_id: TRIGGER,
      trigger_name: 'Reminders for tomorrow',
      status: 'completed',
    },
  },
  {
    channel: 'workspace',
    type: 'trigger.failed',
    title: 'Trigger failed',
    meaning: 'The work of a trigger has failed.',
    fields: { trigger_id: triggerId, trigger_name: triggerName, status: label('How it failed.') },
    example: {
      event_type: 'trigger.failed',
      trigger_id: TRIGGER,
      trigger_name: 'Reminders for tomorrow',
      status: 'timed_out',
    },
  },
]
