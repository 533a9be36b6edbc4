import type { TObject, TSchema } from 'typebox'
import { commaSeparated } from '../api/routes/parameters.js'
import type { Route } from '../api/routes/route.js'
import type { JsonObject } from '../catalogue/define.js'
import { type EventTypes, unionNames } from './events.js'
import { examplePosition, lastPage, schemaExamples } from './examples.js'
import { failureAnswers } from './failure-answers.js'
import { referenced } from './named.js'

/** One route as an OpenAPI operation. */
export function operation(route: Route & { readonly operationId: string }, catalogue: EventTypes): JsonObject {
  const parameters = [
    ...parametersIn('path', route.params),
    ...parametersIn('query', route.query),
    ...parametersIn('header', route.headers),
  ]
  return {
    operationId: route.operationId,
    summary: route.summary,
    description: `${route.description}\n\n${needs(route)}`,
    tags: [route.tag],
    'x-permission': route.permission,
    'x-failures': route.failures,
    ...(route.streaming && { 'x-streaming': route.streaming }),
    security: security(route),
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && { requestBody: { required: true, content: contents(route.body, catalogue) } }),
    responses: { ...answers(route, catalogue), ...failureAnswers(route.failures, route.method !== 'HEAD') },
  }
}

function needs({ permission }: Route): string {
  switch (permission) {
    case 'none':
      return 'Needs no credential.'
    case 'admin':
      return 'Needs the admin key.'
    case 'any':
      return 'Needs any valid credential.'
    case 'api-key':
      return 'Needs an API key of the workspace.'
    case 'signature':
      return 'Needs no bearer: the request is signed by its sender.'
    default:
      return `Needs the permission \`${permission}\`.`
  }
}

function security(route: Route): readonly JsonObject[] {
  if (route.permission === 'none' || route.permission === 'signature') return []
  return takesTokenInQuery(route) ? [{ bearer: [] }, { accessToken: [] }] : [{ bearer: [] }]
}

function takesTokenInQuery(route: Route): boolean {
  return route.query !== undefined && 'access_token' in route.query.properties
}

function parametersIn(place: 'path' | 'query' | 'header', schema: TObject | undefined): JsonObject[] {
  if (schema === undefined) return []
  const required: readonly string[] = schema.required ?? []
  return (
    Object.entries<TSchema>(schema.properties)
      // It is a credential, and so told by the security scheme.
      .filter(([name]) => !(place === 'query' && name === 'access_token'))
      .map(([name, property]) => {
        const { description, ...rest } = referenced(property)
        const isList = rest.type === 'array'
        return {
          name: place === 'header' ? headerName(name) : name,
          in: place,
          required: place === 'path' || required.includes(name),
          description,
          ...(isList && { style: 'form', explode: !commaSeparated.includes(name) }),
          schema: rest,
        }
      })
  )
}

/** `last-event-id` as it is usually written: `Last-Event-ID`. */
function headerName(name: string): string {
  if (name === 'last-event-id') return 'Last-Event-ID'
  return name.replaceAll(/(^|-)([a-z])/g, (letters) => letters.toUpperCase())
}

function answers(route: Route, catalogue: EventTypes): Record<string, JsonObject> {
  const entries = Object.entries(route.answers).map(([status, answer]): [string, JsonObject] => {
    const headers = Object.fromEntries(
      Object.entries(answer.headers ?? {}).map(([name, schema]): [string, JsonObject] => {
        const { description, ...rest } = referenced(schema)
        return [headerName(name), { description, schema: rest }]
      }),
    )
    return [
      status,
      {
        description: answer.description,
        headers: { 'X-Request-Id': { $ref: '#/components/headers/RequestId' }, ...headers },
        ...(answer.content && { content: contents(answer.content, catalogue) }),
      },
    ]
  })
  return Object.fromEntries(entries)
}

/** Bodies by content type, each with examples. */
function contents(bodies: { readonly [contentType: string]: TSchema }, catalogue: EventTypes): JsonObject {
  return Object.fromEntries(
    Object.entries(bodies).map(([contentType, schema]) => {
      const examples = examplesOf(contentType, schema, catalogue)
      return [contentType, { schema: referenced(schema), ...(examples && { examples }) }]
    }),
  )
}

function examplesOf(contentType: string, schema: TSchema, catalogue: EventTypes): JsonObject | undefined {
  const shape: { title?: string; anyOf?: readonly { title?: string }[] } = schema
  const [first] = shape.anyOf ?? []
  if (contentType === 'application/x-ndjson') return undefined
  if (contentType === 'text/event-stream') {
    const [event] = catalogue.all('workspace')
    return event && { [event.type]: { summary: 'The data of one frame', value: event.example } }
  }
  for (const kind of ['workspace', 'observer'] as const) {
    const examples = catalogue.all(kind).map((type) => type.example)
    if (first?.title === unionNames[kind].accepted) {
      return {
        one: { summary: 'One event', value: examples[0] },
        several: { summary: 'Several, stored together', value: { events: examples.slice(0, 2) } },
      }
    }
    if (shape.title === historyNames[kind]) {
      return { page: { value: lastPage(examples.slice(0, 1).map((event) => ({ id: examplePosition, ...event }))) } }
    }
  }
  const example = schemaExamples[shape.title ?? '']
  return example && { example: { value: example } }
}

const historyNames = { workspace: 'WorkspaceHistory', observer: 'ObserverHistory' } as const
