import type { Readable } from 'node:stream'
import { limits } from '@switchboard/contract'
import type { FastifyRequest } from 'fastify'
import { requireKey, requireSubset } from '../access/authorize.js'
import type { SecretInfo, Secrets } from '../access/secrets.js'
import type { Workspaces } from '../access/workspaces.js'
import type { Clock } from '../clock.js'
import type { TwilioSettings, TwilioSource } from '../sources/twilio.js'
import { declaredBytes } from './json-body.js'
import { mediaTypeOf } from './media-type.js'
import { readBody } from './read-body.js'
import type { Handlers } from './route-types.js'

/** Name of the secret that Twilio signs with, among the secrets of a workspace. */
const TWILIO = 'twilio'

export interface SourceDeps {
  readonly secrets: Secrets
  readonly twilio: TwilioSource
  readonly clock: Clock
  /** Where others reach this server; undefined = as the request was addressed. */
  readonly publicUrl: string | undefined
}

type SourceRoutes = 'receiveTwilioCallback' | 'setTwilioSecret' | 'getTwilioSecret' | 'deleteTwilioSecret'

/** Vendors' callbacks, and the secrets by which they are checked. */
export function sourceHandlers({ secrets, twilio, clock, publicUrl }: SourceDeps): Handlers<SourceRoutes> {
  return {
    async receiveTwilioCallback({ params, request }) {
      mediaTypeOf(request, ['application/x-www-form-urlencoded'])
      const body = await readBody((request.body as Readable | undefined) ?? request.raw, {
        clock,
        // Anybody may send it, and all of it is read before the signature can be checked. Twilio needs a tenth of this.
        bytesMax: limits.smallBodyBytesMax,
        declaredBytes: declaredBytes(request),
      })
      const signature = request.headers['x-twilio-signature']
      await twilio.receive({
        workspace: params.workspace_id,
        url: addressOf(request, publicUrl),
        signature: typeof signature === 'string' ? signature : undefined,
        body: body.toString('utf8'),
      })
    },

    async setTwilioSecret({ params, body, principal }) {
      // Whoever sets it can sign callbacks, and so publish, for as long as it stands.
      requireKey(principal, params.workspace_id)
      requireSubset(principal, ['events:write', 'calls:publish'])
      const about = { service_id: body.service_id ?? null }
      return shown(await secrets.put(principal, params.workspace_id, TWILIO, body.auth_token, about))
    },

    getTwilioSecret: async ({ params, principal }) =>
      shown(await secrets.describe(principal, params.workspace_id, TWILIO)),

    async deleteTwilioSecret({ params, principal }) {
      // What was not set is forgotten too: asking twice is no mistake.
      await secrets.delete(principal, params.workspace_id, TWILIO)
    },
  }
}

/** What the Twilio source asks of a workspace. */
export function twilioSettings(
  secrets: Secrets,
  workspaces: Workspaces,
): (workspace: string, fresh: boolean) => Promise<TwilioSettings | undefined> {
  return async (id, fresh) => {
    if (fresh) await workspaces.refresh()
    const workspace = workspaces.get(id)
    const secret = workspace && secrets.get(id, TWILIO)
    if (workspace === undefined || secret === undefined) return undefined
    const { service_id: serviceId } = secret.about
    return {
      authToken: secret.value,
      serviceId: typeof serviceId === 'string' ? serviceId : undefined,
      extraFields: workspace.extra_fields,
    }
  }
}

function shown(info: SecretInfo | undefined): object {
  return {
    is_set: info !== undefined,
    service_id: info?.about.service_id ?? null,
    updated_at: info === undefined ? null : new Date(info.updatedAt).toISOString(),
  }
}

/** The whole address that was called: the signature covers it. */
function addressOf(request: FastifyRequest, publicUrl: string | undefined): string {
  const origin = publicUrl?.replace(/\/+$/, '') ?? `${request.protocol}://${request.host}`
  return origin + request.url
}
