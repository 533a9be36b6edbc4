import type { EventDefinition } from './define.js'
import { confidence, count, id, label } from './fields.js'

/** Briefs that sum up what is known of an entity. */
export const selfImageEvents: readonly EventDefinition[] = [
  {
    channel: 'workspace',
    type: 'self_image.brief_generated',
    title: 'Self-image brief generated',
    meaning: 'What is known of an entity has been summed up anew.',
    fields: {
      event_id: id('The record of the brief.'),
      target_entity_id: id('The entity that it is about.'),
      target_entity_type: label('What kind of thing that is.'),
      version: label('The version of the brief.'),
      event_count: count('How many records it rests on.'),
      confidence: confidence('How sure the brief is.'),
    },
    example: {
      event_type: 'self_image.brief_generated',
      event_id: '1b7f3c90-8d24-4ea6-95c1-f02d6a4e8b37',
      target_entity_id: '31415926-5358-4979-8323-846264338308',
      target_entity_type: 'patient',
      version: '3',
      event_count: 42,
      confidence: 0.87,
    },
  },
]
