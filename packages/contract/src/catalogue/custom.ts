import type { TProperties } from 'typebox'
import type { ErrorItem } from '../api/failures.js'
import { Type } from '../type.js'
import { accept } from './accept.js'
import { fieldProblems, nameProblem } from './custom-field.js'
import { type ChannelKind, discriminators, ERASED, type EventDefinition, type JsonObject } from './define.js'
import { schemaName } from './event-type.js'
import { explain, kindOf } from './explain.js'
import { pointer } from './pointer.js'
import { builtinCatalogue, FixedCatalogue } from './registry.js'
import { newAjv } from './validators.js'
import { checkWholesome, ERRORS_MAX } from './wholesome.js'

export type CustomCatalogue =
  | { readonly ok: true; readonly definitions: readonly EventDefinition[] }
  | { readonly ok: false; readonly errors: readonly ErrorItem[] }

/** More would make the reference page unreadable long before anything else. */
const CUSTOM_EVENTS_MAX = 500
const CUSTOM_FIELDS_MAX = 100
const TYPE_CHARS_MAX = 64
const SENTENCE_CHARS_MAX = 500

const sentence = { type: 'string', minLength: 1, maxLength: SENTENCE_CHARS_MAX, pattern: '^[^\\r\\n]+$' } as const

/**
 * The file that `SWITCHBOARD_CATALOGUE` names, as JSON Schema:
 *
 *     { "prefix": "acme",
 *       "events": [
 *         { "channel": "workspace", "type": "acme.order_placed", "title": "Order placed",
 *           "meaning": "A customer has placed an order.",
 *           "fields": {
 *             "order_id": { "type": "string", "description": "The order." },
 *             "email": { "type": "string", "description": "Where the receipt goes.", "x-personal-data": true } },
 *           "required": ["order_id"],
 *           "example": { "event_type": "acme.order_placed", "order_id": "o_1", "email": "visitor@mail.example" } } ] }
 */
export const customCatalogueSchema = {
  type: 'object',
  title: 'Event types of a deployment',
  required: ['prefix', 'events'],
  additionalProperties: false,
  properties: {
    $schema: { type: 'string', description: 'Where editors find this schema. Not read.' },
    prefix: {
      type: 'string',
      description:
        'What sets these types apart: workspace types begin with `<prefix>.`, observer types with `<prefix>_`.',
      pattern: '^[a-z][a-z0-9]{1,31}$',
    },
    events: {
      type: 'array',
      maxItems: CUSTOM_EVENTS_MAX,
      items: {
        type: 'object',
        required: ['channel', 'type', 'title', 'meaning', 'fields', 'example'],
        additionalProperties: false,
        properties: {
          channel: {
            type: 'string',
            enum: ['workspace', 'observer'],
            description: 'The stream that carries the type.',
          },
          type: { type: 'string', maxLength: TYPE_CHARS_MAX, description: "The discriminator's value." },
          title: { ...sentence, description: 'A short name for people.' },
          meaning: { ...sentence, description: 'What has happened when it is sent, in one line.' },
          fields: {
            type: 'object',
            maxProperties: CUSTOM_FIELDS_MAX,
            additionalProperties: { type: 'object' },
            description: 'A JSON Schema for each field; each has a `type` and a `description`.',
          },
          required: {
            type: 'array',
            items: { type: 'string' },
            uniqueItems: true,
            description: 'The fields that must be there. The others may be left out.',
          },
          example: { type: 'object', description: 'A whole event, discriminator included.' },
        },
      },
    },
  },
} as const

interface CustomFile {
  readonly prefix: string
  readonly events: readonly CustomEvent[]
}

interface CustomEvent {
  readonly channel: ChannelKind
  readonly type: string
  readonly title: string
  readonly meaning: string
  readonly fields: Readonly<Record<string, object>>
  readonly required?: readonly string[]
  readonly example: JsonObject
}

/** Words that built-in types, frames of the streams, and parts of the product begin with. */
const TAKEN_PREFIXES: ReadonlySet<string> = new Set([
  ...builtinCatalogue.all().flatMap(({ type, family }) => [family, ...type.split(/[._]/).slice(0, 1)]),
  'stream',
  'error',
  'heartbeat',
  'switchboard',
])

/** Members of a frame or a request that are not the event's own. */
const TAKEN_FIELDS: readonly string[] = ['event_type', 'type', 'id', 'idempotency_key', ERASED]
/** Fields that the workspace stream is filtered by and the state is folded by: texts everywhere. */
const ID_FIELDS: readonly string[] = ['call_sid', 'surface_id', 'entity_id', 'operator_id', 'data_source_id']

/**
 * Reads a deployment's own event types, to be added with `builtinCatalogue.with(definitions)`. All of it is checked,
 * so that the types can be used wherever a built-in type is. Never throws; paths are JSON pointers into the file.
 */
