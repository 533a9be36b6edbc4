import type { Static } from 'typebox'
import { Type } from '../../type.js'
import { limits } from '../limits.js'
import { permissionNames, permissions } from '../permissions.js'
import { page } from './page.js'
import { chosenId, instant, KEY_ID_PATTERN, nullable, uuid } from './text.js'

export const PermissionName = Type.Enum([...permissionNames], {
  title: 'PermissionName',
  description: Object.entries(permissions)
    .map(([permission, meaning]) => `- \`${permission}\`: ${meaning}`)
    .join('\n'),
})

const granted = Type.Array(PermissionName, { description: 'What it may do.' })
const asked = Type.Array(PermissionName, {
  minItems: 1,
  uniqueItems: true,
  description: 'What it may do: at least one, and none that the asking credential lacks.',
})
const keyId = Type.String({ pattern: KEY_ID_PATTERN, description: 'The public part of the key. Not a secret.' })
const keyName = Type.String({
  minLength: 1,
  maxLength: limits.nameCharsMax,
  pattern: '\\S',
  description: 'What people call the key, for example the program that holds it.',
})
const expiresAt = nullable(instant('An instant.'), 'When it stops working; null means never.')

export const CreateApiKey = Type.Object(
  {
    name: keyName,
    permissions: asked,
    duration_days: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: limits.keyDaysMax,
        description: 'Days until it expires. Left out: never.',
        'x-unit': 'd',
      }),
    ),
  },
  { title: 'CreateApiKey', description: 'An API key to create.', additionalProperties: false },
)
export type CreateApiKey = Static<typeof CreateApiKey>

const about = {
  key_id: keyId,
  name: keyName,
  permissions: granted,
  created_at: instant('When it was created.'),
  expires_at: expiresAt,
}

export const ApiKey = Type.Object(about, { title: 'ApiKey', description: 'An API key, without its secret.' })
export type ApiKey = Static<typeof ApiKey>

export const ApiKeyWithSecret = Type.Object(
  {
    api_key: Type.String({ description: '`sb_<key_id>_<secret>`. Shown this once, and kept only as a hash.' }),
    ...about,
  },
  { title: 'ApiKeyWithSecret', description: 'A new API key, with the secret that is never shown again.' },
)
export type ApiKeyWithSecret = Static<typeof ApiKeyWithSecret>

export const ApiKeyList = page('ApiKeyList', ApiKey, 'API keys of the workspace, in the order they were created.')
export type ApiKeyList = Static<typeof ApiKeyList>

export const CredentialKind = Type.Enum(['admin', 'api-key', 'access-token'], {
  title: 'CredentialKind',
  description: 'What a credential is.',
})

export const CredentialInfo = Type.Object(
  {
    kind: CredentialKind,
    key_id: nullable(keyId, 'The key, or the key that asked for the access token; null for the admin key.'),
    name: nullable(keyName, 'What people call that key; null for the admin key.'),
    permissions: granted,
    call_sids: nullable(
      Type.Array(chosenId('A call.')),
      'The only calls it may observe or publish to; null means every call of the workspace.',
    ),
    expires_at: expiresAt,
    workspace: nullable(
      Type.Object({
        id: uuid('The workspace: the first part of every path.'),
        name: Type.String({ description: 'What people call the workspace.' }),
        slug: Type.String({ description: 'Its short name.' }),
      }),
      'The workspace it belongs to; null for the admin key, which may act in all.',
    ),
  },
  { title: 'CredentialInfo', description: 'Who a credential speaks for. It holds no secret.' },
)
export type CredentialInfo = Static<typeof CredentialInfo>

const callSids = Type.Array(chosenId('A call.'), {
  minItems: 1,
  maxItems: limits.filterValuesMax,
  uniqueItems: true,
  description: 'The only calls it may observe or publish to. Left out: every call of the workspace.',
})

export const CreateAccessToken = Type.Object(
  {
    permissions: asked,
    call_sids: Type.Optional(callSids),
    ttl_seconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: limits.tokenSecondsMax,
        default: limits.tokenSecondsDefault,
        description: `Lifetime in seconds, ${limits.tokenSecondsDefault} when left out. It never outlives the key.`,
        'x-unit': 's',
      }),
    ),
  },
  { title: 'CreateAccessToken', description: 'An access token to sign.', additionalProperties: false },
)
export type CreateAccessToken = Static<typeof CreateAccessToken>

export const AccessToken = Type.Object(
  {
    access_token: Type.String({
      description: 'A signed JWT, for browsers: as bearer, WebSocket subprotocol or query.',
    }),
    permissions: granted,
    call_sids: Type.Optional(callSids),
    expires_at: instant('When it stops working. Streams it opened end then.'),
  },
  { title: 'AccessToken', description: 'A short-lived credential, never wider than the key that asked for it.' },
)
export type AccessToken = Static<typeof AccessToken>
