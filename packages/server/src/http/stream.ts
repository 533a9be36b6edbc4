import type { IncomingMessage } from 'node:http'
import { SwitchboardError } from '@switchboard/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Principal } from '../access/principal.js'
import { parseStreamQuery } from '../transport/query.js'
import { type StreamDependencies, serveWorkspaceStream, streamView } from '../transport/sse.js'
import { streamHeaders } from '../transport/sse-frames.js'
import { responseOutlet } from '../transport/sse-socket.js'
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
    async observeCall({ request, reply }) {
      // HTTP/2 has no upgrades and forbids the header.
      if (request.raw.httpVersionMajor === 1) reply.header('upgrade', 'websocket')
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
  const asked = parseStreamQuery(stream.catalogue, queryOf(request.raw), header, stream.clock.now())
  // What hooks have set (request id, CORS, security) belongs on the stream's answer too.
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value)
  }
  const asking = { ...asked, workspace, principal, connectionId: request.id, address: request.ip }
  const view = streamView(stream, asking)
  if (request.method === 'HEAD') reply.raw.writeHead(200, streamHeaders).end()
  else serveWorkspaceStream(stream, asking, view, responseOutlet(reply.raw, streamHeaders))
  reply.hijack()
}

/** The query as it was sent. */
export function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  const start = url.indexOf('?')
  return new URLSearchParams(start === -1 ? '' : url.slice(start + 1))
}
