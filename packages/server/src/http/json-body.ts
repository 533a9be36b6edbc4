import { limits } from '@switchboard/contract'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Clock } from '../clock.js'
import { parseJson } from '../ingest/json.js'
import { mediaTypeOf } from './media-type.js'
import { readBody } from './read-body.js'

/** The request's Content-Length in bytes; undefined for a body that is sent in chunks. */
export function declaredBytes(request: FastifyRequest): number | undefined {
  const header = request.headers['content-length']
  return header === undefined ? undefined : Number(header)
}

/** Reads JSON bodies, within the limits of a request that publishes nothing. Any other content type is refused. */
export function parseJsonBodies(app: FastifyInstance, clock: Clock): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', async (request: FastifyRequest, payload: FastifyRequest['raw']) => {
    mediaTypeOf(request, ['application/json'])
    const bounds = { clock, bytesMax: limits.smallBodyBytesMax, declaredBytes: declaredBytes(request) }
    const body = await readBody(payload, bounds)
    // Many clients name a content type with every request, those included that have nothing to send.
    if (body.length === 0 && request.routeOptions.schema?.body === undefined) return undefined
    return parseJson(body)
  })
}

/** Leaves every body to the handler, as the stream it comes as. */
export function leaveBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
}
