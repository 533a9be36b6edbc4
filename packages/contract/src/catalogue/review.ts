import type { EventDefinition } from './define.js'
import { count, id, labelOrEmpty, oneOf, optional } from './fields.js'

/** Decisions of reviewers. */
export const reviewEvents: readonly EventDefinition[] = [
  {
    channel: 'workspace',
    type: 'review.submitted',
    title: 'Review submitted',
    meaning: 'A reviewer has decided on one item or on several.',
    fields: {
      action: oneOf(['approve', 'reject', 'correct', 'batch_approve', 'batch_reject'], 'The decision.'),
      item_id: optional(id('The item, null for a decision on several.')),
      entity_id: optional(id('What the item is about.')),
      entity_type: optional(labelOrEmpty('What kind of thing that is.')),
      count: optional(count('How many items it is on.')),
    },
    example: {
      event_type: 'review.submitted',
      action: 'batch_approve',
      item_id: null,
      entity_id: null,
      entity_type: 'appointment',
      count: 6,
    },
  },
]