export function parseCustomCatalogue(json: unknown): CustomCatalogue {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return refused([{ path: '', message: `must be a JSON object with prefix and events, not ${kindOf(json)}` }])
  }
  const { errors: unwholesome } = checkWholesome(json)
  if (unwholesome.length > 0) return refused(unwholesome)
  const ajv = newAjv({ allErrors: true, validateSchema: true })
  const hasShape = ajv.compile(customCatalogueSchema)
  if (!hasShape(json)) return refused(explain({ name: 'the catalogue file' }, hasShape.errors ?? []))

  const file = json as unknown as CustomFile
  const errors: ErrorItem[] = []
  if (TAKEN_PREFIXES.has(file.prefix)) {
    errors.push({
      path: '/prefix',
      message: `is taken by Switchboard itself; choose another, such as your company's name`,
    })
  }
  const names = new Map(builtinCatalogue.all().map((type) => [type.schemaName, type.type]))
  for (const [index, event] of file.events.entries()) {
    const path = ['events', String(index)]
    const typeError = typeProblem(file.prefix, event, names)
    if (typeError !== undefined) errors.push({ path: pointer([...path, 'type']), message: typeError })
    names.set(schemaName(event.type), event.type)
    const fieldErrors = fieldsProblems(event, path, (schema, at) => fieldProblems(ajv, schema, at))
    errors.push(...fieldErrors)
    if (fieldErrors.length === 0) errors.push(...exampleProblems(event, path))
  }
  return errors.length > 0 ? refused(errors) : { ok: true, definitions: file.events.map(definitionOf) }
}

function refused(errors: readonly ErrorItem[]): CustomCatalogue {
  return { ok: false, errors: errors.slice(0, ERRORS_MAX) }
}

function typeProblem(
  prefix: string,
  { channel, type }: CustomEvent,
  names: ReadonlyMap<string, string>,
): string | undefined {
  const sign = channel === 'workspace' ? '.' : '_'
  const start = `${prefix}${sign}`
  if (!type.startsWith(start) || !/^[a-z0-9]+(_[a-z0-9]+)*$/.test(type.slice(start.length))) {
    return `must be ${start} and a name of small letters, digits and _, such as ${start}order_placed`
  }
  const taken = names.get(schemaName(type))
  if (taken === undefined) return undefined
  return taken === type ? 'is defined twice' : `is too like ${taken}: both have the schema name ${schemaName(type)}`
}

function fieldsProblems(
  event: CustomEvent,
  path: readonly string[],
  problems: (schema: unknown, path: readonly string[]) => readonly ErrorItem[],
): readonly ErrorItem[] {
  const errors: ErrorItem[] = []
  for (const [name, schema] of Object.entries(event.fields)) {
    const at = [...path, 'fields', name]
    const wrong = nameProblem(name) ?? takenFieldProblem(name, schema)
    if (wrong !== undefined) errors.push({ path: pointer(at), message: wrong })
    errors.push(...problems(schema, at))
  }
  for (const [index, name] of (event.required ?? []).entries()) {
    if (Object.hasOwn(event.fields, name)) continue
    const at = pointer([...path, 'required', String(index)])
    errors.push({ path: at, message: `names a field that is not in fields: ${Object.keys(event.fields).join(', ')}` })
  }
  return errors
}

function takenFieldProblem(name: string, schema: object): string | undefined {
  if (TAKEN_FIELDS.includes(name)) return 'is a name that frames and requests use themselves; choose another'
  const { type } = schema as { readonly type?: unknown }
  const types: readonly unknown[] = Array.isArray(type) ? type : [type]
  const isText = types.includes('string') && types.every((one) => one === 'string' || one === 'null')
  return ID_FIELDS.includes(name) && !isText ? 'must be of the type string: streams are filtered by it' : undefined
}

function exampleProblems(event: CustomEvent, path: readonly string[]): readonly ErrorItem[] {
  const at = pointer([...path, 'example'])
  const discriminator = discriminators[event.channel]
  if (event.example[discriminator] !== event.type) {
    return [{ path: `${at}/${discriminator}`, message: `must be ${event.type}: an example is a whole event` }]
  }
  const result = accept(FixedCatalogue.of([definitionOf(event)]), event.channel, event.example, {
    extraFields: 'refuse',
  })
  return result.ok ? [] : result.errors.map(({ path: inner, message }) => ({ path: at + inner, message }))
}

function definitionOf(event: CustomEvent): EventDefinition {
  const { channel, type, title, meaning, example, required = [] } = event
  const fields: TProperties = Object.fromEntries(
    Object.entries(event.fields).map(([name, schema]) => {
      const field = Type.Unsafe(schema)
      return [name, required.includes(name) ? field : Type.Optional(field)]
    }),
  )
  return { channel, type, title, meaning, fields, example }
}
