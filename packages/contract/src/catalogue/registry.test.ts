import { describe, expect, test } from 'vitest'
import type { EventDefinition } from './define.js'
import { nearestName } from './nearest.js'
import { builtinCatalogue } from './registry.js'

const CUSTOM: EventDefinition = {
  channel: 'workspace',
  type: 'acme.order_placed',
  title: 'Order placed',
  meaning: 'A customer has placed an order.',
  fields: {},
  example: { event_type: 'acme.order_placed' },
}

describe('the nearest type', () => {
  test.each([
    ['call.strated', 'call.started'],
    ['callStarted', 'call.started'],
    ['CALL-STARTED', 'call.started'],
    ['call_started', 'call.started'],
    ['call.start', 'call.started'],
    ['surface.feild_saved', 'surface.field_saved'],
    ['field_saved', 'surface.field_saved'],
    ['operator.join_call', 'operator.joined_call'],
  ])('to %s is %s', (wrong, right) => {
    expect(builtinCatalogue.nearest('workspace', wrong)).toBe(right)
  })

  test.each(['', 'invoice.paid', 'x', 'a'.repeat(100_000)])('to another word is none', (wrong) => {
    expect(builtinCatalogue.nearest('workspace', wrong)).toBeUndefined()
  })

  test('is of the channel that was asked', () => {
    expect(builtinCatalogue.nearest('observer', 'user_transcrip')).toBe('user_transcript')
    expect(builtinCatalogue.nearest('observer', 'surface.opened')).toBeUndefined()
  })

  test('counts two swapped letters as one mistake', () => {
    expect(nearestName(['abcdef', 'bacxef'], 'bacdef')).toBe('abcdef')
  })
})

describe('a deployment’s own types', () => {
  test('stand beside the built-in ones and leave the built-in catalogue as it is', () => {
    const catalogue = builtinCatalogue.with([CUSTOM])
    expect(catalogue.get('workspace', 'acme.order_placed')).toMatchObject({
      custom: true,
      family: 'acme',
      schemaName: 'AcmeOrderPlacedEvent',
    })
    expect(catalogue.all()).toHaveLength(builtinCatalogue.all().length + 1)
    expect(catalogue.all('workspace').at(-1)?.type).toBe('acme.order_placed')
    expect(catalogue.get('workspace', 'call.started')).toBe(builtinCatalogue.get('workspace', 'call.started'))
    expect(builtinCatalogue.get('workspace', 'acme.order_placed')).toBeUndefined()
  })

  test('cannot take a type or a schema name that is there', () => {
    expect(() => builtinCatalogue.with([{ ...CUSTOM, type: 'call.started' }])).toThrow('call.started')
    expect(() => builtinCatalogue.with([{ ...CUSTOM, type: 'call_started' }])).toThrow('CallStartedEvent')
  })
})

test('a family is the part before the dot, and observer types are one family', () => {
  expect(builtinCatalogue.get('workspace', 'self_image.brief_generated')?.family).toBe('self_image')
  expect(builtinCatalogue.get('observer', 'tool_call_started')?.family).toBe('observer')
})

test('names of an object’s machinery are no types', () => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    expect(builtinCatalogue.get('workspace', name)).toBeUndefined()
  }
})
