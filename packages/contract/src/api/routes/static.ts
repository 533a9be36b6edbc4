import type { Static, TSchema } from 'typebox'
import type { RouteId, routes } from './index.js'

type Routes = typeof routes

type PartOf<Id extends RouteId, Name extends 'params' | 'query' | 'headers'> = Routes[Id] extends {
  readonly [Part in Name]: infer S extends TSchema
}
  ? Static<S>
  : { readonly [name: string]: never }

/** Path parameters of a route, once they have passed its schema. */
export type RouteParams<Id extends RouteId> = PartOf<Id, 'params'>

/** Query parameters of a route, once they have passed its schema. */
export type RouteQuery<Id extends RouteId> = PartOf<Id, 'query'>

/** The JSON body of a route, once it has passed its schema. */
export type RouteBody<Id extends RouteId> = Routes[Id] extends {
  readonly body: { readonly 'application/json': infer S extends TSchema }
}
  ? Static<S>
  : undefined
