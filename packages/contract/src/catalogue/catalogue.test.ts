import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { limits } from '../api/limits.js'
import { accept } from './accept.js'
import { completionReasons } from './call.js'
import { type ChannelKind, discriminators, type EventType, type JsonObject } from './define.js'
import { requiredFields } from './event-type.js'
import { type FieldSchema, isPersonal } from './field-schema.js'
import { mask } from './mask.js'
import { builtinCatalogue } from './registry.js'
import { newAjv } from './validators.js'

/** What the seed names, word for word: type, then fields. */
const SEED: Readonly<Record<ChannelKind, Readonly<Record<string, string>>>> = JSON.parse(
  readFileSync(new URL('../../../../tests/fixtures/seed-events.json', import.meta.url), 'utf8'),
)

/** The types of the public API that came after the seed. */
const LATER: Readonly<Record<ChannelKind, readonly string[]>> = {
  workspace: [
    ...['delivered', 'bounced', 'complained', 'rejected', 'delayed', 'opened', 'clicked', 'received'].map(
      (fate) => `channel.email_${fate}`,
    ),
    'channel.voicemail_status',
    'encounter.updated',
    'integration.approval_granted',
    'integration.approval_rejected',
    'review.submitted',
    'self_image.brief_generated',
    'simulation.turn_stored',
    'text.agent_message',
    'text.background_result',
    'text.completed',
    'text.started',
    'text.tool_started',
    'trigger.completed',
    'trigger.failed',
    'trigger.fired',
    'workspace.invitation_accepted',
    'workspace.invitation_sent',
    'workspace.member_added',
    'workspace.member_role_updated',
  ],
  observer: [
    'actor_allocated',
    'actor_shutdown',
    'agent_transcript_delta',
    'barge_in',
    'compound_emotion',
    'emotion',
    'empathy_classified',
    'latency',
    'media_attached',
    'nav_timing',
    'participant_joined',
    'participant_left',
    'session_end',
    'session_info',
    'session_start',
    'state_transition',
    'voice_context_applied',
  ],
}

const CHANNELS: readonly ChannelKind[] = ['workspace', 'observer']
const ajv = newAjv({ allErrors: true, validateSchema: true })
const everyType = builtinCatalogue.all().map((type) => [type.type, type] as const)

function expectDelivered(type: EventType, event: JsonObject): void {
  const validate = ajv.compile(type.delivered)
  validate(event)
  expect(validate.errors ?? []).toEqual([])
}

describe.each(CHANNELS)('the %s channel', (kind) => {
  test.each(Object.entries(SEED[kind]))('carries the seed type %s with exactly these field names', (name, fields) => {
    const type = builtinCatalogue.get(kind, name)
    const delivered = type?.delivered as FieldSchema
    expect(Object.keys(delivered.properties ?? {})).toEqual(
      expect.arrayContaining([discriminators[kind], ...fields.split(', ')]),
    )
    expect(type?.example).toMatchObject({ [discriminators[kind]]: name })
  })

  test('carries the types of the seed and the later ones, and no others', () => {
    const names = builtinCatalogue.all(kind).map(({ type }) => type)
    expect([...names].sort()).toEqual([...Object.keys(SEED[kind]), ...LATER[kind]].sort())
  })
})

test('the seed has 23 workspace types and 6 observer types, the catalogue 50 and 23', () => {
  expect(CHANNELS.map((kind) => Object.keys(SEED[kind]).length)).toEqual([23, 6])
  expect(CHANNELS.map((kind) => builtinCatalogue.all(kind).length)).toEqual([50, 23])
})

describe.each(everyType)('%s', (_, type) => {
  test('has an example that is accepted and delivered as it is, with every field of the type', () => {
    expectDelivered(type, type.example)
    expect(accept(builtinCatalogue, type.channel, type.example, { extraFields: 'refuse' })).toEqual({
      ok: true,
      type,
      event: type.example,
      missing: [],
    })
    expect(Object.keys(type.example).sort()).toEqual([discriminators[type.channel], ...Object.keys(type.fields)].sort())
    expect(JSON.stringify(type.example).length).toBeLessThan(limits.eventBytesMax)
  })

  test('can be delivered masked', () => {
    expectDelivered(type, mask(type, type.example))
  })

  test('describes each field, and marks each quantity with its unit', () => {
    for (const [name, schema] of Object.entries(type.fields)) {
      expect(schema as FieldSchema, name).toHaveProperty('description', expect.stringMatching(/\S/))
      if (/_(ms|s|seconds|tokens)$/.test(name)) {
        expect(schema as FieldSchema, name).toHaveProperty('x-unit', expect.any(String))
      }
    }
  })

  test('has schemas that stand by themselves, with the discriminator as a constant first', () => {
    for (const schema of [type.delivered, type.accepted]) {
      const json = JSON.parse(JSON.stringify(schema))
      expect(ajv.validateSchema(json)).toBe(true)
      expect(Object.entries(json.properties)[0]).toEqual([
        discriminators[type.channel],
        { type: 'string', const: type.type, description: expect.any(String) },
      ])
      expect(json.required).toContain(discriminators[type.channel])
      expect(json).toMatchObject({ title: type.title, description: type.meaning })
      expect(JSON.stringify(json)).not.toMatch(/"\$(id|ref)"/)
    }
  })

  test('is open to newer fields when delivered', () => {
    expectDelivered(type, { ...type.example, a_newer_field: { of: 'any shape' } })
  })
})

