import { SwitchboardError } from '@switchboard/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Principal } from '../access/principal.js'
import { parseStreamQuery } from '../transport/query.js'
import { type StreamDependencies, serveWorkspaceStream } from '../transport/sse.js'
import type { Handlers } from './route-types.js'

/** The streams as routes: what is said on them is the transports' affair. */
export function streamHandlers(
  stream: StreamDependencies,
): Handlers<'streamEvents' | 'probeEventStream' | 'observeCall'> {
  return {
    streamEvents: async ({ params, principal, request, reply }) =>
      serve(stream, params.workspace_id, principal, request, reply),
    probeEventStream: async ({ params, principal, request, reply }) =>
      serve(stream, params.workspace_id, principal, request, reply),
    // A handshake never comes here: it leaves HTTP before there is a route.
    async observeCall({ reply }) {
      reply.header('upgrade', 'websocket')
      throw new SwitchboardError('bad_request', 'This is a WebSocket: connect with a WebSocket client.')
    },
  }
}

function serve(
  stream: StreamDependencies,
  workspace: string,
  principal: Principal,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const header = { 'last-event-id': request.headers['last-event-id'] }
  const asked = parseStreamQuery(stream.catalogue, queryOf(request), header, stream.clock.now())
  // What hooks have set (request id, CORS, security) belongs on the stream's answer too.
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value)
  }
  serveWorkspaceStream(stream, { ...asked, workspace, principal, connectionId: request.id }, request.raw, reply.raw)
  reply.hijack()
}

/** The query as it was sent. */
function queryOf(request: FastifyRequest): URLSearchParams {
  const url = request.raw.url ?? ''
  const start = url.indexOf('?')
  return new URLSearchParams(start === -1 ? '' : url.slice(start + 1))
}
