import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { accept } from './accept.js'
import { parseCustomCatalogue } from './custom.js'
import { hasPersonalData, mask } from './mask.js'
import { builtinCatalogue, type Catalogue } from './registry.js'
import { compileTypeFilter } from './type-filter.js'
import { newAjv } from './validators.js'

const ORDER = {
  channel: 'workspace',
  type: 'acme.order_placed',
  title: 'Order placed',
  meaning: 'A customer has placed an order.',
  fields: {
    order_id: { type: 'string', minLength: 1, description: 'The order.' },
    email: { type: ['string', 'null'], format: 'email', description: 'Where it goes.', 'x-personal-data': true },
    total: { type: 'number', minimum: 0, description: 'What it costs.', 'x-unit': 'EUR' },
    lines: {
      type: 'array',
      description: 'What was ordered.',
      items: {
        type: 'object',
        required: ['sku'],
        properties: {
          sku: { type: 'string', description: 'The article.' },
          note: { type: 'string', description: 'A wish.', 'x-personal-data': true },
        },
      },
    },
  },
  required: ['order_id'],
  example: {
    event_type: 'acme.order_placed',
    order_id: 'o_1',
    email: 'visitor@mail.example',
    total: 12.5,
    lines: [{ sku: 'a1', note: 'no bell' }],
  },
}
const SOUND = {
  channel: 'observer',
  type: 'acme_hold_music',
  title: 'Hold music',
  meaning: 'Music is played to the caller.',
  fields: {},
  example: { type: 'acme_hold_music' },
}
const FILE = { prefix: 'acme', events: [ORDER, SOUND] }

function withTypes(file: unknown): Catalogue {
  const parsed = parseCustomCatalogue(file)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors))
  return builtinCatalogue.with(parsed.definitions)
}

/** The errors as `path message` lines. */
function errors(file: unknown): readonly string[] {
  const parsed = parseCustomCatalogue(file)
  return parsed.ok ? [] : parsed.errors.map(({ path, message }) => `${path} ${message}`)
}

function orderWith(change: object): unknown {
  return { prefix: 'acme', events: [{ ...ORDER, ...change }] }
}

function fieldWith(schema: unknown, name = 'order_id'): unknown {
  return orderWith({ fields: { ...ORDER.fields, [name]: schema } })
}

describe('a type from a deployment’s file', () => {
  const catalogue = withTypes(JSON.parse(JSON.stringify(FILE)))
  const type = catalogue.get('workspace', 'acme.order_placed')

  test('is accepted, refused, masked and filtered as a built-in type is', () => {
    expect(type).toMatchObject({ custom: true, schemaName: 'AcmeOrderPlacedEvent', family: 'acme' })
    expect(accept(catalogue, 'workspace', ORDER.example, { extraFields: 'refuse' })).toMatchObject({ ok: true })
    expect(
      accept(catalogue, 'workspace', { event_type: 'acme.order_placed' }, { extraFields: 'refuse' }),
    ).toMatchObject({
      errors: [{ path: '/order_id', message: 'is missing: acme.order_placed needs order_id' }],
    })
    expect(
      accept(catalogue, 'workspace', { event_type: 'acme.order_plcaed' }, { extraFields: 'refuse' }),
    ).toMatchObject({
      errors: [{ message: expect.stringContaining('the nearest is acme.order_placed') }],
    })
    expect(mask(type, ORDER.example)).toEqual({
      ...ORDER.example,
      email: '[masked]',
      lines: [{ sku: 'a1', note: '[masked]' }],
    })
    expect(type !== undefined && hasPersonalData(type)).toBe(true)
    expect(compileTypeFilter(catalogue, 'workspace', ['acme.*'])).toMatchObject({ types: ['acme.order_placed'] })
    expect(accept(catalogue, 'observer', SOUND.example, { extraFields: 'refuse' })).toMatchObject({ ok: true })
  })

  test('can be delivered masked, whatever its personal fields look like', () => {
    const validate = newAjv({ allErrors: true, validateSchema: true }).compile(type?.delivered ?? {})
    validate(mask(type, ORDER.example))
    expect(validate.errors ?? []).toEqual([])
  })

  test('has the fields that are not required as optional ones', () => {
    expect(type?.delivered).toMatchObject({ required: ['event_type', 'order_id'] })
  })
})

