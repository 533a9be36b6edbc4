import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { limits } from '../api/limits.js'
import { type Accepted, accept, type Refused, refuseTooLarge } from './accept.js'
import type { ChannelKind, JsonObject } from './define.js'
import { builtinCatalogue } from './registry.js'
import { newAjv } from './validators.js'

const STARTED = { event_type: 'call.started', call_sid: 'CA1', direction: 'inbound', service_id: 's' }
const SAVED = { event_type: 'surface.field_saved', surface_id: 'f', entity_id: 'e' }
const TOOL = { type: 'tool_call_started', tool_name: 'find', call_id: 'tc_1' }

function tried(kind: ChannelKind, raw: unknown, extraFields: 'refuse' | 'pass' = 'refuse'): Accepted | Refused {
  return accept(builtinCatalogue, kind, raw, { extraFields })
}

function accepted(kind: ChannelKind, raw: unknown, extraFields: 'refuse' | 'pass' = 'refuse'): Accepted {
  const result = tried(kind, raw, extraFields)
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result)}`)
  return result
}

/** The errors as `path message` lines. */
function errors(kind: ChannelKind, raw: unknown, extraFields: 'refuse' | 'pass' = 'refuse'): readonly string[] {
  const result = tried(kind, raw, extraFields)
  return result.ok ? [] : result.errors.map(({ path, message }) => `${path} ${message}`)
}

describe('an accepted event', () => {
  test('has its discriminator first, then the fields in the order of the catalogue', () => {
    const { event, type } = accepted('workspace', {
      caller_id: null,
      service_id: 's',
      direction: 'test',
      call_sid: 'CA1',
      event_type: 'call.started',
    })
    expect(type.schemaName).toBe('CallStartedEvent')
    expect(Object.keys(event)).toEqual(['event_type', 'call_sid', 'direction', 'service_id', 'caller_id'])
    expect(event.caller_id).toBeNull()
  })

  test('is given no field that the producer left out', () => {
    expect(accepted('workspace', STARTED).event).toEqual(STARTED)
  })

  test('takes ids of any visible characters, not only UUIDs', () => {
    expect(accepted('workspace', { ...STARTED, call_sid: 'call-7.a:b_c', service_id: 'Dienst-№7/ü' }).ok).toBe(true)
  })

  test('leaves what the producer sent as it was', () => {
    const raw = Object.freeze({ ...SAVED, field_key: 'pharmacy' })
    accepted('workspace', raw)
    expect(raw).toEqual({ ...SAVED, field_key: 'pharmacy' })
  })

  test('may hold NUL and any other character in a text', () => {
    const transcript = 'one\u0000two\n👋'
    expect(accepted('observer', { type: 'user_transcript', transcript }).event.transcript).toBe(transcript)
  })
})

describe('a field with two spellings', () => {
  test.each([
    ['field_id', { field_id: 'pharmacy' }],
    ['field_key', { field_key: 'pharmacy' }],
    ['both, alike', { field_key: 'pharmacy', field_id: 'pharmacy' }],
  ])('is accepted as %s and delivered as both', (_, given) => {
    expect(accepted('workspace', { ...SAVED, ...given }).event).toEqual({
      ...SAVED,
      field_id: 'pharmacy',
      field_key: 'pharmacy',
    })
  })

  test('is compared by value, whatever the order of members', () => {
    const both = { tool_input: { day: 'thursday', slots: [1, 2] }, input: { slots: [1, 2], day: 'thursday' } }
    expect(accepted('observer', { ...TOOL, ...both }).event).toEqual({ ...TOOL, ...both })
  })

  test('keeps a null under both names', () => {
    const event = { type: 'tool_call_completed', tool_name: 'find', call_id: 'tc_1' }
    expect(accepted('observer', { ...event, error: null }).event).toEqual({
      ...event,
      error: null,
      error_message: null,
    })
  })

  test.each([
    [{ tool_input: { day: 'thursday' }, input: { day: 'friday' } }],
    [{ tool_input: { days: [1, 2] }, input: { days: [1] } }],
    [{ tool_input: { days: [] }, input: { days: {} } }],
    [{ tool_input: 'x', input: null }],
  ])('is refused when the two differ: %j', (both) => {
    expect(errors('observer', { ...TOOL, ...both })).toEqual([
      '/input differs from tool_input: they are two names of one field; send one, or both alike',
    ])
  })

  test('is asked for by both names when it is missing', () => {
    expect(errors('workspace', SAVED)).toEqual([
      '/field_id is missing: surface.field_saved needs field_id, or field_key, its other name',
    ])
  })

  test('may be left out where it is optional, and then neither name is delivered', () => {
    expect(accepted('observer', TOOL).event).toEqual(TOOL)
  })
})

describe('a field that the server fills in', () => {
  test('may be left out, and is named for the caller to fill in', () => {
    const { call_id: _, ...without } = TOOL
    expect(accepted('observer', without)).toMatchObject({ event: without, missing: ['call_id'] })
    expect(accepted('observer', TOOL).missing).toEqual([])
  })
})

describe('a refusal says what is wrong, where, and what is accepted', () => {
  test.each<[unknown, string]>([
    [null, ' must be a JSON object, not null'],
    [[STARTED], ' must be a JSON object, not an array'],
    ['call.started', ' must be a JSON object, not a string'],
  ])('%j is no event', (raw, error) => {
    expect(errors('workspace', raw)).toEqual([error])
  })

  test.each<[ChannelKind, JsonObject, string]>([
    ['workspace', {}, '/event_type is missing: it says which type of the catalogue the event has'],
    ['workspace', { event_type: 7 }, '/event_type must be a string, not a number'],
    [
      'workspace',
      { type: 'call.started' },
      '/event_type is missing: a workspace event says its type in event_type, not in type',
    ],
    [
      'observer',
      { event_type: 'user_transcript' },
      '/type is missing: an observer event says its type in type, not in event_type',
    ],
  ])('on the %s channel %j has no type', (kind, raw, error) => {
    expect(tried(kind, raw)).toMatchObject({ code: 'invalid_event' })
    expect(errors(kind, raw)).toEqual([error])
  })

  test.each<[ChannelKind, JsonObject, string]>([
    [
      'workspace',
      { event_type: 'call.strated' },
      '/event_type call.strated is not an event type of the catalogue; the nearest is call.started',
    ],
    [
      'workspace',
      { event_type: 'user_transcript' },
      '/event_type user_transcript is an observer event, not a workspace event: publish it to ' +
        '/v1/{workspace_id}/calls/{call_sid}/events, its type in type',
    ],
    [
      'observer',
      { type: 'call.ended' },
      '/type call.ended is a workspace event, not an observer event: publish it to /v1/{workspace_id}/events, ' +
        'its type in event_type',
    ],
    [
      'workspace',
      { event_type: 'user_transcrpt' },
      '/event_type user_transcrpt is not an event type of the catalogue; the nearest is user_transcript, an observer event',
    ],
    ['workspace', { event_type: '+15550142' }, '/event_type is not an event type of the catalogue'],
    ['workspace', { event_type: '__proto__' }, '/event_type is not an event type of the catalogue'],
    ['workspace', { event_type: 'constructor' }, '/event_type constructor is not an event type of the catalogue'],
  ])('on the %s channel the type of %j is unknown', (kind, raw, error) => {
    expect(tried(kind, raw)).toMatchObject({ code: 'unknown_event_type' })
    expect(errors(kind, raw)).toEqual([error])
  })

  test('all fields that are wrong are named at once', () => {
    const raw = { event_type: 'call.ended', direction: 'sideways', duration_seconds: -1, escalated: 'yes', caler: 1 }
    expect([...errors('workspace', raw)].sort()).toEqual([
      '/caler is not a field of call.ended; its fields are event_type, call_sid, direction, duration_seconds, completion_reason, escalated',
      '/call_sid is missing: call.ended needs call_sid, direction, duration_seconds, completion_reason',
      '/completion_reason is missing: call.ended needs call_sid, direction, duration_seconds, completion_reason',
      '/direction must be one of inbound, outbound, playground, simulated or test',
      '/duration_seconds must be 0 or more',
      '/escalated must be true or false, not a string',
    ])
  })

  test.each<[ChannelKind, JsonObject, string]>([
    ['workspace', { ...STARTED, call_sid: 'CA 1' }, '/call_sid must be 1 to 128 letters, digits, or any of _ . : -'],
    ['workspace', { ...STARTED, call_sid: '' }, '/call_sid must not be empty'],
    [
      'workspace',
      { ...STARTED, service_id: 'a b' },
      '/service_id must have visible characters only: no spaces, line breaks or control characters',
    ],
    ['workspace', { ...STARTED, service_id: 'x'.repeat(129) }, '/service_id must have 128 characters or fewer'],
    ['workspace', { ...STARTED, call_sid: null }, '/call_sid must be a string, not null'],
    ['workspace', { ...STARTED, caller_id: 5 }, '/caller_id must be a string or null, not a number'],
    [
      'workspace',
      { ...STARTED, callerid: '+15550142' },
      '/callerid is not a field of call.started; the nearest is caller_id',
    ],
    [
      'workspace',
      { event_type: 'operator.registered', operator_id: 'o', timestamp: '2026-11-22 08:55' },
      '/timestamp must be a date and time with its offset (ISO 8601), such as 2026-11-22T10:15:02Z',
    ],
    [
      'workspace',
      { event_type: 'pipeline.sync_completed', data_source_id: 'd', event_count: 1.5, duration_ms: 2 },
      '/event_count must be a whole number, not a fraction',
    ],
    [
      'workspace',
      { event_type: 'operator.profile_updated', operator_id: 'o', changes: { 'a/b': 5 } },
      '/changes/a~1b must be a string or null, not a number',
    ],
    [
      'observer',
      { type: 'user_transcript', transcript: 'x', stt_confidence: 1.2 },
      '/stt_confidence must be 1 or less',
    ],
    [
      'observer',
      {
        type: 'compound_emotion',
        turn_index: 1,
        compounds: [{ name: 'joy', score: 1, colour: 'red' }, { name: 'joy' }],
      },
      '/compounds/0/colour is not a field of this object; its fields are name, score',
    ],
    ['observer', { ...TOOL, input: 7 }, '/input must be an object, a string or null, not a number'],
  ])('%s %j', (kind, raw, error) => {
    expect(errors(kind, raw)).toContain(error)
  })

  test('values are never repeated, for they may be personal data', () => {
    const secret = '+15550142'
    const raw = { event_type: 'call.ended', call_sid: ` ${secret}`, direction: secret, duration_seconds: secret }
    const result = tried('workspace', { ...raw, completion_reason: secret, escalated: secret })
    expect(result.ok).toBe(false)
    expect(JSON.stringify(result)).not.toContain(secret)
  })

  test('no more than 20 errors are told', () => {
    const extras = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`extra_${index}`, index]))
    expect(errors('workspace', { ...STARTED, ...extras })).toHaveLength(20)
    const fields_submitted = Array.from({ length: 5000 }, () => 7)
    const submitted = { event_type: 'surface.submitted', surface_id: 'f', entity_id: 'e', fields_submitted }
    expect(errors('workspace', submitted)).toEqual(['/fields_submitted/0 must be a string, not a number'])
  })
})

describe('fields that the catalogue does not know', () => {
  test('pass where the workspace lets them, after the others, inner ones too', () => {
    const raw = { colour: { of: ['any', 'shape'] }, ...STARTED, event: null }
    expect(accepted('workspace', raw, 'pass').event).toEqual(raw)
    expect(Object.keys(accepted('workspace', raw, 'pass').event)).toEqual([...Object.keys(STARTED), 'colour', 'event'])
    const emotion = { type: 'compound_emotion', turn_index: 1, compounds: [{ name: 'joy', score: 1, colour: 'red' }] }
    expect(accepted('observer', emotion, 'pass').event).toEqual(emotion)
  })

  test('do not excuse the known ones', () => {
    expect(errors('workspace', { ...STARTED, direction: 'up', colour: 1 }, 'pass')).toEqual([
      '/direction must be one of inbound, outbound, playground, simulated or test',
    ])
  })

  test.each(['refuse', 'pass'] as const)('are never called id on an observer (%s)', (extraFields) => {
    expect(errors('observer', { type: 'speaker_muted', muted: true, id: '1-1' }, extraFields)).toEqual([
      '/id is not accepted: observer events are delivered with their position there',
    ])
  })

  test.each(['__proto__', 'constructor', 'prototype'])('are never called %s, at any depth', (name) => {
    const raw = JSON.parse(`{"type":"tool_call_started","tool_name":"t","input":{"a":[{"${name}":{"x":1}}]}}`)
    expect(errors('observer', raw, 'pass')).toEqual([
      `/input/a/0/${name} is not accepted as a name: JavaScript readers would drop it or be harmed by it`,
    ])
    expect(({} as { x?: number }).x).toBeUndefined()
  })
})

describe('what JSON allows and readers do not', () => {
  test('an event as deep as the limit is accepted, one level more is refused', () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) })
    expect(tried('observer', { ...TOOL, input: nested(limits.eventDepthMax - 1) }).ok).toBe(true)
    const [error] = errors('observer', { ...TOOL, input: nested(limits.eventDepthMax) })
    expect(error).toMatch(/^\/input(\/a){31} is nested too deep: an event may have 32 levels of objects and arrays$/)
  })

  test('a very deep event is refused without exhausting the stack', () => {
    let deep: unknown = 1
    for (let level = 0; level < 1_000_000; level += 1) deep = [deep]
    expect(errors('observer', { ...TOOL, input: { deep } })).toHaveLength(1)
  })

  test('half of a surrogate pair is refused, in texts and names', () => {
    expect(errors('observer', { type: 'user_transcript', transcript: 'a\uD83D' })).toEqual([
      '/transcript is not valid Unicode: it holds half of a surrogate pair',
    ])
    expect(errors('observer', { ...TOOL, input: { 'a\uDC4B': 1 } })[0]).toContain('is not valid Unicode')
  })

  test('a number too large for JSON.parse is refused', () => {
    expect(errors('observer', JSON.parse('{"type":"tool_call_started","tool_name":"t","input":{"n":1e999}}'))).toEqual([
      '/input/n is a number out of range',
    ])
  })
})

test('an event above the size limit is refused with its size and the limit', () => {
  expect(refuseTooLarge(limits.eventBytesMax)).toBeUndefined()
  expect(refuseTooLarge(limits.eventBytesMax + 1)).toMatchObject({
    code: 'event_too_large',
    errors: [{ path: '', message: 'is too large: it has 65537 bytes as JSON, and an event may have 65536' }],
  })
})

describe('whatever is sent', () => {
  const kinds = fc.constantFrom<ChannelKind>('workspace', 'observer')
  const extras = fc.constantFrom('refuse' as const, 'pass' as const)
  const ajv = newAjv({ allErrors: false, validateSchema: false })
  const delivers = new Map(builtinCatalogue.all().map((type) => [type, ajv.compile(type.delivered)]))
  const mutated = fc
    .record({
      type: fc.constantFrom(...builtinCatalogue.all()),
      change: fc.dictionary(fc.string({ maxLength: 12 }), fc.jsonValue({ maxDepth: 4 })),
      values: fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 4 }),
      places: fc.array(fc.nat(), { maxLength: 4 }),
    })
    .map(({ type, change, values, places }) => {
      const event: Record<string, unknown> = { ...type.example }
      const names = Object.keys(type.fields)
      for (const [index, place] of places.entries()) {
        const name = names[place % Math.max(1, names.length)]
        if (name === undefined) continue
        if (values[index] === undefined) delete event[name]
        else event[name] = values[index]
      }
      return { kind: type.channel, raw: JSON.parse(JSON.stringify({ ...event, ...change })) as unknown }
    })

  test('nothing is thrown, and a refusal has 1 to 20 errors with JSON pointers', () => {
    const anything = fc.oneof(
      fc.record({ kind: kinds, raw: fc.jsonValue() }),
      fc.record({ kind: kinds, raw: fc.anything() }),
      mutated,
    )
    fc.assert(
      fc.property(anything, extras, ({ kind, raw }, extraFields) => {
        const result = tried(kind, raw, extraFields)
        if (result.ok) return
        expect(result.errors.length).toBeGreaterThan(0)
        expect(result.errors.length).toBeLessThanOrEqual(20)
        for (const { path, message } of result.errors) {
          expect(path).toMatch(/^(\/([^~]|~[01])*)?$/s)
          expect(message).not.toBe('')
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('what is accepted can be delivered, and is accepted again as the same event', () => {
    fc.assert(
      fc.property(mutated, extras, ({ kind, raw }, extraFields) => {
        const result = tried(kind, raw, extraFields)
        if (!result.ok) return
        const event = { ...result.event, ...Object.fromEntries(result.missing.map((name) => [name, 'filled'])) }
        expect(delivers.get(result.type)?.(event)).toBe(true)
        const again = accepted(kind, result.event, extraFields)
        expect(JSON.stringify(again.event)).toBe(JSON.stringify(result.event))
      }),
      { numRuns: 2000 },
    )
  })
})
