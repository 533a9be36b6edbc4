import type { EventTypeInfo } from '@switchboard/sdk'
import type { ChannelKind } from './refusal.js'

/** Types of one channel by family, in the catalogue's order; only those whose name, title or meaning holds the words. */
export function findTypes(
  types: readonly EventTypeInfo[],
  channel: ChannelKind,
  text: string,
): ReadonlyMap<string, readonly EventTypeInfo[]> {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const families = new Map<string, EventTypeInfo[]>()
  for (const type of types) {
    if (type.channel !== channel) continue
    const told = `${type.type} ${type.title} ${type.meaning}`.toLowerCase()
    if (!words.every((word) => told.includes(word))) continue
    const family = families.get(type.family)
    if (family) family.push(type)
    else families.set(type.family, [type])
  }
  return families
}

export interface FieldInfo {
  readonly name: string
  readonly description: string
  readonly required: boolean
  readonly personal: boolean
}

/** What a type's schema says of its fields. */
export function fieldsOf({ schema, personal_data }: EventTypeInfo): readonly FieldInfo[] {
  const properties = isObject(schema.properties) ? schema.properties : {}
  const required = Array.isArray(schema.required) ? schema.required : []
  return Object.entries(properties).map(([name, field]) => ({
    name,
    description: isObject(field) && typeof field.description === 'string' ? field.description : '',
    required: required.includes(name),
    personal: personal_data.includes(name),
  }))
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
