import { Type } from '../../type.js'
import { CallAnswer, CallList, DataSourceList, OperatorList, SurfaceList, WorkspaceState } from '../schemas/state.js'
import { instant } from '../schemas/text.js'
import { inWorkspace, onCall, paging } from './parameters.js'
import { guarded, type Route } from './route.js'

const common = {
  method: 'GET',
  tag: 'State',
  permission: 'events:read',
  params: inWorkspace,
  failures: [...guarded, 'invalid_parameter', 'not_found', 'storage_fault'],
} as const

const live = 'Stream after `position` to keep it true: nothing is missed and nothing comes twice.'

export const stateRoutes = {
  getState: {
    ...common,
    path: '/v1/{workspace_id}/state',
    summary: 'Read the whole state',
    description: `Calls, operators, surfaces and data sources at one position. ${live}`,
    answers: { 200: { description: 'The state.', content: { 'application/json': WorkspaceState } } },
  },
  listCalls: {
    ...common,
    path: '/v1/{workspace_id}/calls',
    summary: 'List calls',
    description: `Calls and where each stands. ${live}`,
    query: Type.Object({
      status: Type.Optional(Type.Enum(['active', 'ended'], { description: 'Only calls that are active, or over.' })),
      ended_since: Type.Optional(instant('Leaves out calls that ended before this instant.')),
      ...paging,
    }),
    answers: { 200: { description: 'A page of calls.', content: { 'application/json': CallList } } },
  },
  getCall: {
    ...common,
    path: '/v1/{workspace_id}/calls/{call_sid}',
    summary: 'Read a call',
    description: `One call and where it stands. ${live}`,
    params: onCall,
    answers: { 200: { description: 'The call.', content: { 'application/json': CallAnswer } } },
    failures: [...common.failures, 'call_unknown'],
  },
  listOperators: {
    ...common,
    path: '/v1/{workspace_id}/operators',
    summary: 'List operators',
    description: `Operators, their availability and the calls they are on. ${live}`,
    query: Type.Object(paging),
    answers: { 200: { description: 'A page of operators.', content: { 'application/json': OperatorList } } },
  },
  listSurfaces: {
    ...common,
    path: '/v1/{workspace_id}/surfaces',
    summary: 'List surfaces',
    description: `Surfaces and how far each has come. ${live}`,
    query: Type.Object(paging),
    answers: { 200: { description: 'A page of surfaces.', content: { 'application/json': SurfaceList } } },
  },
  listDataSources: {
    ...common,
    path: '/v1/{workspace_id}/pipeline/sources',
    summary: 'List data sources',
    description: `Data sources and how their last syncs went. ${live}`,
    query: Type.Object(paging),
    answers: { 200: { description: 'A page of data sources.', content: { 'application/json': DataSourceList } } },
  },
} as const satisfies Record<string, Route>
