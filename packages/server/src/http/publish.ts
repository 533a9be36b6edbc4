import type { Readable } from 'node:stream'
import { limits } from '@switchboard/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Principal } from '../access/principal.js'
import type { Clock } from '../clock.js'
import { idempotencyKeyOf } from '../ingest/idempotency.js'
import type { Ingest, PublishTarget } from '../ingest/ingest.js'
import type { Channel } from '../log/log.js'
import { declaredBytes } from './json-body.js'
import { mediaTypeOf } from './media-type.js'
import { bodyPieces, readBody } from './read-body.js'
import type { Handlers } from './route-types.js'

export interface PublishDeps {
  readonly ingest: Ingest
  readonly clock: Clock
  readonly extraFieldsOf: (workspace: string) => PublishTarget['extraFields']
}

const ACCEPTED = ['application/json', 'application/x-ndjson'] as const

/** Publishing to a workspace and to a call's channel: the same, but for the channel. */
export function publishHandlers(deps: PublishDeps): Handlers<'publishEvents' | 'publishCallEvents'> {
  return {
    publishEvents: ({ params, principal, request, reply }) =>
      publish(deps, { workspace: params.workspace_id }, principal, request, reply),
    publishCallEvents: ({ params, principal, request, reply }) =>
      publish(deps, { workspace: params.workspace_id, call: params.call_sid }, principal, request, reply),
  }
}

async function publish(
  { ingest, clock, extraFieldsOf }: PublishDeps,
  channel: Channel,
  principal: Principal,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<{ ids: readonly string[] }> {
  const target: PublishTarget = {
    channel,
    keyId: principal.keyId,
    extraFields: extraFieldsOf(channel.workspace),
    idempotencyKey: idempotencyKeyOf(request.headers['idempotency-key']),
  }
  const mediaType = mediaTypeOf(request, ACCEPTED)
  const bounds = { clock, bytesMax: limits.bodyBytesMax, declaredBytes: declaredBytes(request) }
  // Without any body nothing was parsed, and the request itself is the stream, which then has ended.
  const source = (request.body as Readable | undefined) ?? request.raw
  const published =
    mediaType === 'application/json'
      ? await ingest.publishBody(target, await readBody(source, bounds))
      : await ingest.publishLines(target, bodyPieces(source, bounds))
  if (published.replayed) reply.header('idempotent-replayed', 'true')
  return { ids: published.ids }
}
