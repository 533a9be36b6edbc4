import type { EventDefinition } from './define.js'
import { id } from './fields.js'

/** Records of visits. */
export const encounterEvents: readonly EventDefinition[] = [
  {
    channel: 'workspace',
    type: 'encounter.updated',
    title: 'Encounter updated',
    meaning: 'The record of an encounter has been changed by a conversation.',
    fields: {
      encounter_entity_id: id('The encounter.'),
      session_id: id('The conversation that changed it.'),
    },
    example: {
      event_type: 'encounter.updated',
      encounter_entity_id: '6f2b8d04-c1e7-49a5-8b3d-05e94f7a1c62',
      session_id: 'ts_6b20e1',
    },
  },
]
