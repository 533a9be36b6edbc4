import type { TSchema, TUnion } from 'typebox'
import { POSITION_BYTES_MAX } from '../../position.js'
import { Type } from '../../type.js'
import { limits } from '../limits.js'

/** The texts that many shapes share: ids, positions, times. */

/** Grammar of an id that a caller chooses. A Twilio call SID (`CA` and 32 hexadecimal digits) is one of them. */
// Two names are no ids: clients take `.` and `..` out of a path before they ask.
export const PATH_ID_PATTERN = `^(?!\\.{1,2}$)[A-Za-z0-9_.:-]{1,${limits.idCharsMax}}$`

/** Grammar of an API key's public part: what stands between `sb_` and the secret. */
export const KEY_ID_PATTERN = '^[A-Za-z0-9]{1,64}$'

/** Grammar of a position, `<unix ms>-<sequence>`. */
export const POSITION_PATTERN = '^[0-9]{1,15}-[0-9]{1,16}$'

export const uuid = (description: string) => Type.String({ format: 'uuid', description })

/** An id a caller may choose, in a path or a query. */
export const chosenId = (description: string) => Type.String({ pattern: PATH_ID_PATTERN, description })

export const positionText = (description: string) =>
  Type.String({ pattern: POSITION_PATTERN, maxLength: POSITION_BYTES_MAX, description })

/** An instant as ISO 8601 with a time zone. */
export const instant = (description: string) => Type.String({ format: 'date-time', description })

export const nullable = <T extends TSchema>(
  schema: T,
  description: string,
): TUnion<[T, ReturnType<typeof Type.Null>]> => Type.Union([schema, Type.Null()], { description })

/** Seconds, with their unit said to machines too. */
export const seconds = (description: string) => Type.Number({ minimum: 0, description, 'x-unit': 's' })

/** A text the catalogue would mark: masked for a credential without `pii:read`. */
export const personalText = (description: string) => Type.String({ description, 'x-personal-data': true })
