import { Type } from '../../type.js'
import { Activity, OpenStreamList, WatcherList } from '../schemas/streams.js'
import { chosenId } from '../schemas/text.js'
import { inWorkspace, onCall, paging } from './parameters.js'
import { guarded, type Route } from './route.js'

const scope =
  'All workers of the server are asked; one that does not answer within 2 seconds is left out. Of a cluster it tells of this gateway only.'

const common = {
  method: 'GET',
  tag: 'Operations',
  failures: [...guarded, 'invalid_parameter', 'not_found'],
} as const

export const presenceRoutes = {
  listStreams: {
    ...common,
    path: '/v1/{workspace_id}/streams',
    summary: 'List open streams',
    description: `Who listens now, of both kinds, and how far each has come. ${scope}`,
    permission: 'audit:read',
    params: inWorkspace,
    query: Type.Object({
      call_sid: Type.Optional(chosenId('Only the observers of this call.')),
      ...paging,
    }),
    answers: { 200: { description: 'A page of streams.', content: { 'application/json': OpenStreamList } } },
    failures: [...common.failures, 'storage_fault'],
  },
  listWatchers: {
    ...common,
    path: '/v1/{workspace_id}/calls/{call_sid}/watchers',
    summary: 'List who observes a call',
    description: `Whoever may observe a call may know who else does. ${scope}`,
    tag: 'Calls',
    permission: 'calls:observe',
    params: onCall,
    query: Type.Object(paging),
    answers: { 200: { description: 'A page of watchers.', content: { 'application/json': WatcherList } } },
  },
  getActivity: {
    ...common,
    path: '/v1/{workspace_id}/activity',
    summary: 'Read what went on',
    description: `Open streams, refusals and published events since the server started. ${scope} What a worker that has ended had counted is gone with it.`,
    permission: 'audit:read',
    params: inWorkspace,
    answers: { 200: { description: 'The counts.', content: { 'application/json': Activity } } },
  },
} as const satisfies Record<string, Route>
