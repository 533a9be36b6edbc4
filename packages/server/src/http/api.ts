import { buildOpenApi, type Catalogue, type Route, type RouteId } from '@switchboard/contract'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Access } from '../access/access.js'
import { readCredential } from '../access/credential.js'
import type { Trail } from '../audit/trail.js'
import type { Clock } from '../clock.js'
import type { Ingest } from '../ingest/ingest.js'
import type { Ledger } from '../log/ledger.js'
import type { Log } from '../log/log.js'
import type { TwilioSource } from '../sources/twilio.js'
import type { ReadPresence } from '../transport/presence.js'
import type { StreamDependencies } from '../transport/sse.js'
import { accessTokenHandlers } from './access-tokens.js'
import { apiKeyHandlers } from './api-keys.js'
import { auditHandlers } from './audit.js'
import { auditAnswers } from './audit-answers.js'
import { consolePage } from './console-page.js'
import { credentialHandlers } from './credential.js'
import { docsPage } from './docs-page.js'
import { eventTypeHandlers } from './event-types.js'
import type { GuardDeps } from './guard.js'
import { historyHandlers } from './history.js'
import { leaveBodies } from './json-body.js'
import { presenceHandlers } from './presence.js'
import { privacyHandlers } from './privacy.js'
import { publishHandlers } from './publish.js'
import { registerRoutes } from './register.js'
import type { Handlers } from './route-types.js'
import { type ServedDeps, servedHandlers } from './served.js'
import { sourceHandlers } from './sources.js'
import { stateHandlers } from './state.js'
import { streamHandlers } from './stream.js'
import { workspaceHandlers } from './workspaces.js'

export interface ApiDeps extends ServedDeps {
  readonly access: Access
  readonly log: Log
  readonly catalogue: Catalogue
  readonly clock: Clock
  readonly ingest: Ingest
  readonly stream: StreamDependencies
  readonly twilio: TwilioSource
  readonly presence: ReadPresence
  readonly ledger: Ledger
  /** Where requests are noted. Default: nowhere. */
  readonly trail?: Trail
}

/** Registers every route of the table, and the pages. A route without a handler does not compile. */
export async function registerApi(app: FastifyInstance, deps: ApiDeps): Promise<void> {
  const { access, log, catalogue, clock, ingest } = deps
  const handlers: Handlers<RouteId> = {
    ...publishHandlers({
      ingest,
      gate: access,
      clock,
      extraFieldsOf: access.workspaces.extraFieldsOf,
    }),
    ...streamHandlers(deps.stream),
    ...historyHandlers({ log, catalogue, clock }),
    ...eventTypeHandlers(catalogue),
    ...stateHandlers(log),
    ...sourceHandlers({ secrets: access.secrets, twilio: deps.twilio, clock, publicUrl: deps.publicUrl }),
    ...privacyHandlers({ log, holds: access.holds }),
    ...apiKeyHandlers(access.apiKeys),
    ...credentialHandlers(access),
    ...accessTokenHandlers(access.accessTokens),
    ...presenceHandlers({ log, read: deps.presence, keyName: access.keyName }),
    ...auditHandlers({ ledger: deps.ledger, catalogue, clock }),
    ...workspaceHandlers(access.workspaces),
    ...servedHandlers(deps),
  }
  const guarding: GuardDeps = {
    gate: access,
    credentialOf,
    workspaceExists: async (workspace) => (await access.workspaces.find(workspace)) !== undefined,
    ...(deps.trail && { onUse: deps.trail.onUse, onAnswer: auditAnswers(deps.trail.audit, deps.trail.reads) }),
  }
  const { publishEvents, publishCallEvents, receiveTwilioCallback, ...parsed } = handlers
  registerRoutes(app, guarding, parsed, { rawBody: false })
  await app.register(async (scope) => {
    leaveBodies(scope)
    registerRoutes(scope, guarding, { publishEvents, publishCallEvents, receiveTwilioCallback }, { rawBody: true })
  })
  await app.register(consolePage)
  await app.register(docsPage, { catalogue, openApi: () => buildOpenApi(catalogue, { version: deps.version }) })
  app.get('/', (_request, reply) => reply.redirect('docs'))
}

/** Only a stream takes a token in its address: an EventSource cannot send headers. */
function credentialOf(request: FastifyRequest, route: Route): string | undefined {
  return readCredential(request.headers, request.query, {
    allowQueryToken: route.streaming === 'sse' || route.method === 'HEAD',
  })
}
