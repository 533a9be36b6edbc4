import type { Static } from 'typebox'
import { Type } from '../../type.js'
import { instant, nullable, uuid } from './text.js'

export const SetTwilioSecret = Type.Object(
  {
    auth_token: Type.String({
      pattern: '^[\\x21-\\x7e]{8,256}$',
      description: "The account's auth token: Twilio signs each callback with it. Never shown again.",
    }),
    service_id: Type.Optional(
      uuid('The service that answers these calls. Left out: made from the account and its number.'),
    ),
  },
  {
    title: 'SetTwilioSecret',
    description: 'How callbacks of a Twilio account are checked.',
    additionalProperties: false,
  },
)
export type SetTwilioSecret = Static<typeof SetTwilioSecret>

export const TwilioSecret = Type.Object(
  {
    is_set: Type.Boolean({ description: 'True when callbacks can be checked.' }),
    service_id: nullable(uuid('A service.'), 'The service its calls are told for; null when it is made.'),
    updated_at: nullable(instant('An instant.'), 'When it was last set.'),
  },
  { title: 'TwilioSecret', description: 'Whether the secret is set. The secret itself is never shown.' },
)
export type TwilioSecret = Static<typeof TwilioSecret>

export const TwilioCallback = Type.Object(
  {
    CallSid: Type.Optional(Type.String({ description: 'The call.' })),
    AccountSid: Type.Optional(Type.String({ description: 'The account that signs.' })),
    CallStatus: Type.Optional(Type.String({ description: 'Of a voice status callback.' })),
    TranscriptionEvent: Type.Optional(Type.String({ description: 'Of a real-time transcription callback.' })),
  },
  {
    title: 'TwilioCallback',
    description:
      'A voice status or real-time transcription callback, as Twilio posts it. Further fields are read as Twilio documents them.',
    additionalProperties: true,
  },
)
