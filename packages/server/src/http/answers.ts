import { maxHeaderSize } from 'node:http'
import type { Socket } from 'node:net'
import { failures, SwitchboardError } from '@switchboard/contract'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { uuidv7 } from 'uuidv7'
import type { Meter } from '../meter.js'
import { lingering } from './linger.js'
import { noRoute } from './not-found.js'
import { failureOf, problemOf } from './problems.js'

/** Every failure of every route leaves as a problem (RFC 9457), and is counted. */
export function answerProblems(app: FastifyInstance, meter: Meter): void {
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply, meter))
  app.setNotFoundHandler((request, reply) => answerNotFound(request, reply, meter))
}

export function answerNotFound(request: FastifyRequest, reply: FastifyReply, meter: Meter): FastifyReply {
  const { failure, allow } = noRoute(request.method, pathOf(request.url))
  if (allow !== undefined) reply.header('allow', allow)
  return sendProblem(failure, request, reply, meter)
}

interface RefuseDeps {
  readonly meter: Meter
  readonly log: Pick<FastifyBaseLogger, 'error'>
  /** Whose request it is, once that is known. */
  readonly workspace: string | undefined
}

/** The failure of a request as its answer: counted, and told to the log when nobody foresaw it. */
export function refuse(
  error: unknown,
  requestId: string,
  { meter, log, workspace }: RefuseDeps,
): { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly bytes: Buffer } {
  const failure = failureOf(error)
  meter.refused(failure.code, workspace)
  // What the storage or the process cannot do just now has been told there already.
  if (failure.code === 'internal') log.error({ err: failure.cause ?? failure, request_id: requestId }, 'request failed')
  const { status, headers, body } = problemOf(failure, requestId)
  // Bytes, so that nothing is added to the media type.
  return { status, headers, bytes: Buffer.from(JSON.stringify(body)) }
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply, meter: Meter): FastifyReply {
  const { status, headers, bytes } = refuse(error, request.id, {
    meter,
    log: request.log,
    workspace: request.ownWorkspace,
  })
  reply.code(status).headers(headers)
  // HTTP/2 has another way to end a connection, and forbids to say it here.
  if (request.raw.httpVersionMajor === 2) reply.removeHeader('connection')
  if (status === 413 && !request.raw.complete) {
    return reply.header('content-length', bytes.length).send(lingering(bytes, request.raw))
  }
  // Who sends a whole body before it listens would otherwise wait for us to take the rest of it.
  request.raw.resume()
  return reply.send(bytes)
}

/** The path alone: a query may hold a token. */
export function pathOf(url: string): string {
  const end = url.indexOf('?')
  return end === -1 ? url : url.slice(0, end)
}

/** What Node's parser refuses, before there is a request: its codes and ours. */
const parserFailures: Readonly<Record<string, readonly [status: number, reason: string, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [
    431,
    'Request Header Fields Too Large',
    `The head of a request has at most ${maxHeaderSize} bytes.`,
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'The request did not arrive in time.'],
}

/** A connection, and the answer that is being written to it. */
type Connection = Socket & { readonly _httpMessage?: { readonly headersSent?: boolean } | null }

/** Answers what is no HTTP request at all, and ends the connection. */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Connection, log: FastifyBaseLogger): void {
  // In the middle of an answer, such as a stream, another one would be taken for a part of it.
  const isAnswering = socket._httpMessage?.headersSent === true
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable || isAnswering) {
    socket.destroy()
    return
  }
  log.debug({ code: error.code }, 'connection refused')
  const [status, reason, detail] = parserFailures[error.code ?? ''] ?? [
    400,
    'Bad Request',
    'This is not valid HTTP/1.1.',
  ]
  const requestId = uuidv7()
  const code = status === 408 ? 'request_timeout' : 'bad_request'
  const { body, headers } = problemOf(new SwitchboardError(code, detail), requestId)
  const text = JSON.stringify({ ...body, status, title: failures[code].title })
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-type: ${headers['content-type']}\r\nx-request-id: ${requestId}\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  )
}
