import type { TProperties, TSchema } from 'typebox'
import { Type } from '../../type.js'
import { positionText } from './text.js'

/**
 * One page of a list. Every list of the API has this shape; `name` is the schema's name in OpenAPI and the SDK; `more` are further members.
 */
export const page = <T extends TSchema, More extends TProperties = Record<never, never>>(
  name: string,
  item: T,
  description: string,
  more: More = {} as More,
) =>
  Type.Object(
    {
      items: Type.Array(item),
      has_more: Type.Boolean({ description: 'True when another page follows.' }),
      continuation_token: Type.Union([Type.String(), Type.Null()], {
        description: 'Ask for the next page with it; null when there is none.',
      }),
      position: Type.Union([positionText('A position of the channel.'), Type.Null()], {
        description:
          'Where the channel stood when this was read: streaming after it misses nothing and repeats nothing. Null for lists that no channel carries.',
      }),
      ...more,
    },
    { title: name, description },
  )
