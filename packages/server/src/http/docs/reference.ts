import { type FailureCode, failures, type OpenApiDocument } from '@switchboard/contract'
import { code, escapeHtml, json, markdown, table } from './html.js'
import { type Operation, operationSection } from './operations.js'
import { memberTable, type Schema, schemaLink, schemaName, typeOf } from './schema.js'

/**
 * The reference page as HTML, from the document that this deployment serves: so that its own event types are in it.
 *
 *     contents │ first steps
 *     (with a  │ streams and requests, by tag
 *     filter)  │ events, by family
 *              │ failures
 *              │ shapes
 */
export function referencePage(openapi: OpenApiDocument): string {
  const schemas = openapi.components.schemas as Readonly<Record<string, Schema>>
  const groups = operationGroups(openapi)
  const families = eventFamilies(schemas)
  const shapes = Object.keys(schemas).filter((name) => isShape(name, schemas, families))
  const { title, version, description } = openapi.info
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(`${title} ${version}`)}: API reference</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/docs.css">
<script src="docs/docs.js" defer></script>
</head>
<body>
<a class="skip" href="#content">Skip to the reference</a>
<nav aria-label="Contents">
<p class="brand"><a href="#top">${escapeHtml(String(title))}</a> <small>${escapeHtml(String(version))}</small></p>
<input id="filter" type="search" placeholder="Filter  ( / )" aria-label="Filter the reference" autocomplete="off" spellcheck="false">
<p id="none" hidden>Nothing here has that word.</p>
${groups
  .map(({ tag, operations }) =>
    navGroup(
      tag,
      operations.map(({ method, operation }) => [`operation-${operation.operationId}`, operation.summary, method]),
    ),
  )
  .join('\n')}
${families
  .map(({ family, events }) =>
    navGroup(
      family,
      events.map(({ type }) => [`event-${type}`, type, 'event']),
    ),
  )
  .join('\n')}
${navGroup('More', [
  ['failures', 'Failures', ''],
  ['shapes', 'Shapes', ''],
])}
</nav>
<main id="content">
<header id="top">
<h1>${escapeHtml(String(title))} <small>API reference</small></h1>
${markdown(String(description))}
<p class="links"><a href="docs/try">Try it in the browser</a> <a href="openapi.json">OpenAPI 3.1</a> <a href="asyncapi.json">AsyncAPI 3.0</a></p>
${firstSteps}
</header>
${groups.map(operationGroup).join('\n')}
<h2 id="events">Event catalogue</h2>
<p>Each as it is delivered. A producer sends the same, and may leave out what is said to be filled in. Newer servers may send more members and more types: bear both.</p>
${families.map(({ family, events }) => `<h2 class="family">${escapeHtml(family)}</h2>${events.map((event) => eventSection(event, schemas)).join('\n')}`).join('\n')}
${failureSection()}
<h2 id="shapes">Shapes</h2>
${shapes.map((name) => shapeSection(name, schemas[name] ?? {})).join('\n')}
</main>
</body>
</html>
`
}

const firstSteps = `<details class="steps" open><summary>First steps</summary>
<p>Follow a workspace, in one terminal:</p>
<pre><code>curl -N "$SWITCHBOARD_URL/v1/$SWITCHBOARD_WORKSPACE/events/stream" \\
  -H "Authorization: Bearer $SWITCHBOARD_API_KEY"</code></pre>
<p>Publish to it, in another:</p>
<pre><code>curl "$SWITCHBOARD_URL/v1/$SWITCHBOARD_WORKSPACE/events" \\
  -H "Authorization: Bearer $SWITCHBOARD_API_KEY" -H 'Content-Type: application/json' \\
  -d '{"event_type":"surface.updated","surface_id":"9e8d7c6b-5a49-4382-b716-05f4e3d2c107"}'</code></pre>
