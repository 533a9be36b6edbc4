import { Type } from '../../type.js'
import { limits } from '../limits.js'
import { chosenId, KEY_ID_PATTERN, uuid } from '../schemas/text.js'

/** Path and query parameters that several routes share. */

const workspace_id = uuid('The workspace.')
const call_sid = chosenId(
  'The call. Twilio calls have `CA` and 32 more characters; the public Platform SDK needs that form.',
)

export const inWorkspace = Type.Object({ workspace_id })
export const onCall = Type.Object({ workspace_id, call_sid })
export const onSurface = Type.Object({ workspace_id, surface_id: chosenId('The surface.') })
export const onKey = Type.Object({
  workspace_id,
  key_id: Type.String({ pattern: KEY_ID_PATTERN, description: 'The public part of the key.' }),
})

/** Query parameters that hold several values between commas. */
export const commaSeparated: readonly string[] = ['types']

const types = Type.Array(Type.String({ pattern: '^[A-Za-z0-9_.*,-]+$' }), {
  maxItems: limits.filterValuesMax,
  description: 'Event types, comma-separated: `call.started`, a family as `call.*`, or `*`.',
})

const ids = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: limits.idCharsMax }), {
    maxItems: limits.filterValuesMax,
    description: `${description} May be given several times: any of them.`,
  })

/** What a subscriber wants to see: OR within a name, AND across names. */
export const filters = {
  types: Type.Optional(types),
  call_sid: Type.Optional(ids('Events of this call.')),
  surface_id: Type.Optional(ids('Events of this surface.')),
  entity_id: Type.Optional(ids('Events about this entity.')),
  operator_id: Type.Optional(ids('Events of this operator.')),
  data_source_id: Type.Optional(ids('Events of this data source.')),
}

export const typesFilter = { types: Type.Optional(types) }

/** The positions a person may type: checked by the server, which names the parameter in `invalid_position`. */
export const resumePoint = (description: string) => Type.String({ minLength: 1, maxLength: 64, description })

export const since = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: '^([0-9]{1,9}(ms|s|m|h|d)|[0-9]{4}-[0-9]{2}-[0-9]{2}(T.+)?)$',
  description: 'From this time on: an age (`90s`, `15m`, `2h`, `1d`) or an instant in ISO 8601.',
})

export const accessToken = Type.String({
  minLength: 1,
  maxLength: limits.tokenCharsMax,
  description:
    'A short-lived access token, for an `EventSource` that cannot send headers. Never an API key. It is not logged.',
})

const token = Type.String({
  minLength: 1,
  maxLength: 512,
  description: 'The `continuation_token` of the page before.',
})

/** How a list is paged through. */
export const paging = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: limits.pageMax,
      default: limits.pageDefault,
      description: `Items on a page, ${limits.pageDefault} when left out.`,
    }),
  ),
  continuation_token: Type.Optional(token),
}

/** How history is paged through. */
export const historyPaging = {
  after: Type.Optional(
    resumePoint(
      'Events after this position; a bare number of Unix milliseconds means from that instant on, inclusive.',
    ),
  ),
  since: Type.Optional(since),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: limits.historyPageMax,
      default: limits.historyPageDefault,
      description: `Events on a page, ${limits.historyPageDefault} when left out.`,
    }),
  ),
  continuation_token: Type.Optional(token),
}

export const idempotencyHeader = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: `^[\\x21-\\x7e]{1,${limits.idempotencyKeyCharsMax}}$`,
      description:
        'Names this request, so that it may be sent again without storing it twice. Kept for 24 hours for this workspace and route. A repeat answers with the first positions; the same key with another body is `idempotency_key_reused`.',
    }),
  ),
})
