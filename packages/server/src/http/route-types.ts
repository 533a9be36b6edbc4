import type { RouteBody, RouteId, RouteParams, RouteQuery, routes } from '@switchboard/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Principal } from '../access/principal.js'

/** Routes that ask for no bearer credential. */
type Open = 'none' | 'signature'

/** A request that has passed its route's schemas and permission. */
export interface Checked<Id extends RouteId> {
  readonly params: RouteParams<Id>
  readonly query: RouteQuery<Id>
  readonly body: RouteBody<Id>
  /** Who asks; undefined on a route that asks for no credential. */
  readonly principal: (typeof routes)[Id]['permission'] extends Open ? undefined : Principal
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/**
 * Answers a request. What it resolves with is sent as JSON, with the status that the table of routes gives to success,
 * unless the handler has set another or has taken the reply over.
 */
export type Handler<Id extends RouteId> = (checked: Checked<Id>) => Promise<unknown>

/** Handlers by operation id. */
export type Handlers<Ids extends RouteId> = { readonly [Id in Ids]: Handler<Id> }