</details>`

interface OperationGroup {
  readonly tag: string
  readonly meaning: string
  readonly operations: readonly { readonly method: string; readonly path: string; readonly operation: Operation }[]
}

function operationGroups(openapi: OpenApiDocument): readonly OperationGroup[] {
  const all = Object.entries(openapi.paths).flatMap(([path, methods]) =>
    // The document is built from the table of routes, so that each of them has the members of `Operation`.
    Object.entries(methods).map(([method, operation]) => ({
      method,
      path,
      operation: operation as unknown as Operation,
    })),
  )
  return openapi.tags.map(({ name, description }) => ({
    tag: String(name),
    meaning: String(description),
    operations: all.filter(({ operation }) => operation.tags.includes(String(name))),
  }))
}

function operationGroup({ tag, meaning, operations }: OperationGroup): string {
  const sections = operations.map(({ method, path, operation }) => operationSection(method, path, operation))
  return `<h2 id="tag-${escapeHtml(tag)}">${escapeHtml(tag)}</h2><p>${escapeHtml(meaning)}</p>${sections.join('\n')}`
}

interface EventEntry {
  readonly type: string
  readonly name: string
  /** The schema as it may be published, when that differs. */
  readonly input: string | undefined
  readonly stream: string
}

interface Family {
  readonly family: string
  readonly events: readonly EventEntry[]
}

function eventFamilies(schemas: Readonly<Record<string, Schema>>): readonly Family[] {
  const families = new Map<string, EventEntry[]>()
  for (const [union, inputs, stream] of [
    ['WorkspaceSSEEvent', 'WorkspaceEventInput', 'workspace stream'],
    ['ObserverSSEEvent', 'ObserverEventInput', 'observer'],
  ] as const) {
    const accepted = schemas[inputs]?.discriminator?.mapping ?? {}
    for (const [type, ref] of Object.entries(schemas[union]?.discriminator?.mapping ?? {})) {
      const name = schemaName(ref)
      const input = schemaName(accepted[type] ?? ref)
      const family = `${capitalised(schemas[name]?.['x-family'] ?? stream)} events`
      const entry = { type, name, input: input === name ? undefined : input, stream }
      const entries = families.get(family)
      if (entries === undefined) families.set(family, [entry])
      else entries.push(entry)
    }
  }
  return [...families].map(([family, events]) => ({ family, events }))
}

function eventSection({ type, name, input, stream }: EventEntry, schemas: Readonly<Record<string, Schema>>): string {
  const schema = schemas[name] ?? {}
  const needed = new Set(schemas[input ?? name]?.required ?? [])
  const mayOmit = (schema.required ?? []).filter((member) => !needed.has(member))
  const omitted =
    mayOmit.length === 0
      ? ''
      : `<p>A producer may leave out ${mayOmit.map(code).join(', ')}: the server fills it in.</p>`
  const custom = schema['x-custom'] ? ' <span class="mark">added by this deployment</span>' : ''
  const search = `${type} ${name} ${Object.keys(schema.properties ?? {}).join(' ')}`.toLowerCase()
  return `<section class="item" id="event-${escapeHtml(type)}" data-search="${escapeHtml(search)}">
<h3 id="schema-${escapeHtml(name)}"><a href="#event-${escapeHtml(type)}">${escapeHtml(type)}</a>${custom}</h3>
<p>${escapeHtml(schema.description ?? '')} <span class="where">${escapeHtml(stream)}, ${code(name)}</span></p>
${memberTable(schema)}
${omitted}
<details open><summary>Example</summary>${(schema.examples ?? []).map(json).join('')}</details>
</section>`
}

/** Named schemas that are neither an event nor the accepted form of one. */
function isShape(name: string, schemas: Readonly<Record<string, Schema>>, families: readonly Family[]): boolean {
  if (!(name in schemas)) return false
  return !families.some(({ events }) => events.some((event) => event.name === name || event.input === name))
}

function shapeSection(name: string, schema: Schema): string {
  const members = memberTable(schema)
  const listed = schema.discriminator
    ? `<p>One of ${Object.entries(schema.discriminator.mapping)
        .map(([type]) => `<a href="#event-${escapeHtml(type)}">${code(type)}</a>`)
        .join(' ')}</p>`
    : ''
  const other = members === '' && listed === '' ? `<p>${typeOf(schema)}</p>` : ''
  const example = schema.examples?.[0]
  return `<section class="item" id="schema-${escapeHtml(name)}" data-search="${escapeHtml(name.toLowerCase())}">
<h3>${schemaLink(name)}</h3>
${markdown(schema.description ?? '')}${listed}${members}${other}
${example === undefined ? '' : `<details><summary>Example</summary>${json(example)}</details>`}
</section>`
}

const retryWords = {
  never: 'no',
  now: 'at once',
  later: 'later',
  'after-refresh': 'with a new credential',
} as const

function failureSection(): string {
  const rows = (Object.keys(failures) as FailureCode[]).map((name) => {
    const failure: { status: number; title: string; close?: number; frame?: true } = failures[name]
    return [
      `<span id="failure-${name}">${code(name)}</span>`,
      String(failure.status),
      failure.frame ? 'yes' : '',
      String(failure.close ?? ''),
      escapeHtml(failure.title),
      retryWords[failures[name].retry],
    ]
  })
  return `<section class="item" id="failures" data-search="failures errors problem ${Object.keys(failures).join(' ')}"><h2>Failures</h2>
<p>Read <code>code</code>; it never changes its meaning. Answers carry it as ${schemaLink('Problem')}, the workspace stream in an <code>error</code> frame (${schemaLink('StreamError')}), an observer at the beginning of its close reason.</p>
${table(['code', 'HTTP', 'error frame', 'close code', 'what it says', 'send again?'], rows)}</section>`
}

function navGroup(title: string, links: readonly (readonly [id: string, text: string, kind: string])[]): string {
  const items = links.map(([id, text, kind]) => {
    const method = kind !== '' && kind !== 'event' ? ` <small>${escapeHtml(kind.toUpperCase())}</small>` : ''
    return `<li><a href="#${escapeHtml(id)}">${escapeHtml(text)}${method}</a></li>`
  })
  return `<details open><summary>${escapeHtml(title)}</summary><ul>${items.join('')}</ul></details>`
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1).replaceAll('_', ' ')
}
