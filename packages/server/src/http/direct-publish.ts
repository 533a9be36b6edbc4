import type { IncomingMessage, ServerResponse } from 'node:http'
import { colonPath, limits, routes } from '@switchboard/contract'
import type { FastifyBaseLogger } from 'fastify'
import type { Access } from '../access/access.js'
import type { NoteUse } from '../audit/key-uses.js'
import { idempotencyKeyOf } from '../ingest/idempotency.js'
import type { Ingest, PublishTarget } from '../ingest/ingest.js'
import type { Meter } from '../meter.js'
import { requestIdOf } from '../request-id.js'
import { refuse } from './answers.js'
import type { RequestOver } from './app.js'
import { callerOf, type Direct } from './direct.js'
import { COMMON_HEADERS } from './security.js'

export interface DirectPublishDeps {
  readonly ingest: Ingest
  readonly access: Access
  readonly meter: Meter
  readonly onRequestOver: (over: RequestOver) => void
  readonly onUse?: NoteUse
  /** Told of failures that nobody foresaw. */
  readonly log: Pick<FastifyBaseLogger, 'error'>
}

/** What a request asks for, as far as its head tells. */
interface Asked extends PublishTarget {
  readonly route: string
  readonly bodyBytes: number
}

const TO_WORKSPACE = { route: colonPath(routes.publishEvents.path), permission: routes.publishEvents.permission }
const TO_CALL = { route: colonPath(routes.publishCallEvents.path), permission: routes.publishCallEvents.permission }
const PATH = /^\/v1\/([\w.:-]+)(?:\/calls\/([\w.:-]+))?\/events$/

/** Publishes JSON whose body has come with its head. */
export function directPublish(deps: DirectPublishDeps): Direct {
  return {
    take(request, response, route) {
      const asked = askedOf(request, deps)
      if (asked === undefined) return false
      const startedAt = performance.now()
      // What has come of the body is handed over right after the head.
      void Promise.resolve().then(() => {
        if (request.readableLength === asked.bodyBytes) void answer(deps, asked, startedAt, request, response)
        else route()
      })
      return true
    },
  }
}

function askedOf(request: IncomingMessage, { access, onUse }: DirectPublishDeps): Asked | undefined {
  const { headers, method, url = '' } = request
  if (method !== 'POST' || headers['content-type'] !== 'application/json') return undefined
  const bodyBytes = Number(headers['content-length'])
  if (!(bodyBytes > 0 && bodyBytes <= limits.bodyBytesMax)) return undefined
  const [, workspace, call] = PATH.exec(url) ?? []
  if (workspace === undefined || (call !== undefined && call.length > limits.idCharsMax)) return undefined
  const principal = callerOf(request, access)
  if (principal === undefined) return undefined
  const { route, permission } = call === undefined ? TO_WORKSPACE : TO_CALL
  try {
    access.authorize(principal, workspace, permission, call)
    onUse?.(principal, workspace, request)
    return {
      route,
      bodyBytes,
      channel: call === undefined ? { workspace } : { workspace, call },
      keyId: principal.keyId,
      extraFields: access.workspaces.extraFieldsOf(workspace),
      idempotencyKey: idempotencyKeyOf(headers['idempotency-key']),
    }
  } catch {
    return undefined
  }
}

async function answer(
  deps: DirectPublishDeps,
  asked: Asked,
  startedAt: number,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body: Buffer = request.read()
  request.resume()
  const requestId = requestIdOf(request)
  let status = 201
  try {
    const { ids, replayed } = await deps.ingest.publishBody(asked, body)
    const text = `{"ids":["${ids.join('","')}"]}`
    const headers = [...HEADERS, 'x-request-id', requestId, 'content-length', String(text.length)]
    if (replayed) headers.push('idempotent-replayed', 'true')
    response.writeHead(status, headers).end(text, 'latin1')
  } catch (error) {
    const refusal = refuse(error, requestId, { ...deps, workspace: asked.channel.workspace })
    const { headers, bytes } = refusal
    status = refusal.status
    const all = { ...COMMON_HEADERS, 'x-request-id': requestId, ...headers, 'content-length': bytes.length }
    response.writeHead(status, all).end(bytes)
  }
  const ms = performance.now() - startedAt
  deps.onRequestOver({ requestId, method: 'POST', route: asked.route, status, ms, streaming: false })
}

const HEADERS = Object.entries({ ...COMMON_HEADERS, 'content-type': 'application/json; charset=utf-8' }).flat()
