import { builtinCatalogue, type JsonObject } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { CliError, tell } from '../failure.js'
import { Conversation } from './conversation.js'
import { eventJson, eventLine, gapLine } from './event.js'
import { LiveOutput } from './live.js'
import { palette } from './palette.js'
import { sentence } from './sentence.js'
import { table } from './table.js'
import { clean, duration, shortId, stopwatch } from './text.js'
import { formatTold, toldJson } from './told.js'

const plain = palette(false)
const CALL = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'
const OPERATOR = '2a9d6e70-8b14-4c3f-a1d2-5e7f90b1c203'

describe('a line of tail', () => {
  const at = Date.parse('2026-11-22T14:02:07.123')
  const line = (event: JsonObject): string => eventLine({ id: `${at}-42`, event }, plain, shortId)

  test.each<readonly [JsonObject, string]>([
    [
      { event_type: 'call.started', call_sid: CALL, direction: 'inbound', service_id: 's', caller_id: '+15550142' },
      '14:02:07.123  call.started              CA5f0c1d2e inbound from +15550142',
    ],
    [
      { event_type: 'call.started', call_sid: CALL, direction: 'outbound', service_id: 's', caller_id: null },
      '14:02:07.123  call.started              CA5f0c1d2e outbound',
    ],
    [
      {
        event_type: 'call.ended',
        call_sid: CALL,
        direction: 'inbound',
        duration_seconds: 97.2,
        completion_reason: 'caller_hangup',
        escalated: true,
      },
      '14:02:07.123  call.ended                CA5f0c1d2e caller hangup after 1 min 37 s, was escalated',
    ],
    [
      { event_type: 'operator.joined_call', call_sid: CALL, operator_id: OPERATOR, mode: 'takeover' },
      '14:02:07.123  operator.joined_call      2a9d6e70 joined CA5f0c1d2e to take over',
    ],
    [
      {
        event_type: 'operator.profile_updated',
        operator_id: OPERATOR,
        changes: { name: 'Desk 1', phone_number: null },
      },
      '14:02:07.123  operator.profile_updated  2a9d6e70 name is Desk 1, phone_number removed',
    ],
    [
      { event_type: 'surface.created', surface_id: 's-1', entity_id: 'e', channel: 'sms', fields_count: 1 },
      '14:02:07.123  surface.created           s-1 sms form with 1 field',
    ],
    [
      { event_type: 'pipeline.sync_completed', data_source_id: 'ehr', event_count: 12_000, duration_ms: 913 },
      '14:02:07.123  pipeline.sync_completed   ehr 12 000 events in 913 ms',
    ],
    [
      { event_type: 'pipeline.error', data_source_id: 'ehr', error: 'GET /Patient: 503' },
      '14:02:07.123  pipeline.error            ehr failed: GET /Patient: 503',
    ],
    [
      { event_type: 'acme.thing_happened', thing_id: OPERATOR, count: 3, nested: { a: 1 }, empty: null },
      '14:02:07.123  acme.thing_happened       thing_id=2a9d6e70 count=3',
    ],
  ])('%j', (event, expected) => {
    expect(line(event)).toBe(expected)
  })

  test('says something about every type of the catalogue, without undefined or NaN', () => {
    for (const type of builtinCatalogue.all('workspace')) {
      const said = sentence(type.example, shortId)
      expect(said, type.type).not.toBe('')
      expect(said, type.type).not.toMatch(/undefined|NaN|null|\[object/)
    }
  })

  test('for programs holds all of the event', () => {
    const event = { event_type: 'surface.updated', surface_id: 's' }
    expect(eventJson({ id: '1763788800123-42', event })).toBe(
      '{"id":"1763788800123-42","time":"2025-11-22T05:20:00.123Z","event":{"event_type":"surface.updated","surface_id":"s"}}',
    )
  })

  test('cannot be used to take over the terminal', () => {
    const said = line({
      event_type: 'pipeline.error',
      data_source_id: 'x\u001b]0;gotcha\u0007',
      error: 'a\u001b[2J\nb\u202e',
    })
    expect(said).not.toMatch(/[\u0000-\u001f\u202e]/)
    expect(said).toContain('x·]0;gotcha·')
  })

  test('tells a gap and why there is one', () => {
    expect(gapLine({ code: 'history_truncated', oldest: '5-5' }, plain)).toContain(
      'older events are no longer kept; going on from 5-5',
    )
    expect(gapLine({ code: 'unknown_position', oldest: undefined }, plain)).toContain('does not know the position')
  })
})

describe('a conversation', () => {
  const shown = (...events: readonly (readonly [seconds: number, event: JsonObject])[]): readonly string[] => {
    const conversation = new Conversation(plain, 80)
    return events.flatMap(([seconds, event]) => conversation.show(event, 1000 + seconds * 1000).lines)
  }

  test('reads as it was spoken', () => {
    expect(
      shown(
        [
          0,
          {
            type: 'session_info',
            call_sid: CALL,
            direction: 'inbound',
            caller_id: '+15550142',
            current_state: 'greeting',
            start_time: 1,
          },
        ],
        [1, { type: 'agent_transcript', transcript: 'How can I help?', interrupted: false }],
        [5, { type: 'user_transcript', transcript: 'I need to move my visit.', speaker_role: 'caller' }],
        [6, { type: 'tool_call_started', tool_name: 'find_visit', tool_input: { day: 'thursday' } }],
        [
          7,
          {
            type: 'tool_call_completed',
            tool_name: 'find_visit',
            output: '{"found":0}',
            succeeded: true,
            duration_ms: 871,
          },
        ],
        [8, { type: 'agent_transcript', transcript: 'I cannot see a visit on Thur', interrupted: true }],
        [9, { type: 'user_transcript', transcript: 'No, the other one.', speaker_role: 'caller', is_barge_in: true }],
        [
          10,
          {
            type: 'tool_call_completed',
            tool_name: 'find_visit',
            succeeded: false,
            duration_ms: 5000,
            error: 'timed out',
          },
        ],
        [
          11,
          {
            type: 'forward_call_resolved',
            target_number: '+15550107',
            location_name: 'Front desk',
            result: 'failed',
            error: 'closed',
          },
        ],
        [70, { type: 'speaker_muted', muted: true }],
        [72, { type: 'user_transcript', transcript: 'Front desk here.', speaker_role: 'operator' }],
        [97, { type: 'session_end', duration_s: 97, completion_reason: 'completed' }],
      ),
    ).toEqual([
      `   0:00  call      ${CALL} inbound from +15550142 · greeting`,
      '   0:01  agent     How can I help?',
      '   0:05  caller    I need to move my visit.',
      '   0:06  tool      find_visit {"day":"thursday"} …',
      '   0:07  tool      find_visit done in 871 ms {"found":0}',
      '   0:08  agent     I cannot see a visit on Thur— interrupted',
      '   0:09  caller    No, the other one. ⤷ cuts in',
      '   0:10  tool      find_visit failed in 5.0 s: timed out',
      '   0:11  forward   Front desk, +15550107: failed, closed',
      '   1:10  voice     the agent is muted',
      '   1:12  operator  Front desk here.',
      '   1:37  end       completed after 1 min 37 s',
    ])
  })

  test('shows what the agent is saying while it says it, and then the whole', () => {
    const conversation = new Conversation(plain, 80)
    expect(conversation.show({ type: 'agent_transcript_delta', delta: 'How can ' }, 0)).toEqual({
      lines: [],
      live: '   0:00  agent     How can ▏',
    })
    expect(conversation.show({ type: 'agent_transcript_delta', delta: 'I help?' }, 0).live).toContain(
      'How can I help?▏',
    )
    const whole = conversation.show({ type: 'agent_transcript', transcript: 'How can I help?' }, 0)
    expect(whole).toEqual({ lines: ['   0:00  agent     How can I help?'], live: undefined })
  })

  test('keeps the live line within the terminal', () => {
    const conversation = new Conversation(plain, 40)
    const { live } = conversation.show({ type: 'agent_transcript_delta', delta: 'word '.repeat(50) }, 0)
    expect((live ?? '').length).toBeLessThanOrEqual(41)
  })

  test('bears every type of the catalogue', () => {
    const conversation = new Conversation(plain, 80)
    for (const type of builtinCatalogue.all('observer')) {
      const { lines } = conversation.show(type.example, 0)
      expect(lines.join('\n'), type.type).not.toMatch(/undefined|NaN|\[object/)
    }
  })

  test.each([
    [true, 'a\n\r\u001b[2Klive\r\u001b[2Kb\n'],
    [false, 'a\nb\n'],
  ])('overwrites its live line on a terminal only (terminal: %s)', async (isTTY, expected) => {
    let written = ''
    const write = async (text: string): Promise<void> => {
      written += text
    }
    const output = new LiveOutput({ write, isTTY, colour: false, columns: 80 })
    await output.write(['a'], undefined)
    await output.write([], 'old')
    await output.write([], 'live')
    await output.write(['b'], undefined)
    expect(written.replace('old', '')).toBe(expected)
  })
})

test('texts for people', () => {
  expect([0, 0.4, 250, 870, 1500, 9949, 12_300, 60_000, 185_000, 3_600_000, 7_800_000].map(duration)).toEqual([
    '0 s',
    '0 s',
    '250 ms',
    '870 ms',
    '1.5 s',
    '9.9 s',
    '12 s',
    '1 min',
    '3 min 5 s',
    '1 h',
    '2 h 10 min',
  ])
  expect([0, 61_500, 3_725_000].map(stopwatch)).toEqual(['0:00', '1:01', '1:02:05'])
  expect(clean('a\u0000\u009bb\t\nc')).toBe('a··b c')
  expect(shortId('desk-1')).toBe('desk-1')
})

test('a table is as wide as its contents', () => {
  expect(
    table(
      ['ID', 'NAME'],
      [
        ['1', 'first'],
        ['22', 'x'],
      ],
      plain,
    ),
  ).toEqual(['ID  NAME', '1   first', '22  x'])
})

test('a failure says what, where and what to do, and the same to programs', () => {
  const told = tell(
    new CliError('invalid_event', 'It does not fit.', 'Look at the schema.', [
      { path: '/call_sid', message: 'is missing' },
    ]),
  )
  expect(formatTold(told, false)).toBe(
    'error: It does not fit. [invalid_event]\n  /call_sid is missing\n  Look at the schema.\n',
  )
  expect(JSON.parse(toldJson(told))).toEqual({
    error: {
      code: 'invalid_event',
      message: 'It does not fit.',
      errors: [{ path: '/call_sid', message: 'is missing' }],
      hint: 'Look at the schema.',
      exit: 7,
    },
  })
})

test('a failure whose message begins with its first fault says that once', () => {
  const [one, other] = [
    { path: '/call_sid', message: 'is missing' },
    { path: '/direction', message: 'is missing' },
  ] as const
  const said = (errors: ConstructorParameters<typeof CliError>[3], message: string): string =>
    formatTold(tell(new CliError('invalid_event', message, undefined, errors)), false)
  expect(said([one], '/call_sid is missing.')).toBe('error: /call_sid is missing. [invalid_event]\n')
  expect(said([one, other], '/call_sid is missing, and 1 more.')).toBe(
    'error: This does not fit. [invalid_event]\n  /call_sid is missing\n  /direction is missing\n',
  )
})

test('advice names the program as it is typed here', () => {
  const told = tell(new CliError('credential_expired', 'The key has expired.'))
  expect(formatTold(told, false, 'npx switchboard')).toContain('`npx switchboard keys create`')
  expect(formatTold(told, false)).toContain('`switchboard keys create`')
})
