import type { Readable } from 'node:stream'
import { limits } from '@switchboard/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Gate, Principal } from '../access/principal.js'
import { type Standing, watchStanding } from '../access/standing.js'
import type { Clock } from '../clock.js'
import { idempotencyKeyOf } from '../ingest/idempotency.js'
import type { Ingest, PublishTarget } from '../ingest/ingest.js'
import type { Channel } from '../log/log.js'
import { declaredBytes } from './json-body.js'
import { mediaTypeOf } from './media-type.js'
import { type BodyBounds, bodyPieces, readBody } from './read-body.js'
import type { Handlers } from './route-types.js'

export interface PublishDeps {
  readonly ingest: Ingest
  readonly gate: Gate
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
  { ingest, gate, clock, extraFieldsOf }: PublishDeps,
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
  const standing = watchStanding(gate, principal, clock)
  try {
    const published =
      mediaType === 'application/json'
        ? await ingest.publishBody(target, await wholeBody(source, bounds, standing))
        : await ingest.publishLines(target, piecesOf(source, bounds, standing))
    if (published.replayed) reply.header('idempotent-replayed', 'true')
    return { ids: published.ids }
  } finally {
    standing.release()
  }
}

/** What arrives after the credential has ended is stored no more. */
async function wholeBody(source: Readable, bounds: BodyBounds, standing: Standing): Promise<Buffer> {
  const body = await readBody(source, bounds)
  standing.assert()
  return body
}

async function* piecesOf(source: Readable, bounds: BodyBounds, standing: Standing): AsyncGenerator<Buffer> {
  for await (const piece of bodyPieces(source, bounds)) {
    standing.assert()
    yield piece
  }
}
