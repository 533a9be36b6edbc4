import { Type } from '../../type.js'
import { Health, Readiness } from '../schemas/ops.js'
import type { Route } from './route.js'

const common = { method: 'GET', tag: 'Operations', permission: 'none' } as const

const document = (title: string) =>
  Type.Unsafe<object>({ type: 'object', additionalProperties: true, description: `An ${title} document.` })

export const opsRoutes = {
  getHealth: {
    ...common,
    path: '/healthz',
    summary: 'Is the process alive?',
    description: 'Answers while the process can answer at all. For liveness probes.',
    answers: { 200: { description: 'It is.', content: { 'application/json': Health } } },
    failures: ['internal'],
  },
  getReadiness: {
    ...common,
    path: '/readyz',
    summary: 'Can the process take traffic?',
    description:
      'Looks at the storage, and whether the process is going away. For load balancers and readiness probes.',
    answers: {
      200: { description: 'It can.', content: { 'application/json': Readiness } },
      503: { description: 'It cannot, and why.', content: { 'application/json': Readiness } },
    },
    failures: ['internal'],
  },
  getMetrics: {
    ...common,
    path: '/metrics',
    summary: 'Read the metrics',
    description: 'Counters and histograms in the Prometheus text format. They hold no personal data and no ids.',
    answers: { 200: { description: 'The metrics.', content: { 'text/plain': Type.String() } } },
    failures: ['internal'],
  },
  getOpenApi: {
    ...common,
    path: '/openapi.json',
    summary: 'Read this document',
    description: 'OpenAPI 3.1, with the event types that this deployment added.',
    answers: { 200: { description: 'The document.', content: { 'application/json': document('OpenAPI') } } },
    failures: ['internal'],
  },
  getAsyncApi: {
    ...common,
    path: '/asyncapi.json',
    summary: 'Read the AsyncAPI document',
    description: 'AsyncAPI 3.0: both streams, message by message.',
    answers: { 200: { description: 'The document.', content: { 'application/json': document('AsyncAPI') } } },
    failures: ['internal'],
  },
} as const satisfies Record<string, Route>
