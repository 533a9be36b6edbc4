import type { TSchema } from 'typebox'
import * as audit from './audit.js'
import * as credentials from './credentials.js'
import * as events from './events.js'
import * as frames from './frames.js'
import * as ops from './ops.js'
import * as privacy from './privacy.js'
import * as problem from './problem.js'
import * as sources from './sources.js'
import * as state from './state.js'
import * as streams from './streams.js'
import * as workspaces from './workspaces.js'

export { AuditActionName, AuditList, AuditPlace, AuditRecord } from './audit.js'
export * from './credentials.js'
export * from './events.js'
export * from './frames.js'
export * from './ops.js'
export * from './privacy.js'
export { Problem, ProblemItem } from './problem.js'
export * from './sources.js'
export {
  CallAnswer,
  CallList,
  DataSourceList,
  OperatorList,
  SurfaceList,
  WorkspaceState,
} from './state.js'
export * from './streams.js'
export { KEY_ID_PATTERN, PATH_ID_PATTERN, POSITION_PATTERN } from './text.js'
export * from './workspaces.js'

const all: object = {
  ...audit,
  ...credentials,
  ...events,
  ...frames,
  ...ops,
  ...privacy,
  ...problem,
  ...sources,
  ...state,
  ...streams,
  ...workspaces,
}

/**
 * Every schema that has a name of its own, by that name: its `title`. OpenAPI, AsyncAPI and the SDK know them by it, and
 * wherever a schema with such a title stands inside another, the documents hold a reference.
 */
export const namedSchemas: ReadonlyMap<string, TSchema> = new Map(
  Object.entries(all)
    .filter(([name, value]) => value?.title === name)
    // Loaders disagree on the order of a module's names.
    .sort(([a], [b]) => (a < b ? -1 : 1)),
)
