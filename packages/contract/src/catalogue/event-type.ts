import type { TProperties, TSchema } from 'typebox'
import { Type } from '../type.js'
import { discriminators, ERASED, type EventDefinition, type EventType } from './define.js'
import { type FieldSchema, holdsPersonalData, isPersonal } from './field-schema.js'

/** Keywords that say how a value looks. A masked value keeps its type and no more, so they go from personal fields. */
const LOOKS: readonly string[] = [
  'format',
  'pattern',
  'enum',
  'const',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minItems',
  'minProperties',
  'required',
]

/** Keywords that compare a whole array or object, of which masking changes a part. */
const WHOLE_LOOKS: readonly string[] = ['enum', 'const', 'uniqueItems']

/** What follows from a definition: names, family, and the schemas of both directions. */
export function eventType(definition: EventDefinition, custom: boolean): EventType {
  const { channel, type } = definition
  const dot = type.indexOf('.')
  return {
    ...definition,
    schemaName: schemaName(type),
    family: channel === 'observer' ? 'observer' : dot > 0 ? type.slice(0, dot) : type,
    custom,
    delivered: deliveredSchema(definition),
    accepted: acceptedSchema(definition),
  }
}

/** `call.started` → `CallStartedEvent`, `user_transcript` → `UserTranscriptEvent`. */
export function schemaName(type: string): string {
  const words = type.split(/[._]/).filter((word) => word !== '')
  return `${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}Event`
}

/** The fields that must be there when the event is delivered, discriminator apart. */
export function requiredFields(definition: EventDefinition): readonly string[] {
  return Object.entries(definition.fields)
    .filter(([, schema]) => !Type.IsOptional(schema))
    .map(([name]) => name)
}

/** The event with its discriminator first; `fields` as given. */
function eventObject(definition: EventDefinition, fields: TProperties, rest: FieldSchema = {}): TSchema {
  const discriminator = Type.Literal(definition.type, { description: 'What kind of event this is.' })
  return Type.Object(
    { [discriminators[definition.channel]]: discriminator, ...fields },
    { title: definition.title, description: definition.meaning, ...rest },
  )
}

function deliveredSchema(definition: EventDefinition): TSchema {
  const isPersonalType = Object.values(definition.fields).some(holdsPersonalData)
  return eventObject(definition, {
    ...mapFields(definition.fields, (schema) => bearingMasks(schema)),
    ...(isPersonalType && { [ERASED]: erased }),
  })
}

function acceptedSchema(definition: EventDefinition): TSchema {
  const required = new Set(requiredFields(definition))
  const pairs = (definition.spellings ?? []).filter(({ names }) => names.some((name) => required.has(name)))
  const either = pairs.map(({ names }) => ({ anyOf: names.map((name) => ({ required: [name] })) }))
  const [only] = either
  const rest = only === undefined ? {} : either.length === 1 ? only : { allOf: either }
  return eventObject(definition, acceptedFields(definition), rest)
}

/** The fields as a producer may send them: either name of a pair, and those the server fills in, may be absent. */
export function acceptedFields(definition: EventDefinition): TProperties {
  const absent = new Set([
    ...(definition.filledIn ?? []),
    ...(definition.spellings ?? []).flatMap(({ names }) => names),
  ])
  return mapFields(definition.fields, (schema, name) => (absent.has(name) ? Type.Optional(schema) : schema))
}

function mapFields(fields: TProperties, change: (schema: TSchema, name: string) => TSchema): TProperties {
  return Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, change(schema, name)]))
}

const erased = Type.Optional(
  Type.Literal(true, {
    description: 'The personal data of this event was erased: what was personal is masked for all.',
  }),
)

/** The schema with room for masked values wherever personal data may stand. */
function bearingMasks(schema: TSchema): TSchema {
  const changed = relaxed(schema)
  return Type.IsOptional(schema) ? Type.Optional(changed) : changed
}

function relaxed(schema: TSchema): TSchema {
  if (isPersonal(schema)) return without(schema, LOOKS)
  if (!holdsPersonalData(schema)) return schema
  const { properties, items, additionalProperties } = schema as FieldSchema
  return Type.Unsafe({
    ...without(schema, WHOLE_LOOKS),
    ...(properties && { properties: mapFields(properties, relaxed) }),
    ...(items && { items: relaxed(items) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: relaxed(additionalProperties) }),
  })
}

function without(schema: TSchema, keywords: readonly string[]): TSchema {
  return Type.Unsafe(Object.fromEntries(Object.entries(schema).filter(([keyword]) => !keywords.includes(keyword))))
}
