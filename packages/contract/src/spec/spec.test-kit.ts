import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formatsModule from 'ajv-formats'
import type { EventDefinition, JsonObject } from '../catalogue/define.js'

/** A type that a deployment might add. */
export const customType: EventDefinition = {
  channel: 'workspace',
  type: 'billing.invoice_paid',
  title: 'Invoice paid',
  meaning: 'An invoice was paid.',
  fields: {},
  example: { event_type: 'billing.invoice_paid' },
}

/** What a JSON pointer (`#/a/b`) finds in a document. @throws Error when it finds nothing. */
export function resolve(document: unknown, pointer: string): unknown {
  let value = document
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof value !== 'object' || value === null || !(key in value)) throw new Error(`${pointer} leads nowhere`)
    value = (value as JsonObject)[key]
  }
  return value
}

/** Every object below a value, with its pointer. */
export function* objectsIn(value: unknown, pointer = '#'): Generator<readonly [string, JsonObject]> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield [pointer, value as JsonObject]
  for (const [key, member] of Object.entries(value)) {
    yield* objectsIn(member, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
  }
}

/** Checks values against schemas of a document, like every reader of JSON Schema 2020-12. */
export function schemaReader(document: object) {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  formatsModule.default(ajv)
  ajv.addSchema({ $id: 'doc:/', ...document })
  const compiled = new Map<string, ReturnType<typeof ajv.compile>>()
  return (schema: unknown, value: unknown): string => {
    const absolute = JSON.stringify(schema).replaceAll('"$ref":"#', '"$ref":"doc:/#')
    const validate = compiled.get(absolute) ?? ajv.compile(JSON.parse(absolute))
    compiled.set(absolute, validate)
    return validate(value) ? 'fits' : ajv.errorsText(validate.errors)
  }
}

/** Whether a committed JSON document is the built one, in members and their order. */
export function isCommitted(path: string, build: (version: string) => object): boolean {
  const root = new URL('../../../../', import.meta.url)
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
  const { 'x-generated': _, ...committed } = JSON.parse(readFileSync(new URL(path, root), 'utf8'))
  return JSON.stringify(committed) === JSON.stringify(build(version))
}
