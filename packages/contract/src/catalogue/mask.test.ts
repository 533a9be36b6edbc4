import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ChannelKind, EventDefinition, EventType, JsonObject } from './define.js'
import { hasPersonalData, mask } from './mask.js'
import { MASKED_TEXT } from './masked-text.js'
import { builtinCatalogue, FixedCatalogue } from './registry.js'

function typeNamed(kind: ChannelKind, name: string): EventType {
  const type = builtinCatalogue.get(kind, name)
  if (type === undefined) throw new Error(`no such type: ${name}`)
  return type
}

const ACME: EventDefinition = {
  channel: 'workspace',
  type: 'acme.visit',
  title: 'Visit',
  meaning: 'Somebody came.',
  fields: {
    age: { type: 'integer', minimum: 18, 'x-personal-data': true },
    member: { type: 'boolean', const: true, 'x-personal-data': true },
    guests: { type: 'array', minItems: 1, items: { type: 'string' }, 'x-personal-data': true },
    address: {
      type: 'object',
      required: ['city'],
      properties: { city: { type: 'string' } },
      'x-personal-data': true,
    },
    party: {
      type: 'array',
      uniqueItems: true,
      items: {
        type: 'object',
        properties: { name: { type: 'string', enum: ['a', 'b'], 'x-personal-data': true }, seat: { type: 'integer' } },
      },
    },
    nicknames: { type: 'array', items: { type: 'string', 'x-personal-data': true } },
  },
  example: { event_type: 'acme.visit' },
}

test('a personal text gives way to [masked], null stays null, the rest stays as it is', () => {
  const type = typeNamed('workspace', 'call.started')
  const event = { event_type: 'call.started', call_sid: 'CA1', direction: 'inbound', service_id: 's' }
  expect(mask(type, { ...event, caller_id: '+15550142' })).toEqual({ ...event, caller_id: '[masked]' })
  const withheld = { ...event, caller_id: null }
  expect(mask(type, withheld)).toBe(withheld)
})

test('a masked value keeps its type: number, boolean, list and object, at any depth', () => {
  const type = FixedCatalogue.of([ACME]).get('workspace', 'acme.visit')
  const event = {
    event_type: 'acme.visit',
    age: 44,
    member: true,
    guests: ['x'],
    address: { city: 'x' },
    party: [
      { name: 'a', seat: 4 },
      { name: 'b', seat: 5 },
    ],
    nicknames: ['x', null],
  }
  expect(mask(type, event)).toEqual({
    event_type: 'acme.visit',
    age: 0,
    member: false,
    guests: [],
    address: {},
    party: [
      { name: MASKED_TEXT, seat: 4 },
      { name: MASKED_TEXT, seat: 5 },
    ],
    nicknames: [MASKED_TEXT, null],
  })
})

test('the changes of a profile keep their names and lose their values', () => {
  const type = typeNamed('workspace', 'operator.profile_updated')
  const event = {
    event_type: 'operator.profile_updated',
    operator_id: 'o',
    changes: { name: 'x', phone_number: null },
  }
  expect(mask(type, event)).toEqual({ ...event, changes: { name: MASKED_TEXT, phone_number: null } })
  const nothing = { event_type: 'operator.profile_updated', operator_id: 'o', changes: null }
  expect(mask(type, nothing)).toBe(nothing)
})

test('tool input is masked under both names, as an object or as a text', () => {
  const type = typeNamed('observer', 'tool_call_started')
  const masked = mask(type, { ...type.example, tool_input: 'a', input: { day: 'thursday' } })
  expect(masked).toEqual({ ...type.example, tool_input: MASKED_TEXT, input: {} })
})

test('fields that the catalogue does not know are masked, inner ones too', () => {
  const type = typeNamed('observer', 'compound_emotion')
  const event = {
    type: 'compound_emotion',
    turn_index: 1,
    compounds: [{ name: 'joy', score: 1, said: 'x' }],
    who: ['x'],
  }
  expect(mask(type, event)).toEqual({
    type: 'compound_emotion',
    turn_index: 1,
    compounds: [{ name: 'joy', score: 1, said: MASKED_TEXT }],
    who: [],
  })
})

test('of an event whose type is not known, nothing but the type is left', () => {
  expect(mask(undefined, { event_type: 'acme.gone', a: 'x', b: 4, c: null, d: true })).toEqual({
    event_type: 'acme.gone',
    a: MASKED_TEXT,
    b: 0,
    c: null,
    d: false,
  })
})

test('an event without personal data is given back as it came, and no event is changed', () => {
  for (const type of builtinCatalogue.all()) {
    const event = structuredClone(type.example)
    const masked = mask(type, event)
    if (hasPersonalData(type)) expect(masked, type.type).not.toBe(event)
    else expect(masked, type.type).toBe(event)
    expect(event).toEqual(type.example)
  }
  expect(hasPersonalData(typeNamed('workspace', 'operator.profile_updated'))).toBe(true)
  expect(hasPersonalData(typeNamed('workspace', 'call.ended'))).toBe(false)
})

test('no text of a field that is marked or unknown comes through, whatever the event holds', () => {
  const types = fc.constantFrom(...builtinCatalogue.all())
  const secret = 'sEcReT'
  const value = fc.letrec<{ any: unknown }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.constant(secret),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'name', 'b'), tie('any'), { maxKeys: 3 }),
    ),
  })).any
  fc.assert(
    fc.property(types, value, (type, anything) => {
      const personal = Object.entries(type.fields)
        .filter(([, schema]) => (schema as JsonObject)['x-personal-data'] === true)
        .map(([name]) => [name, anything])
      const masked = mask(type, { ...type.example, ...Object.fromEntries(personal), unknown: anything })
      expect(JSON.stringify(masked)).not.toContain(secret)
    }),
  )
})
