import { code, escapeHtml, markdownCell, table } from './html.js'

/** The JSON Schema keywords that the reference page reads. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly title?: string
  readonly description?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly format?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly discriminator?: { readonly propertyName: string; readonly mapping: Readonly<Record<string, string>> }
  readonly examples?: readonly unknown[]
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly 'x-unit'?: string
  readonly 'x-personal-data'?: boolean
  readonly 'x-family'?: string
  readonly 'x-custom'?: boolean
}

/** Groups inside groups are shown this deep; below it their type says enough. */
const DEPTH_MAX = 3

export function schemaName(ref: string): string {
  return ref.slice(ref.lastIndexOf('/') + 1)
}

/** A link to where a named schema is explained. */
export function schemaLink(name: string): string {
  return `<a href="#schema-${escapeHtml(name)}">${code(name)}</a>`
}

/** A schema's type in a few words of HTML. */
export function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return schemaLink(schemaName(schema.$ref))
  if (schema.const !== undefined) return code(JSON.stringify(schema.const))
  if (schema.enum !== undefined) return schema.enum.map((value) => code(String(value))).join(', ')
  const variants = schema.anyOf ?? schema.oneOf
  if (variants !== undefined && schema.type === undefined) return variants.map(typeOf).join(' or ')
  if (schema.allOf !== undefined) return schema.allOf.map(typeOf).join(' with ')
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? [])
  if (types.length === 0) return 'anything'
  return types.map((type) => oneType(type, schema)).join(' or ')
}

function oneType(type: string, schema: Schema): string {
  if (type === 'array') return schema.items ? `list of ${grouped(typeOf(schema.items))}` : 'list'
  if (type === 'object') {
    const values = schema.patternProperties ? Object.values(schema.patternProperties)[0] : schema.additionalProperties
    return typeof values === 'object' ? `object of ${grouped(typeOf(values))}` : 'object'
  }
  return escapeHtml(schema.format ? `${type}, ${schema.format}` : type)
}

/** Alternatives inside another type, told apart from those around it. */
function grouped(type: string): string {
  return type.includes(' or ') ? `(${type})` : type
}

/** The members of an object as a table, groups inside it indented by their path. */
export function memberTable(schema: Schema): string {
  return table(['member', 'type', 'meaning'], memberRows(schema, '', 1))
}

function memberRows(schema: Schema, prefix: string, depth: number): (readonly string[])[] {
  const required = new Set(schema.required ?? [])
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const path = prefix + name
    const optional = required.has(name) ? '' : ' <span class="optional">optional</span>'
    const row = [`${code(path)}${optional}`, typeOf(member), meaningOf(member)]
    if (depth === DEPTH_MAX) return [row]
    const inner = member.properties ? memberRows(member, `${path}.`, depth + 1) : []
    const items = member.items?.properties ? memberRows(member.items, `${path}[].`, depth + 1) : []
    return [row, ...inner, ...items]
  })
}

/** What a value means, with its unit, its bounds and whether it is personal. */
export function meaningOf(schema: Schema): string {
  const marks = [
    ...(isPersonal(schema) ? ['<span class="mark personal" title="masked without pii:read">personal data</span>'] : []),
    ...(schema['x-unit'] ? [`<span class="mark">${escapeHtml(schema['x-unit'])}</span>`] : []),
    ...boundsOf(schema).map((bound) => `<span class="mark">${escapeHtml(bound)}</span>`),
  ]
  return [markdownCell(schema.description ?? ''), ...marks].filter((part) => part !== '').join(' ')
}

/** Personal itself, or where its variants, items or values are. */
function isPersonal(schema: Schema): boolean {
  const { additionalProperties } = schema
  const inside = [
    ...(schema.anyOf ?? []),
    ...(schema.items && !schema.items.properties ? [schema.items] : []),
    ...Object.values(schema.patternProperties ?? {}),
    ...(typeof additionalProperties === 'object' ? [additionalProperties] : []),
  ]
  return schema['x-personal-data'] === true || inside.some(isPersonal)
}

function boundsOf(schema: Schema): string[] {
  const bounds: string[] = []
  if (schema.default !== undefined) bounds.push(`default ${JSON.stringify(schema.default)}`)
  const maximum = schema.maximum === Number.MAX_SAFE_INTEGER ? undefined : schema.maximum
  if (maximum !== undefined) bounds.push(`${schema.minimum ?? ''} … ${maximum}`)
  if (schema.maxLength !== undefined) bounds.push(`up to ${schema.maxLength} characters`)
  if (schema.maxItems !== undefined) bounds.push(`up to ${schema.maxItems}`)
  return bounds
}
