import { accessRoutes } from './access.js'
import { auditRoutes } from './audit.js'
import { callRoutes } from './calls.js'
import { eventRoutes } from './events.js'
import { opsRoutes } from './ops.js'
import { presenceRoutes } from './presence.js'
import { privacyRoutes } from './privacy.js'
import type { Route } from './route.js'

import { sourceRoutes } from './sources.js'
import { stateRoutes } from './state.js'
import { workspaceRoutes } from './workspaces.js'

export { commaSeparated } from './parameters.js'
export { colonPath, type Route, type RouteAnswer, type RoutePermission, type Tag, tags } from './route.js'

/** Every route of the API by its operation id: the server registers these, the OpenAPI document describes these. */
export const routes = {
  ...eventRoutes,
  ...callRoutes,
  ...stateRoutes,
  ...sourceRoutes,
  ...privacyRoutes,
  ...accessRoutes,
  ...auditRoutes,
  ...workspaceRoutes,
  ...presenceRoutes,
  ...opsRoutes,
} as const satisfies Record<string, Route>

/** The operation id of a route, for example `publishEvents`. */
export type RouteId = keyof typeof routes

/** The same table, to walk through. */
export const routeList: readonly (Route & { readonly operationId: RouteId })[] = Object.entries<Route>(routes).map(
  ([operationId, route]) => ({ ...route, operationId: operationId as RouteId }),
)
