import { colonPath, limits, plainSchema, type Route, type RouteId, routes } from '@switchboard/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import { type GuardDeps, guard } from './guard.js'
import { typedQuery } from './query.js'
import type { Checked, Handler, Handlers } from './route-types.js'

/**
 * Registers routes of the table with the handlers given for them.
 *
 *     onRequest        credential, permission       before a byte of the body is read
 *     parsing          the body, within limits
 *     preValidation    the query, made of text, becomes what its schema speaks of
 *     validation       path, query, headers, JSON body
 *     handler
 */
export function registerRoutes<Ids extends RouteId>(
  app: FastifyInstance,
  deps: GuardDeps,
  handlers: Handlers<Ids>,
  options: { readonly rawBody: boolean },
): void {
  for (const id of Object.keys(handlers) as Ids[]) {
    // The table and the handlers are both written by hand and agree by type; per id the compiler cannot follow.
    register(app, deps, id, handlers[id] as unknown as Handler<RouteId>, options.rawBody)
  }
}

function register(
  app: FastifyInstance,
  deps: GuardDeps,
  id: RouteId,
  handler: Handler<RouteId>,
  rawBody: boolean,
): void {
  const route: Route = routes[id]
  const status = successOf(route)
  const { query } = route
  app.route({
    method: route.method,
    url: colonPath(route.path),
    // The table has its own HEAD where a stream must not be begun; elsewhere HEAD is GET without the body.
    exposeHeadRoute: route.method === 'GET' && route.streaming === undefined,
    schema: schemaOf(id, route, rawBody),
    bodyLimit: limits.bodyBytesMax,
    config: {
      route: id,
      ...(route.permission === 'none' && { whileDraining: true }),
      ...(route.streaming !== undefined && { streaming: true }),
    },
    onRequest: (request) => guard(request, route, deps),
    ...(!readsOwnQuery(id) && {
      preValidation: (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void) => {
        let refusal: Error | undefined
        try {
          request.query = typedQuery(request.query as Record<string, unknown>, query?.properties ?? {})
        } catch (error) {
          refusal = error as Error
        }
        done(refusal)
      },
    }),
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      // Again: a body may take minutes to arrive, and a key that was revoked meanwhile must not make itself another one.
      // Handlers that read the body themselves see to it themselves.
      if (!rawBody && request.body !== undefined) await guard(request, route, deps)
      const { params, query, body, principal } = request
      const checked = { params, query, body, principal, request, reply } as unknown as Checked<RouteId>
      const answer = await handler(checked)
      await deps.onAnswer?.(id, checked, answer)
      if (reply.sent) return reply
      // 200 is what a reply begins with: another one was set by the handler.
      if (reply.statusCode === 200) reply.code(status)
      return reply.send(answer)
    },
  })
}

/** True for the streams: their transports read what a subscriber asks for, so that every way in is read alike. */
function readsOwnQuery(id: RouteId): boolean {
  return id === 'streamEvents' || id === 'probeEventStream' || id === 'observeCall'
}

/** The one status below 400 that a route answers with. */
function successOf(route: Route): number {
  return Object.keys(route.answers)
    .map(Number)
    .filter((status) => status < 400)
    .reduce((lowest, status) => Math.min(lowest, status))
}

function schemaOf(id: RouteId, route: Route, rawBody: boolean): FastifySchema {
  const json = rawBody ? undefined : route.body?.['application/json']
  return {
    ...(route.params && { params: plainSchema(route.params) }),
    ...(route.query && !readsOwnQuery(id) && { querystring: plainSchema(route.query) }),
    // A signature is the vendor's matter: without one the answer is that it does not match.
    ...(route.headers && route.permission !== 'signature' && { headers: plainSchema(route.headers) }),
    ...(json && { body: plainSchema(json) }),
  }
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Operation id in the table of routes; undefined for pages. */
    route?: RouteId
  }
}
