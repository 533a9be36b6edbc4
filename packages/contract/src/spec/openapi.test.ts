import { describe, expect, test } from 'vitest'
import { failures } from '../api/failures.js'
import { routeList } from '../api/routes/index.js'
import { builtinCatalogue, discriminators, type JsonObject } from '../catalogue/index.js'
import { inputName, unionNames } from './events.js'
import { schemaExamples } from './examples.js'
import { buildOpenApi } from './openapi.js'
import { customType, isCommitted, objectsIn, resolve, schemaReader } from './spec.test-kit.js'

const document = buildOpenApi(builtinCatalogue, { version: '1.2.3' })
const schemas = document.components.schemas
const fits = schemaReader(document)

test('every reference and every mapping leads somewhere', () => {
  for (const [pointer, object] of objectsIn(document)) {
    if (typeof object.$ref === 'string') expect(() => resolve(document, String(object.$ref)), pointer).not.toThrow()
  }
})

describe.each(['workspace', 'observer'] as const)('the %s unions', (kind) => {
  test.each(['delivered', 'accepted'] as const)('tell every type of the catalogue apart, %s', (direction) => {
    const union = schemas[unionNames[kind][direction]] as {
      oneOf: { $ref: string }[]
      discriminator: { propertyName: string; mapping: Record<string, string> }
    }
    const { propertyName, mapping } = union.discriminator
    expect(propertyName).toBe(discriminators[kind])
    expect(Object.keys(mapping)).toEqual(builtinCatalogue.all(kind).map(({ type }) => type))
    expect(Object.values(mapping)).toEqual(union.oneOf.map(({ $ref }) => $ref))
    for (const [key, target] of Object.entries(mapping)) {
      const member = resolve(document, target) as {
        properties: Record<string, { const?: unknown }>
        required: string[]
      }
      expect(member.properties[propertyName]?.const, target).toBe(key)
      expect(member.required, target).toContain(propertyName)
    }
  })

  test('hold the example of each type, and of no other', () => {
    for (const type of builtinCatalogue.all(kind)) {
      const { delivered, accepted } = unionNames[kind]
      expect(fits({ $ref: `#/components/schemas/${delivered}` }, type.example), type.type).toBe('fits')
      expect(fits({ $ref: `#/components/schemas/${accepted}` }, type.example), type.type).toBe('fits')
      const other = { ...type.example, [discriminators[kind]]: 'no.such_type' }
      expect(fits({ $ref: `#/components/schemas/${delivered}` }, other), type.type).not.toBe('fits')
    }
  })
})

test('an event that may be sent in another form than it is delivered has an input schema of its own', () => {
  const saved = builtinCatalogue.get('workspace', 'surface.field_saved')
  const updated = builtinCatalogue.get('workspace', 'surface.updated')
  if (!saved || !updated) throw new Error('The catalogue lacks the types of this test')
  expect(inputName(saved)).toBe('SurfaceFieldSavedEventInput')
  expect(inputName(updated)).toBe('SurfaceUpdatedEvent')
  const { field_key: _, ...seedSpelling } = saved.example
  expect(fits({ $ref: '#/components/schemas/SurfaceFieldSavedEventInput' }, seedSpelling)).toBe('fits')
  expect(fits({ $ref: '#/components/schemas/SurfaceFieldSavedEvent' }, seedSpelling)).not.toBe('fits')
})

test('units and personal data are marked in the document', () => {
  const started = schemas.CallStartedEvent as { properties: Record<string, JsonObject> }
  const ended = schemas.CallEndedEvent as { properties: Record<string, JsonObject> }
  expect(started.properties.caller_id?.['x-personal-data']).toBe(true)
  expect(ended.properties.duration_seconds?.['x-unit']).toBe('s')
})

test('what is personal in an event is personal in the state that repeats it', () => {
  const personal = new Set(
    builtinCatalogue
      .all()
      .flatMap(({ fields }) => Object.entries(fields))
      .filter(([, schema]) => JSON.stringify(schema).includes('"x-personal-data":true'))
      .map(([name]) => name),
  )
  for (const record of ['CallState', 'Escalation', 'OperatorState', 'SurfaceState', 'DataSourceState']) {
    const { properties } = schemas[record] as { properties: Record<string, JsonObject> }
    for (const [name, schema] of Object.entries(properties)) {
      if (!personal.has(name)) continue
      expect(JSON.stringify(schema), `${record}.${name}`).toContain('"x-personal-data":true')
    }
  }
})

test('a reason that a review or an escalation gave is personal in the state too', () => {
  for (const [record, field] of [
    ['SurfaceState', 'review_reason'],
    ['Escalation', 'reason'],
  ] as const) {
    const { properties } = schemas[record] as { properties: Record<string, JsonObject> }
    expect(JSON.stringify(properties[field]), field).toContain('"x-personal-data":true')
  }
})

test('every example fits its schema', () => {
  for (const [name, example] of Object.entries(schemaExamples)) {
    expect(schemas[name], name).toBeDefined()
    expect(fits({ $ref: `#/components/schemas/${name}` }, example), name).toBe('fits')
  }
  let count = 0
  for (const [pointer, object] of objectsIn(document.paths)) {
    if (!('schema' in object) || !('examples' in object)) continue
    for (const example of Object.values(object.examples as Record<string, { value: unknown }>)) {
      expect(fits(object.schema, example.value), pointer).toBe('fits')
      count++
    }
  }
  expect(count).toBeGreaterThan(30)
})

test('every JSON body and answer has an example', () => {
  for (const [pointer, object] of objectsIn(document.paths)) {
    const content = (object as { 'application/json'?: JsonObject })['application/json']
    const isDocument = pointer.includes('.json/')
    const isCatalogue = pointer.includes('event-types')
    if (content && !isDocument && !isCatalogue) expect(content.examples, pointer).toBeDefined()
  }
})

test('every route is described, with what it needs and each failure it may answer', () => {
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods))
  expect(operations.map(({ operationId }) => operationId).sort()).toEqual(
    routeList.map(({ operationId }) => operationId).sort(),
  )
  for (const route of routeList) {
    const operation = document.paths[route.path]?.[route.method.toLowerCase()] as {
      'x-permission': string
      responses: Record<string, { description: string }>
    }
    expect(operation['x-permission']).toBe(route.permission)
    for (const code of route.failures) {
      const { description } = operation.responses[failures[code].status] ?? {}
      expect(description, route.operationId).toContain(`\`${code}\``)
    }
  }
})

test('a type that the deployment added is described like any other', () => {
  const { components } = buildOpenApi(builtinCatalogue.with([customType]), { version: '1.2.3' })
  expect(components.schemas.BillingInvoicePaidEvent).toMatchObject({ title: 'Invoice paid', 'x-custom': true })
  expect(JSON.stringify(components.schemas.WorkspaceSSEEvent)).toContain('"billing.invoice_paid"')
})

test('a type whose schema name the API uses itself is refused by name', () => {
  const clash = { ...customType, type: 'workspace', example: { event_type: 'workspace' }, filledIn: ['note'] }
  const taken = buildOpenApi.bind(undefined, {
    all: (kind) =>
      kind === 'observer'
        ? []
        : builtinCatalogue
            .with([clash])
            .all(kind)
            .map((type) => ({ ...type, schemaName: 'Workspace' })),
  })
  expect(() => taken({ version: '1.2.3' })).toThrow(/needs the schema name Workspace, which is taken/)
})

test('the committed document is what the contract says (else: run `npm run generate`)', () => {
  expect(isCommitted('spec/openapi.json', (version) => buildOpenApi(builtinCatalogue, { version }))).toBe(true)
})
