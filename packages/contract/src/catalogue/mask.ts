import type { TSchema } from 'typebox'
import { discriminators, ERASED, type EventType, type JsonObject } from './define.js'
import { type FieldSchema, holdsPersonalData, isPersonal } from './field-schema.js'
import { MASKED_TEXT } from './masked-text.js'

type Masker = (value: unknown) => unknown

/** How an object is masked: by member where its schema names members, by `others` elsewhere. Undefined = left as it is. */
interface ObjectMask {
  readonly members: ReadonlyMap<string, Masker | undefined>
  readonly others: Masker | undefined
}

// A Map, not an object: an event's keys are anybody's choice.
const masks = new WeakMap<EventType, ObjectMask>()

/**
 * The event as a reader without `pii:read` is given it: each personal value gives way to one of its own type
 * (`[masked]`, 0, false, [], {}), null stays null. Fields the catalogue does not know may hold anything, so they are
 * masked too. The position must not be in the event yet. Answers the same object when there is nothing to mask.
 *
 * @param type Undefined for a type that the catalogue does not know (any more): then all but the type is masked.
 */
export function mask(type: EventType | undefined, event: JsonObject): JsonObject {
  return maskObject(type === undefined ? UNKNOWN_TYPE : maskOf(type), event)
}

/** Whether events of this type can hold personal data in fields the catalogue knows. */
export function hasPersonalData(type: EventType): boolean {
  return Object.values(type.fields).some(holdsPersonalData)
}

const UNKNOWN_TYPE: ObjectMask = {
  members: new Map([...Object.values(discriminators), ERASED].map((name) => [name, undefined])),
  others: maskWhole,
}

function maskOf(type: EventType): ObjectMask {
  const known = masks.get(type)
  if (known !== undefined) return known
  const members = new Map<string, Masker | undefined>([
    [discriminators[type.channel], undefined],
    [ERASED, undefined],
  ])
  for (const [name, schema] of Object.entries(type.fields)) members.set(name, maskerOf(schema))
  const made: ObjectMask = { members, others: maskWhole }
  masks.set(type, made)
  return made
}

function maskWhole(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
      return MASKED_TEXT
    case 'number':
      return 0
    case 'boolean':
      return false
    default:
      return value === null ? null : Array.isArray(value) ? [] : {}
  }
}

function maskObject({ members, others }: ObjectMask, value: JsonObject): JsonObject {
  let masked: Record<string, unknown> | undefined
  for (const [name, member] of Object.entries(value)) {
    const masker = members.has(name) ? members.get(name) : others
    if (masker === undefined) continue
    const instead = masker(member)
    if (instead === member) continue
    masked ??= { ...value }
    masked[name] = instead
  }
  return masked ?? value
}

function maskItems(item: Masker, values: readonly unknown[]): readonly unknown[] {
  const masked = values.map(item)
  return masked.every((value, index) => value === values[index]) ? values : masked
}

/** What to do with a value of this schema; undefined when nothing. */
function maskerOf(schema: TSchema): Masker | undefined {
  if (isPersonal(schema)) return maskWhole
  const { properties, additionalProperties, items } = schema as FieldSchema
  if (items !== undefined) {
    const item = maskerOf(items)
    if (item !== undefined) return (value) => (Array.isArray(value) ? maskItems(item, value) : value)
  }
  const others = typeof additionalProperties === 'object' ? maskerOf(additionalProperties) : undefined
  if (properties === undefined && others === undefined) return undefined
  const members = Object.entries(properties ?? {}).map(([name, member]) => [name, maskerOf(member)] as const)
  // An object with known members may arrive with others, where the workspace lets them pass.
  const objectMask: ObjectMask = {
    members: new Map(members),
    others: additionalProperties === undefined ? maskWhole : others,
  }
  return (value) => (isObject(value) ? maskObject(objectMask, value) : value)
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
