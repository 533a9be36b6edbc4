import type { TObject, TSchema } from 'typebox'
import { routes } from '../api/routes/index.js'
import type { ChannelKind, EventType, JsonObject } from '../catalogue/define.js'
import { type EventTypes, eventSchemas } from './events.js'
import { examplePosition, schemaExamples } from './examples.js'
import { apiSchemas, reference, referenced } from './named.js'
import type { DocumentOptions } from './openapi.js'

/** An AsyncAPI 3.0 document, as far as readers here look into it. The rest is plain JSON. */
export interface AsyncApiDocument {
  readonly asyncapi: '3.0.0'
  readonly info: JsonObject
  readonly defaultContentType: 'application/json'
  readonly servers: Readonly<Record<string, JsonObject>>
  readonly channels: Readonly<Record<string, JsonObject>>
  readonly operations: Readonly<Record<string, JsonObject>>
  readonly components: {
    readonly messages: Readonly<Record<string, JsonObject>>
    readonly schemas: Readonly<Record<string, JsonObject>>
    readonly securitySchemes: Readonly<Record<string, JsonObject>>
  }
}

/** What each channel says of itself: schema, name on the wire, and when. */
const controls = {
  workspace: [
    ['StreamOpened', 'stream.opened', 'The stream begins'],
    ['StreamGap', 'stream.gap', 'Events are missing'],
    ['StreamError', 'error', 'The stream ends'],
  ],
  observer: [
    ['SessionLive', 'session_live', 'The backlog is over'],
    ['ObserverGap', 'stream.gap', 'Events are missing'],
    ['ObserverHeartbeat', 'heartbeat', 'Nothing has happened for a while'],
  ],
} as const satisfies Record<ChannelKind, readonly (readonly [string, string, string])[]>

const channelNames = { workspace: 'workspaceEvents', observer: 'callObserver' } as const

/** The AsyncAPI document of both streams with this catalogue: one message for each event type and control frame. */
export function buildAsyncApi(catalogue: EventTypes, { version, serverUrl }: DocumentOptions): AsyncApiDocument {
  const messages: Record<string, JsonObject> = {}
  for (const kind of ['workspace', 'observer'] as const) {
    for (const type of catalogue.all(kind)) messages[type.schemaName] = eventMessage(type)
    for (const [schema, name, title] of controls[kind]) messages[schema] = controlMessage(kind, schema, name, title)
  }
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Switchboard streams',
      version,
      description:
        'The two streams of Switchboard. Publishing and everything else that is asked and answered is in the OpenAPI document, beside this one at `/openapi.json`.',
      license: { name: 'Apache 2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: servers(serverUrl ?? 'http://localhost:8080'),
    channels: {
      [channelNames.workspace]: {
        address: routes.streamEvents.path,
        title: 'Workspace stream',
        summary: 'What happens in a workspace, as server-sent events.',
        description: routes.streamEvents.description,
        servers: [{ $ref: '#/servers/http' }],
        parameters: parameters(routes.streamEvents.params),
        messages: channelMessages('workspace', catalogue),
      },
      [channelNames.observer]: {
        address: routes.observeCall.path,
        title: 'Observer',
        summary: 'What happens on one call, over WebSocket.',
        description: routes.observeCall.description,
        servers: [{ $ref: '#/servers/websocket' }],
        parameters: parameters(routes.observeCall.params),
        messages: channelMessages('observer', catalogue),
        bindings: {
          ws: { method: 'GET', query: queryOf(routes.observeCall.query), bindingVersion: '0.1.0' },
        },
      },
    },
    operations: {
      streamEvents: {
        ...sends('workspace', catalogue),
        summary: routes.streamEvents.summary,
        bindings: {
          http: { method: 'GET', query: queryOf(routes.streamEvents.query), bindingVersion: '0.3.0' },
        },
      },
      observeCall: { ...sends('observer', catalogue), summary: routes.observeCall.summary },
    },
    components: {
      messages,
      schemas: reachable(messages, { ...eventSchemas(catalogue), ...apiSchemas() }),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description:
            'An API key or an access token. An observer also takes it as WebSocket subprotocols `auth, <token>`, the workspace stream takes an access token as `?access_token=`.',
        },
      },
    },
  }
}

