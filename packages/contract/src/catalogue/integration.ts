import type { EventDefinition } from './define.js'
import { id, note, optional, personal } from './fields.js'

const CONVERSATION_ID_CHARS_MAX = 256
const REASON_CHARS_MAX = 2000

const conversationId = id('The conversation whose integration call waited for approval.', CONVERSATION_ID_CHARS_MAX)
const CONVERSATION = 'f6a1c9d2-3b47-4e80-9c15-7d2e8a0b4f63'

/** Decisions of people on what an integration may do. */
export const integrationEvents: readonly EventDefinition[] = [
  {
    channel: 'workspace',
    type: 'integration.approval_granted',
    title: 'Integration approval granted',
    meaning: 'A person has allowed an integration call that waited for it.',
    fields: { conversation_id: conversationId },
    example: { event_type: 'integration.approval_granted', conversation_id: CONVERSATION },
  },
  {
    channel: 'workspace',
    type: 'integration.approval_rejected',
    title: 'Integration approval rejected',
    meaning: 'A person has refused an integration call that waited for approval.',
    fields: {
      conversation_id: conversationId,
      reason: optional(
        personal(note('Why, in words of the person that may quote the conversation.', REASON_CHARS_MAX)),
      ),
    },
    example: {
      event_type: 'integration.approval_rejected',
      conversation_id: CONVERSATION,
      reason: 'the visit was moved by telephone already',
    },
  },
]
