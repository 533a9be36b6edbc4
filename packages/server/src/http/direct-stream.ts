import type { IncomingMessage } from 'node:http'
import { colonPath, routes } from '@switchboard/contract'
import type { Access } from '../access/access.js'
import type { NoteUse } from '../audit/key-uses.js'
import type { View } from '../fanout/view.js'
import { requestIdOf } from '../request-id.js'
import { type Detacher, detachedOutlet } from '../transport/detached.js'
import { parseStreamQuery } from '../transport/query.js'
import { type StreamDependencies, type StreamRequest, serveWorkspaceStream, streamView } from '../transport/sse.js'
import { streamHeaders } from '../transport/sse-frames.js'
import type { RequestOver } from './app.js'
import { callerOf, type Direct } from './direct.js'
import { COMMON_HEADERS } from './security.js'
import { queryOf } from './stream.js'

export interface DirectStreamDeps {
  readonly stream: StreamDependencies
  readonly access: Pick<Access, 'recognise' | 'authorize'>
  readonly detacher: Detacher
  readonly onRequestOver: (over: RequestOver) => void
  readonly onUse?: NoteUse
}

const { permission, path } = routes.streamEvents
const ROUTE = colonPath(path)
const PATH = /^\/v1\/([\w.:-]+)\/events\/stream(?:\?|$)/

/** Opens a workspace's stream on a connection that has left Node's HTTP server. */
export function directStream(deps: DirectStreamDeps): Direct {
  const { stream, detacher, onRequestOver } = deps
  return {
    take(request, response, route) {
      const asked = askedOf(request, deps)
      if (asked === undefined) return false
      detacher.detach(request, response, {
        refused: route,
        detached(socket) {
          const startedAt = performance.now()
          const { requestId } = asked
          const outlet = detachedOutlet(socket, headOf(requestId))
          outlet.onGone(() => {
            const ms = performance.now() - startedAt
            onRequestOver({ requestId, method: 'GET', route: ROUTE, status: 200, ms, streaming: true })
          })
          serveWorkspaceStream(stream, asked.request, asked.view, outlet)
        },
      })
      return true
    },
  }
}

interface Asked {
  readonly request: StreamRequest
  readonly view: View
  readonly requestId: string
}

function askedOf(request: IncomingMessage, { stream, access, onUse }: DirectStreamDeps): Asked | undefined {
  const { headers, method, url = '' } = request
  const workspace = method === 'GET' ? PATH.exec(url)?.[1] : undefined
  if (workspace === undefined || headers['content-length'] !== undefined) return undefined
  const principal = callerOf(request, access)
  if (principal === undefined) return undefined
  const query = queryOf(request)
  // What is wrong with it is for the router to say, beside a good header too.
  if (query.has('access_token')) return undefined
  try {
    access.authorize(principal, workspace, permission)
    onUse?.(principal, workspace, request)
    const requestId = requestIdOf(request)
    const { start, view } = parseStreamQuery(stream.catalogue, query, headers, stream.clock.now())
    const address = stream.addressOf?.(request) ?? request.socket.remoteAddress ?? ''
    const asked = { workspace, principal, start, view, connectionId: requestId, address }
    return { request: asked, view: streamView(stream, asked), requestId }
  } catch {
    return undefined
  }
}

const FIXED = Object.entries({ ...COMMON_HEADERS, ...streamHeaders })
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('')

/** The head of the response. After the stream the connection is of no more use. */
function headOf(requestId: string): string {
  return `HTTP/1.1 200 OK\r\n${FIXED}x-request-id: ${requestId}\r\nDate: ${new Date().toUTCString()}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`
}
