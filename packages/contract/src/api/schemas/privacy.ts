import type { Static } from 'typebox'
import { Type } from '../../type.js'
import { instant, nullable } from './text.js'

export const DataErasure = Type.Object(
  {
    erased_at: nullable(
      instant('An instant.'),
      'When the personal data was erased: now, or before when there was none left. Null when there never was personal data.',
    ),
  },
  { title: 'DataErasure', description: 'What became of the personal data of a call or a surface.' },
)
export type DataErasure = Static<typeof DataErasure>

export const PlaceHold = Type.Object(
  {
    reason: Type.String({
      minLength: 1,
      maxLength: 256,
      pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$',
      description: 'Why the data must be kept, for those who find it held. No personal data: it is kept in clear text.',
    }),
  },
  { title: 'PlaceHold', description: 'Why personal data may not be erased.', additionalProperties: false },
)
export type PlaceHold = Static<typeof PlaceHold>

export const LegalHold = Type.Object(
  {
    reason: Type.String({ description: 'Why the data must be kept.' }),
    placed_at: instant('When the hold was placed.'),
    placed_by: Type.String({ description: 'The key that placed it, or `admin`.' }),
  },
  { title: 'LegalHold', description: 'While it stands, the personal data of the call or surface cannot be erased.' },
)
export type LegalHold = Static<typeof LegalHold>
