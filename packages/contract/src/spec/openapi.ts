import { routeList, tags } from '../api/routes/index.js'
import { general } from '../api/routes/route.js'
import type { JsonObject } from '../catalogue/define.js'
import { type EventTypes, eventSchemas } from './events.js'
import { schemaExamples } from './examples.js'
import { failureComponents } from './failure-answers.js'
import { apiSchemas } from './named.js'
import { operation } from './operations.js'

export interface DocumentOptions {
  /** The server's version. */
  readonly version: string
  /** Where the API is served. Left out: where the document itself was read. */
  readonly serverUrl?: string
}

/** An OpenAPI 3.1 document, as far as readers here look into it. The rest is plain JSON. */
export interface OpenApiDocument {
  readonly openapi: '3.1.1'
  readonly info: JsonObject
  readonly servers: readonly JsonObject[]
  readonly tags: readonly JsonObject[]
  readonly security: readonly JsonObject[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonObject>>
    readonly responses: Readonly<Record<string, JsonObject>>
    readonly headers: Readonly<Record<string, JsonObject>>
    readonly securitySchemes: Readonly<Record<string, JsonObject>>
  }
}

const about = `Switchboard carries what happens in a workspace (calls, surfaces, operators, pipelines) to every screen and service that should know, in order and without gaps, and opens a live window on each call.

Two streams carry typed events: the workspace stream (server-sent events, told apart by \`event_type\`) and the observer of a call (WebSocket, told apart by \`type\`). Every event has a position, \`<unix ms>-<sequence>\`; a stream resumes after any position it gave.

Failures are problem details (RFC 9457): read \`code\`, which never changes its meaning. Quote \`request_id\` when you ask for help. Beside the failures of each operation, any request may be answered with one of these: it is malformed, asks for a path, a method or a parameter that there is not, does not arrive in time, or brings a body that is not taken: ${general.map((code) => `\`${code}\``).join(', ')}.`

/**
 * The OpenAPI document of the API with this catalogue. The same input gives the same document, member by member.
 * @throws Error when a type of the catalogue needs a schema name that is taken.
 */
export function buildOpenApi(catalogue: EventTypes, { version, serverUrl }: DocumentOptions): OpenApiDocument {
  const paths: Record<string, Record<string, JsonObject>> = {}
  for (const route of routeList) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route, catalogue) }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Switchboard',
      version,
      summary: 'Event streaming for AI calls, surfaces, operators and pipelines.',
      description: about,
      license: { name: 'Apache 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: serverUrl ?? '/', ...(serverUrl === undefined && { description: 'This server' }) }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    security: [{ bearer: [] }],
    paths,
    components: {
      schemas: schemas(catalogue),
      responses: failureComponents(routeList.flatMap((route) => (route.method === 'HEAD' ? [] : route.failures))),
      headers,
      securitySchemes,
    },
  }
}

function schemas(catalogue: EventTypes): Record<string, JsonObject> {
  const named = apiSchemas()
  for (const [name, example] of Object.entries(schemaExamples)) {
    const schema = named[name]
    if (schema !== undefined) named[name] = { ...schema, examples: [example] }
  }
  return { ...eventSchemas(catalogue), ...named }
}

const headers: Record<string, JsonObject> = {
  RequestId: { description: 'Names this request: quote it when you ask for help.', schema: { type: 'string' } },
  RetryAfter: {
    description: 'Seconds after which the request may be sent again.',
    schema: { type: 'integer', minimum: 0, 'x-unit': 's' },
  },
  WwwAuthenticate: { description: 'The scheme that is accepted: `Bearer`.', schema: { type: 'string' } },
}

const securitySchemes: Record<string, JsonObject> = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'The admin key, an API key (`sb_<key_id>_<secret>`) or a short-lived access token.',
  },
  accessToken: {
    type: 'apiKey',
    in: 'query',
    name: 'access_token',
    description:
      'A short-lived access token, for an `EventSource` that cannot send headers. Never an API key. It is not logged.',
  },
}