test('schema names are unique over both channels and follow from the type', () => {
  const names = builtinCatalogue.all().map(({ schemaName }) => schemaName)
  expect(new Set(names).size).toBe(names.length)
  expect(names).toEqual(
    expect.arrayContaining([
      'CallStartedEvent',
      'SurfaceFieldSavedEvent',
      'ChannelEmailDeliveredEvent',
      'SelfImageBriefGeneratedEvent',
      'UserTranscriptEvent',
    ]),
  )
})

test('22 completion reasons were ever published, and each is accepted', () => {
  expect(new Set(completionReasons).size).toBe(22)
  const ended = builtinCatalogue.get('workspace', 'call.ended')
  for (const completion_reason of completionReasons) {
    const event = { ...ended?.example, completion_reason }
    expect(accept(builtinCatalogue, 'workspace', event, { extraFields: 'refuse' }).ok).toBe(true)
  }
})

test('callers, numbers, addresses, names, transcripts and the input and output of tools are personal data', () => {
  const personal = (kind: ChannelKind, name: string) =>
    Object.entries(builtinCatalogue.get(kind, name)?.fields ?? {})
      .filter(([, schema]) => isPersonal(schema))
      .map(([field]) => field)
  expect(personal('workspace', 'call.started')).toEqual(['caller_id'])
  expect(personal('workspace', 'surface.delivered')).toEqual(['channel_address', 'short_url'])
  expect(personal('workspace', 'channel.email_received')).toEqual(['from_address', 'to_address', 'subject'])
  expect(personal('workspace', 'channel.voicemail_status')).toEqual(['recipient_phone_number'])
  expect(personal('workspace', 'text.agent_message')).toEqual(['text'])
  expect(personal('workspace', 'text.background_result')).toEqual(['result'])
  expect(personal('observer', 'user_transcript')).toEqual(['transcript'])
  expect(personal('observer', 'agent_transcript_delta')).toEqual(['delta'])
  expect(personal('observer', 'barge_in')).toEqual(['interrupted_text', 'discarded_texts'])
  expect(personal('observer', 'tool_call_started')).toEqual(['tool_input', 'input'])
  expect(personal('observer', 'tool_call_completed')).toEqual(['output', 'error', 'error_message'])
  expect(personal('observer', 'forward_call_resolved')).toEqual(['target_number', 'error'])
  expect(personal('observer', 'participant_joined')).toEqual(['participant_name', 'display_name', 'phone_number'])
  expect(personal('observer', 'session_info')).toEqual(['caller_id'])
  expect(personal('observer', 'emotion')).toEqual(['verified_speaker_id'])
})

test('a spelling pair is delivered under both names, required or not together', () => {
  const pairs = builtinCatalogue.all().flatMap((type) => (type.spellings ?? []).map(({ names }) => ({ type, names })))
  expect(pairs.map(({ type, names }) => `${type.type} ${names.join(' ')}`)).toEqual([
    'surface.field_saved field_id field_key',
    'tool_call_started tool_input input',
    'tool_call_completed error error_message',
  ])
  for (const { type, names } of pairs) {
    const required = requiredFields(type).filter((name) => names.includes(name))
    expect(required.length === 0 || required.length === 2).toBe(true)
  }
})

const TIMELINES = new URL('../../../../tests/fixtures/timelines/', import.meta.url)

test.each(readdirSync(TIMELINES).filter((name) => name.endsWith('.jsonl')))('the timeline %s is accepted', (name) => {
  const lines = readFileSync(new URL(name, TIMELINES), 'utf8').trim().split('\n')
  expect(lines.length).toBeGreaterThan(1)
  for (const line of lines) {
    const { ws, obs } = JSON.parse(line)
    const result = accept(builtinCatalogue, ws === undefined ? 'observer' : 'workspace', ws ?? obs, {
      extraFields: 'refuse',
    })
    expect(result, line).toMatchObject({ ok: true, event: ws ?? obs })
    if (result.ok) expectDelivered(result.type, result.event)
  }
})
