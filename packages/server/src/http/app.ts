import type { Socket } from 'node:net'
import { limits, SwitchboardError } from '@switchboard/contract'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerFactoryHandler,
  LogController,
} from 'fastify'
import type { Clock } from '../clock.js'
import type { Meter } from '../meter.js'
import type { CertificateSource } from '../ops/live-certificate.js'
import { hostsOf } from '../request-hosts.js'
import { requestIdOf } from '../request-id.js'
import { answerNotFound, answerProblems, refuseConnection, sendProblem } from './answers.js'
import type { Trust } from './client-address.js'
import { parseJsonBodies } from './json-body.js'
import { buildCompiler } from './schema-compiler.js'
import { SecureServer } from './secure-server.js'
import { COMMON_HEADERS, registerOrigins } from './security.js'

export interface AppOptions {
  readonly logger: FastifyBaseLogger
  readonly clock: Clock
  readonly meter: Meter
  /** Origins whose scripts may read answers, besides this server's own. */
  readonly allowedOrigins: readonly string[]
  /** Whose `X-Forwarded-*` headers are believed. Default: nobody's. */
  readonly trust?: Trust
  /** What to serve HTTPS with, HTTP/2 and HTTP/1.1. Default: plain HTTP/1.1. */
  readonly certificate?: CertificateSource | undefined
  /** Told of every request that is over. */
  readonly onRequestOver: (over: RequestOver) => void
  /** True once the process is going away: new requests are then sent elsewhere. */
  readonly isDraining: () => boolean
}

/** A request that has been answered, for the log and the metrics: its route, never its address. */
export interface RequestOver {
  readonly requestId: string
  readonly method: string
  /** The route's template, or undefined when none fitted. */
  readonly route: string | undefined
  readonly status: number
  readonly ms: number
  /** True for a stream, whose length is no answering time. */
  readonly streaming: boolean
}

/** Idle connections are kept for longer than any usual proxy keeps its end, so that it is the proxy that closes them. */
const KEEP_ALIVE_MS = 72_000
/** How often Node looks for requests that are late: they are ended at most this long after their time. */
const LATE_CHECK_MS = 5000
/** A body's own limits are shorter, and answer; this one is for whoever gets around them. */
const REQUEST_MS_MAX = limits.bodyMsMax + limits.bodyIdleMsMax + LATE_CHECK_MS
const HEAD_TIMES = { headersTimeout: limits.headersMsMax, connectionsCheckingInterval: LATE_CHECK_MS } as const
/** Longest path parameter that reaches a schema, which then says what is wrong with it. */
const PARAM_CHARS_MAX = 512
/** Bytes of a request's head: room for a token of the longest kind and for what browsers and proxies add. */
const HEAD_BYTES_MAX = 16 * 1024

/**
 * The HTTP server without its routes: what holds for every request. Ids, security headers, failures as problems,
 * limits on time and size.
 */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { logger, meter, clock, trust, isDraining, certificate: source } = options
  const app = Fastify({
    loggerInstance: logger,
    // A request is told of in one line when it is over, without its address: that may hold a token.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    // Not a child of pino's for each request: to make one costs 3 µs, and what needs the id says it (answers.ts).
    childLoggerFactory: (shared) => shared,
    genReqId: requestIdOf,
    requestIdHeader: false,
    trustProxy: trust ?? false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_MS_MAX,
    bodyLimit: limits.bodyBytesMax,
    // While it drains a process answers every request with a problem of its own (below).
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: PARAM_CHARS_MAX },
    ajv: {
      customOptions: {
        allErrors: true,
        // Texts of a query become numbers where their schema is known (query.ts). Nothing else is ever made to fit.
        coerceTypes: false,
        removeAdditional: false,
        strictRequired: false,
        strictTypes: false,
        allowUnionTypes: true,
      },
    },
    schemaController: { compilersFactory: { buildValidator: buildCompiler } },
    http: { ...HEAD_TIMES, maxHeaderSize: HEAD_BYTES_MAX },
    ...(source && {
      serverFactory: (handler: FastifyServerFactoryHandler) =>
        new SecureServer(
          {
            source,
            clock,
            http1: { ...HEAD_TIMES, keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_MS_MAX },
            headBytesMax: HEAD_BYTES_MAX,
            idleMs: KEEP_ALIVE_MS,
          },
          handler,
        ),
    }),
    clientErrorHandler: (error, socket) => refuseConnection(error, socket as Socket, logger),
    // Hooks do not run for a path that cannot be decoded.
    frameworkErrors: (error, request, reply) => {
      setCommonHeaders(request, reply)
      sendProblem(error, request, reply, meter)
    },
  })

  app.decorateRequest('principal', undefined)
  app.decorateRequest('ownWorkspace', undefined)
  // Hooks that wait for nothing call back: an async one costs each request a promise and a turn of its own.
  app.addHook('onRequest', (request, reply, done) => {
    setCommonHeaders(request, reply)
    done()
  })
  await registerOrigins(app, options.allowedOrigins)
  answerProblems(app, meter)
  app.addHook('onRequest', (request, reply, done) => {
    if (hostsOf(request.raw) > 1) {
      done(new SwitchboardError('bad_request', 'A request has one Host header.'))
      return
    }
    // Nothing of a body is read for a path that there is not.
    if (request.is404) {
      answerNotFound(request, reply, meter)
      return
    }
    if (isDraining() && request.routeOptions.config.whileDraining !== true) {
      reply.header('connection', 'close')
      done(new SwitchboardError('server_draining', 'This process is going away. Send the request again.'))
      return
    }
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    const { config, url } = request.routeOptions
    options.onRequestOver({
      requestId: request.id,
      method: request.method,
      route: request.is404 ? undefined : url,
      status: reply.statusCode,
      ms: reply.elapsedTime,
      streaming: config.streaming === true,
    })
    done()
  })
  parseJsonBodies(app, clock)
  return app
}

function setCommonHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers(COMMON_HEADERS).header('x-request-id', request.id)
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered even while the process is going away: whoever asks how it is must be told. */
    whileDraining?: true
    /** The answer goes on for as long as somebody listens. */
    streaming?: true
  }
}
