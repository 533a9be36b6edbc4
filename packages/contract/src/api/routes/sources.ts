import { Type } from '../../type.js'
import { SetTwilioSecret, TwilioCallback, TwilioSecret } from '../schemas/sources.js'
import { inWorkspace } from './parameters.js'
import { bodied, guarded, type Route } from './route.js'

export const sourceRoutes = {
  receiveTwilioCallback: {
    method: 'POST',
    path: '/v1/{workspace_id}/sources/twilio',
    summary: 'Receive a Twilio callback',
    description:
      'Give Twilio this address as status callback of calls and of real-time transcriptions. Each callback becomes the events it stands for, once, however often and in whatever order Twilio sends it. It is checked by its signature, so set the secret first.',
    tag: 'Sources',
    permission: 'signature',
    params: inWorkspace,
    headers: Type.Object({
      'x-twilio-signature': Type.String({ description: "Twilio's signature of the address and the form." }),
    }),
    body: { 'application/x-www-form-urlencoded': TwilioCallback },
    answers: { 204: { description: 'Taken, or nothing to tell.' } },
    failures: [
      'bad_request',
      'invalid_signature',
      'invalid_event',
      'body_too_large',
      'unsupported_media_type',
      'rate_limited',
      'storage_full',
      'storage_fault',
      'internal',
      'unavailable',
      'server_draining',
    ],
  },
  setTwilioSecret: {
    method: 'PUT',
    path: '/v1/{workspace_id}/sources/twilio/secret',
    summary: 'Set the Twilio secret',
    description:
      "Stores the account's auth token, with which callbacks are checked. It replaces the one before. Whoever knows the token can publish by it, so the key that sets it needs `events:write` and `calls:publish` too.",
    tag: 'Sources',
    permission: 'keys:manage',
    params: inWorkspace,
    body: { 'application/json': SetTwilioSecret },
    answers: { 200: { description: 'It is set.', content: { 'application/json': TwilioSecret } } },
    failures: [...guarded, ...bodied, 'invalid_parameter', 'not_found', 'storage_full', 'storage_fault'],
  },
  getTwilioSecret: {
    method: 'GET',
    path: '/v1/{workspace_id}/sources/twilio/secret',
    summary: 'See whether the Twilio secret is set',
    description: 'Tells whether it is set, and never the secret.',
    tag: 'Sources',
    permission: 'keys:manage',
    params: inWorkspace,
    answers: { 200: { description: 'Whether it is set.', content: { 'application/json': TwilioSecret } } },
    failures: [...guarded, 'invalid_parameter', 'not_found'],
  },
  deleteTwilioSecret: {
    method: 'DELETE',
    path: '/v1/{workspace_id}/sources/twilio/secret',
    summary: 'Forget the Twilio secret',
    description: 'From then on every callback is refused.',
    tag: 'Sources',
    permission: 'keys:manage',
    params: inWorkspace,
    answers: { 204: { description: 'It is forgotten.' } },
    failures: [...guarded, 'invalid_parameter', 'not_found', 'storage_full', 'storage_fault'],
  },
} as const satisfies Record<string, Route>
