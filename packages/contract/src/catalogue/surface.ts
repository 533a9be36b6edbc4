import type { EventDefinition } from './define.js'
import {
  count,
  flag,
  id,
  instant,
  label,
  labelOrEmpty,
  list,
  note,
  optional,
  personal,
  phoneNumber,
  url,
} from './fields.js'

const surfaceId = id('The surface.')
const entityId = id('Whom or what the surface is about.')
const source = optional(labelOrEmpty('What made the surface.'))
const formTemplateId = optional(id('The template it was made from, null when there was none.'))
const reviewRequired = optional(flag('Whether a reviewer must approve it before it is delivered.'))

function fieldName(otherName: string) {
  return label(`The field, by its key in the surface. The same value as \`${otherName}\`.`)
}

const SURFACE = 'b2f1c0de-77aa-4bcd-8e21-6c0d9f3a5b09'
const ENTITY = '31415926-5358-4979-8323-846264338308'

/** Forms that an agent makes for one entity and sends as a link. */
export const surfaceEvents: readonly EventDefinition[] = [
  {
    channel: 'workspace',
    type: 'surface.created',
    title: 'Surface created',
    meaning: 'A surface has been made. Nobody has been sent it yet.',
    fields: {
      surface_id: surfaceId,
      entity_id: entityId,
      channel: optional(labelOrEmpty('How it is to be delivered: sms, whatsapp, imessage, email, voice or web.')),
      fields_count: optional(count('How many fields it asks for.')),
      form_template_id: formTemplateId,
      review_required: reviewRequired,
      source,
    },
    example: {
      event_type: 'surface.created',
      surface_id: SURFACE,
      entity_id: ENTITY,
      channel: 'sms',
      fields_count: 3,
      form_template_id: null,
      review_required: true,
      source: 'agent',
    },
  },
  {
    channel: 'workspace',
    type: 'surface.delivered',
    title: 'Surface delivered',
    meaning: 'The link to a surface has been handed over to its recipient.',
    fields: {
      surface_id: surfaceId,
      entity_id: entityId,
      channel: label('How it was delivered: sms, whatsapp, imessage, email, voice or web.'),
      delivery_status: optional(labelOrEmpty('What the carrier said of the delivery.')),
      channel_address: optional(phoneNumber('The number or address it was delivered to.')),
      message_id: optional(id("The message that carried it, by the carrier's id.")),
      short_url: optional(personal(url('The link itself. Whoever has it can open the surface.'))),
    },
    example: {
      event_type: 'surface.delivered',
      surface_id: SURFACE,
      entity_id: ENTITY,
      channel: 'sms',
      delivery_status: 'delivered',
      channel_address: '+15550142',
      message_id: 'SM0f1e2d3c4b5a69788796a5b4c3d2e1f0',
      short_url: 'https://forms.example/s/7Qm2',
    },
  },
  {
    channel: 'workspace',
    type: 'surface.updated',
    title: 'Surface updated',
    meaning: 'What a surface asks for has been changed.',
    fields: { surface_id: surfaceId },
    example: { event_type: 'surface.updated', surface_id: SURFACE },
  },
  {
    channel: 'workspace',
    type: 'surface.archived',
    title: 'Surface archived',
    meaning: 'A surface has been withdrawn.',
    fields: { surface_id: surfaceId },
    example: { event_type: 'surface.archived', surface_id: SURFACE },
  },
  {
    channel: 'workspace',
    type: 'surface.reshaped',
    title: 'Surface reshaped',
    meaning: 'A new surface takes the place of an earlier one, with the fields that were still open.',
    fields: {
      surface_id: id('The new surface.'),
      original_surface_id: id('The surface it takes the place of.'),
    },
    example: {
      event_type: 'surface.reshaped',
      surface_id: SURFACE,
      original_surface_id: '9e8d7c6b-5a49-4382-b716-05f4e3d2c107',
    },
  },
  {
    channel: 'workspace',
    type: 'surface.submitted',
    title: 'Surface submitted',
    meaning: 'The recipient has sent a surface in.',
    fields: {
      surface_id: surfaceId,
      entity_id: entityId,
      submitted_at: optional(instant('When it was sent in.')),
      fields_submitted: optional(list(label('The key of a field.'), 'The fields that were filled in.')),
    },
    example: {
      event_type: 'surface.submitted',
      surface_id: SURFACE,
      entity_id: ENTITY,
      submitted_at: '2026-11-22T10:15:02Z',
      fields_submitted: ['pharmacy', 'allergies'],
    },
  },
  {
    channel: 'workspace',
    type: 'surface.field_saved',
    title: 'Surface field saved',
    meaning: 'The recipient has filled in one field of a surface, and it was saved.',
    fields: {
      surface_id: surfaceId,
      entity_id: entityId,
      field_id: fieldName('field_key'),
      field_key: fieldName('field_id'),
    },
    spellings: [{ names: ['field_id', 'field_key'] }],
    example: {
      event_type: 'surface.field_saved',
      surface_id: SURFACE,
      entity_id: ENTITY,
      field_id: 'pharmacy',
      field_key: 'pharmacy',
    },
  },
  {
    channel: 'workspace',
    type: 'surface.opened',
    title: 'Surface opened',
    meaning: 'The recipient has opened the link to a surface for the first time.',
    fields: { surface_id: surfaceId, entity_id: entityId },
    example: { event_type: 'surface.opened', surface_id: SURFACE, entity_id: ENTITY },
  },
  {
    channel: 'workspace',
    type: 'surface.pending_review',
    title: 'Surface pending review',
    meaning: 'A surface waits for a reviewer, before it is delivered or after it was sent in.',
    fields: {
      surface_id: surfaceId,
      entity_id: entityId,
      form_template_id: formTemplateId,
      review_required: reviewRequired,
      source,
    },
    example: {
      event_type: 'surface.pending_review',
      surface_id: SURFACE,
      entity_id: ENTITY,
      form_template_id: null,
      review_required: true,
      source: 'agent',
    },
  },
  {
    channel: 'workspace',
    type: 'surface.review_approved',
    title: 'Surface review approved',
    meaning: 'A reviewer has approved a surface.',
    fields: { surface_id: surfaceId },
    example: { event_type: 'surface.review_approved', surface_id: SURFACE },
  },
  {
    channel: 'workspace',
    type: 'surface.review_rejected',
    title: 'Surface review rejected',
    meaning: 'A reviewer has rejected a surface.',
    fields: {
      surface_id: surfaceId,
      reason: optional(personal(note('Why, in the words of the reviewer, which may quote the surface.'))),
    },
    example: {
      event_type: 'surface.review_rejected',
      surface_id: SURFACE,
      reason: 'asks for a date of birth we hold',
    },
  },
]
