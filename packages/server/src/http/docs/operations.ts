import { code, codeBlock, escapeHtml, json, markdown, table } from './html.js'
import { meaningOf, type Schema, typeOf } from './schema.js'

/** An OpenAPI operation, as far as the reference page reads it. */
export interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly description: string
  readonly tags: readonly string[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> }
  readonly responses: Readonly<Record<string, Response>>
  readonly security: readonly object[]
  readonly 'x-permission': string
  readonly 'x-failures': readonly string[]
  readonly 'x-streaming'?: 'sse' | 'websocket'
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly description?: string
  readonly schema: Schema
}

interface Media {
  readonly schema: Schema
  readonly examples?: Readonly<Record<string, { readonly summary?: string; readonly value: unknown }>>
}

interface Response {
  readonly $ref?: string
  readonly description: string
  readonly content?: Readonly<Record<string, Media>>
}

/** One operation: what it is for, what it takes, what it answers, and how it is called from a shell. */
export function operationSection(method: string, path: string, operation: Operation): string {
  const id = `operation-${escapeHtml(operation.operationId)}`
  const failures = operation['x-failures'].map((each) => `<a href="#failure-${escapeHtml(each)}">${code(each)}</a>`)
  return `<section class="item" id="${id}" data-search="${escapeHtml(`${method} ${path} ${operation.summary} ${operation.operationId}`.toLowerCase())}">
<h3><a href="#${id}">${escapeHtml(operation.summary)}</a></h3>
<p class="route"><span class="method">${escapeHtml(method.toUpperCase())}</span> <code>${escapeHtml(path)}</code></p>
${markdown(operation.description)}
${parameterTable(operation)}
${bodyPart(operation)}
${answersPart(operation)}
${failures.length === 0 ? '' : `<p class="failures"><strong>May fail with</strong> ${failures.join(' ')}</p>`}
<details><summary>From a shell</summary>${codeBlock(shellCommand(method, path, operation))}</details>
</section>`
}

function parameterTable({ parameters = [] }: Operation): string {
  const rows = parameters.map(({ name, in: place, required, description = '', schema }) => [
    `${code(name)}${required ? '' : ' <span class="optional">optional</span>'}`,
    escapeHtml(place),
    typeOf(schema),
    meaningOf({ ...schema, description }),
  ])
  return table(['parameter', 'in', 'type', 'meaning'], rows)
}

function bodyPart({ requestBody }: Operation): string {
  if (requestBody === undefined) return ''
  return Object.entries(requestBody.content)
    .map(([type, media]) => `<p><strong>Body</strong> ${code(type)}: ${typeOf(media.schema)}</p>${examplesPart(media)}`)
    .join('')
}

function answersPart({ responses }: Operation): string {
  return Object.entries(responses)
    .filter(([, response]) => response.$ref === undefined && !/^- `/.test(response.description))
    .map(([status, response]) => {
      const contents = Object.entries(response.content ?? {})
      const shapes = contents.map(([type, media]) => `${code(type)}: ${typeOf(media.schema)}`)
      const examples = contents.map(([, media]) => examplesPart(media)).join('')
      const shape = shapes.length === 0 ? '' : ` ${shapes.join(', ')}`
      return `<p><strong>Answers ${escapeHtml(status)}</strong> ${escapeHtml(response.description)}${shape}</p>${examples}`
    })
    .join('')
}

function examplesPart({ examples = {} }: Media): string {
  return Object.values(examples)
    .map(
      ({ summary, value }) => `<details><summary>${escapeHtml(summary ?? 'Example')}</summary>${json(value)}</details>`,
    )
    .join('')
}

/** The operation as a command, with the variables that the command line tool reads too. */
function shellCommand(method: string, path: string, operation: Operation): string {
  const filled = path.replace('{workspace_id}', '$SWITCHBOARD_WORKSPACE').replaceAll(/\{([a-z_]+)\}/g, (_, name) => {
    return `$${String(name).toUpperCase()}`
  })
  const url = `"$SWITCHBOARD_URL${filled}"`
  // No shell speaks WebSocket; the command line tool does.
  if (operation['x-streaming'] === 'websocket') return 'switchboard observe "$CALL_SID"'
  const key = operation['x-permission'] === 'admin' ? 'SWITCHBOARD_ADMIN_KEY' : 'SWITCHBOARD_API_KEY'
  const lines = [`curl ${flagOf(method, operation)}${url}`]
  if (operation.security.length > 0) lines.push(`-H "Authorization: Bearer $${key}"`)
  const [content] = Object.entries(operation.requestBody?.content ?? {})
  if (content !== undefined) {
    const [type, media] = content
    const example = Object.values(media.examples ?? {})[0]?.value
    if (type === 'application/json')
      lines.push(`-H 'Content-Type: application/json'`, `-d ${quoted(JSON.stringify(example ?? {}))}`)
    else
      for (const [name, value] of Object.entries(example ?? {}))
        lines.push(`--data-urlencode ${quoted(`${name}=${value}`)}`)
  }
  return lines.join(' \\\n  ')
}

function flagOf(method: string, operation: Operation): string {
  if (operation['x-streaming'] === 'sse') return '-N '
  if (method === 'head') return '-I '
  return method === 'get' ? '' : `-X ${method.toUpperCase()} `
}

/** One word for a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