describe('a file is refused with the place and what is accepted there', () => {
  test.each<[string, unknown, string]>([
    ['no object', [], ' must be a JSON object with prefix and events, not an array'],
    ['no events', { prefix: 'acme' }, '/events is missing: the catalogue file needs prefix, events'],
    ['an unknown member', { ...FILE, event: [] }, '/event is not a field of the catalogue file; the nearest is events'],
    ['a prefix of its own kind', { ...FILE, prefix: 'Acme!' }, '/prefix must match ^[a-z][a-z0-9]{1,31}$'],
    ['a built-in family', { ...FILE, prefix: 'call' }, '/prefix is taken by Switchboard itself'],
    ['the beginning of a built-in observer type', { ...FILE, prefix: 'tool' }, '/prefix is taken'],
    ['an unknown channel', orderWith({ channel: 'ws' }), '/events/0/channel must be one of workspace or observer'],
    ['another prefix', orderWith({ type: 'other.order' }), '/events/0/type must be acme. and a name'],
    ['an observer name on the workspace', orderWith({ type: 'acme_order' }), '/events/0/type must be acme. and a name'],
    ['the same type twice', { ...FILE, events: [ORDER, ORDER] }, '/events/1/type is defined twice'],
    [
      'two types with one schema name',
      { ...FILE, events: [SOUND, { ...ORDER, type: 'acme.hold_music' }] },
      '/events/1/type is too like acme_hold_music: both have the schema name AcmeHoldMusicEvent',
    ],
    ['no meaning', orderWith({ meaning: '' }), '/events/0/meaning must not be empty'],
    ['a field that is no schema', fieldWith(true), '/events/0/fields/order_id must be an object, not a boolean'],
    [
      'a field without a description',
      fieldWith({ type: 'string' }),
      '/events/0/fields/order_id/description must say what the field means',
    ],
    [
      'a field without a type',
      fieldWith({ description: 'x' }),
      '/events/0/fields/order_id/type must be string, number',
    ],
    [
      'a reference',
      fieldWith({ type: 'string', description: 'x', $ref: 'https://schemas.example/a.json' }),
      '/events/0/fields/order_id/$ref is not a keyword that fields are described with',
    ],
    [
      'a reference deep inside',
      fieldWith({ type: 'array', description: 'x', items: { type: 'object', additionalProperties: { $ref: '#' } } }),
      '/events/0/fields/order_id/items/additionalProperties/$ref is not a keyword',
    ],
    [
      'a combination, in which personal data could hide',
      fieldWith({ type: 'string', description: 'x', anyOf: [{ 'x-personal-data': true }] }),
      '/events/0/fields/order_id/anyOf is not a keyword',
    ],
    [
      'a keyword with a typing mistake',
      fieldWith({ type: 'string', description: 'x', maxLenght: 4 }),
      '/events/0/fields/order_id/maxLenght is not a keyword that fields are described with; the nearest is maxLength',
    ],
    [
      'a keyword with a wrong value',
      fieldWith({ type: 'string', description: 'x', maxLength: 'four' }),
      '/events/0/fields/order_id/maxLength must be a whole number, not a string',
    ],
    [
      'a type that JSON does not have',
      fieldWith({ type: 'text', description: 'x' }),
      '/events/0/fields/order_id/type must be',
    ],
    [
      'a pattern that is none',
      fieldWith({ type: 'string', description: 'x', pattern: '(' }),
      '/events/0/fields/order_id is not a schema: ',
    ],
    [
      'a mark that is not true or false',
      fieldWith({ type: 'string', description: 'x', 'x-personal-data': 'yes' }),
      '/events/0/fields/order_id/x-personal-data must be true or false',
    ],
    [
      'a name in capitals',
      fieldWith({ type: 'string', description: 'x' }, 'orderId'),
      '/events/0/fields/orderId must be a name',
    ],
    ['the name id', fieldWith({ type: 'string', description: 'x' }, 'id'), '/events/0/fields/id is a name that frames'],
    [
      'a call_sid that is no text',
      fieldWith({ type: 'integer', description: 'x' }, 'call_sid'),
      '/events/0/fields/call_sid must be of the type string',
    ],
    [
      'a required field that is not there',
      orderWith({ required: ['x'] }),
      '/events/0/required/0 names a field that is not in fields',
    ],
    [
      'an example of another type',
      orderWith({ example: { order_id: 'o' } }),
      '/events/0/example/event_type must be acme.order_placed',
    ],
    [
      'an example that does not fit',
      orderWith({ example: { ...ORDER.example, lines: [{ note: 'x' }] } }),
      '/events/0/example/lines/0/sku is missing: it needs sku',
    ],
    [
      'a dangerous name',
      JSON.parse('{"prefix":"acme","events":[],"__proto__":{}}'),
      '/__proto__ is not accepted as a name',
    ],
  ])('%s', (_, file, error) => {
    expect(errors(file)).toEqual(expect.arrayContaining([expect.stringContaining(error)]))
    expect(errors(file).some((line) => line.startsWith(error))).toBe(true)
  })

  test('whatever it holds, nothing is thrown', () => {
    const field = fc.dictionary(
      fc.constantFrom(
        'type',
        'description',
        'items',
        'properties',
        'enum',
        'pattern',
        'required',
        'x-unit',
        'additionalProperties',
      ),
      fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom<unknown>('string', 'object', ['string', 'null'], [])),
    )
    const file = fc.oneof(
      fc.jsonValue(),
      field.map((schema) => fieldWith(schema, 'extra')),
    )
    fc.assert(
      fc.property(file, (json) => {
        const parsed = parseCustomCatalogue(json)
        if (parsed.ok) builtinCatalogue.with(parsed.definitions)
        else expect(parsed.errors.length).toBeGreaterThan(0)
      }),
      { numRuns: 150 },
    )
  })
})