function servers(serverUrl: string): Record<string, JsonObject> {
  const url = /^(https?):\/\/([^/?#]+)(\/[^?#]*)?$/.exec(serverUrl)
  if (url === null) throw new Error(`The server's address is not one: ${serverUrl}. It begins with http:// or https://`)
  const [, scheme = 'http', host = '', path = ''] = url
  const pathname = path.replace(/\/$/, '')
  const at = { host, ...(pathname && { pathname }), security: [{ $ref: '#/components/securitySchemes/bearer' }] }
  return {
    http: { ...at, protocol: scheme, description: 'The API and the workspace stream.' },
    websocket: { ...at, protocol: scheme === 'https' ? 'wss' : 'ws', description: 'Observers of calls.' },
  }
}

/**
 * On the workspace stream an event is a frame: `id` and `event` stand beside the data, and are told as headers. On an
 * observer it is one JSON object with its position as `id`.
 */
function eventMessage(type: EventType): JsonObject {
  const onStream = type.channel === 'workspace'
  return {
    name: type.type,
    title: type.title,
    summary: type.meaning,
    ...(onStream && { headers: frameFields(type.type) }),
    payload: onStream ? reference(type.schemaName) : { allOf: [reference('Positioned'), reference(type.schemaName)] },
    examples: [
      onStream
        ? { headers: { id: examplePosition, event: type.type }, payload: type.example }
        : { payload: { id: examplePosition, ...type.example } },
    ],
    ...(type.custom && { 'x-custom': true }),
  }
}

function controlMessage(kind: ChannelKind, schema: string, name: string, title: string): JsonObject {
  const payload = schemaExamples[schema]
  return {
    name,
    title,
    summary: 'Said by the stream of itself; no event of the catalogue.',
    ...(kind === 'workspace' && { headers: frameFields(name, name !== 'error') }),
    payload: reference(schema),
    ...(payload && { examples: [{ payload }] }),
  }
}

function frameFields(event: string, withId = true): JsonObject {
  return {
    type: 'object',
    description: 'The other fields of the frame.',
    properties: {
      ...(withId && { id: { type: 'string', description: 'The position: resume after it.' } }),
      event: { const: event },
    },
  }
}

function messageNames(kind: ChannelKind, catalogue: EventTypes): readonly string[] {
  return [...catalogue.all(kind).map((type) => type.schemaName), ...controls[kind].map(([schema]) => schema)]
}

function channelMessages(kind: ChannelKind, catalogue: EventTypes): JsonObject {
  return Object.fromEntries(
    messageNames(kind, catalogue).map((name) => [name, { $ref: `#/components/messages/${name}` }]),
  )
}

function sends(kind: ChannelKind, catalogue: EventTypes): JsonObject {
  const channel = `#/channels/${channelNames[kind]}`
  return {
    action: 'send',
    channel: { $ref: channel },
    messages: messageNames(kind, catalogue).map((name) => ({ $ref: `${channel}/messages/${name}` })),
  }
}

function parameters(params: TObject): JsonObject {
  return Object.fromEntries(
    Object.entries<TSchema>(params.properties).map(([name, schema]) => [
      name,
      { description: String(referenced(schema).description ?? '') },
    ]),
  )
}

function queryOf(query: TObject): JsonObject {
  const { type, properties } = referenced(query)
  return { type, properties }
}

/** The schemas that the messages refer to, and those that these refer to. */
function reachable(from: unknown, schemas: Readonly<Record<string, JsonObject>>): Record<string, JsonObject> {
  const reached = new Set<string>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [key, member] of Object.entries(value)) {
      const name = key === '$ref' && typeof member === 'string' ? member.split('/').pop() : undefined
      if (name === undefined) visit(member)
      else if (name in schemas && !reached.has(name)) {
        reached.add(name)
        visit(schemas[name])
      }
    }
  }
  visit(from)
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => reached.has(name)))
}
