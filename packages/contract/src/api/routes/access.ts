import { Type } from '../../type.js'
import { limits } from '../limits.js'
import {
  AccessToken,
  ApiKeyList,
  ApiKeyWithSecret,
  CreateAccessToken,
  CreateApiKey,
  CredentialInfo,
} from '../schemas/credentials.js'
import { inWorkspace, onKey, paging } from './parameters.js'
import { bodied, guarded, type Route } from './route.js'

const stored = ['storage_full', 'storage_fault'] as const

export const accessRoutes = {
  getCredential: {
    method: 'GET',
    path: '/v1/credential',
    summary: 'Read what a credential may do',
    description:
      'Who the credential of this request speaks for, and in which workspace: all that a program needs to begin with.',
    tag: 'Access',
    permission: 'any',
    answers: { 200: { description: 'The credential.', content: { 'application/json': CredentialInfo } } },
    failures: [...guarded],
  },
  createApiKey: {
    method: 'POST',
    path: '/v1/{workspace_id}/api-keys',
    summary: 'Create an API key',
    description: 'The answer holds the secret, this once. A key cannot grant what it lacks itself.',
    tag: 'Access',
    permission: 'keys:manage',
    params: inWorkspace,
    body: { 'application/json': CreateApiKey },
    answers: { 201: { description: 'The key and its secret.', content: { 'application/json': ApiKeyWithSecret } } },
    failures: [...guarded, ...bodied, ...stored, 'invalid_parameter', 'not_found'],
  },
  listApiKeys: {
    method: 'GET',
    path: '/v1/{workspace_id}/api-keys',
    summary: 'List API keys',
    description: 'Keys that have not been revoked, without their secrets.',
    tag: 'Access',
    permission: 'keys:manage',
    params: inWorkspace,
    query: Type.Object(paging),
    answers: { 200: { description: 'A page of keys.', content: { 'application/json': ApiKeyList } } },
    failures: [...guarded, 'invalid_parameter', 'not_found'],
  },
  revokeApiKey: {
    method: 'DELETE',
    path: '/v1/{workspace_id}/api-keys/{key_id}',
    summary: 'Revoke an API key',
    description:
      'The key stops working at once; streams it opened, and those of its access tokens, end within 2 seconds.',
    tag: 'Access',
    permission: 'keys:manage',
    params: onKey,
    answers: { 204: { description: 'It is revoked.' } },
    failures: [...guarded, ...stored, 'invalid_parameter', 'not_found'],
  },
  rotateApiKey: {
    method: 'POST',
    path: '/v1/{workspace_id}/api-keys/{key_id}/rotate',
    summary: 'Give an API key a new secret',
    description:
      'The old secret stops working at once, and streams that were opened with it end within 2 seconds. Name, permissions and expiry stay. No body is needed.',
    tag: 'Access',
    permission: 'keys:manage',
    params: onKey,
    answers: { 200: { description: 'The key and its new secret.', content: { 'application/json': ApiKeyWithSecret } } },
    failures: [...guarded, ...stored, 'invalid_parameter', 'not_found'],
  },
  createAccessToken: {
    method: 'POST',
    path: '/v1/{workspace_id}/access-tokens',
    summary: 'Sign an access token',
    description: `A short-lived credential for a browser, at most ${limits.tokenSecondsMax / 60} minutes. It is never wider than the key that asks, does not outlive it, and dies with it. An access token cannot ask for another.`,
    tag: 'Access',
    permission: 'api-key',
    params: inWorkspace,
    body: { 'application/json': CreateAccessToken },
    answers: { 201: { description: 'The token.', content: { 'application/json': AccessToken } } },
    failures: [...guarded, ...bodied, 'invalid_parameter', 'not_found'],
  },
} as const satisfies Record<string, Route>
