import { readdirSync, readFileSync } from 'node:fs'
import { builtinCatalogue, type EventType } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { CliError } from '../failure.js'
import { durationMs, parseDuration, parseSince } from './duration.js'
import { parseEvents } from './event-file.js'
import { eventFromFields, splitField } from './fields.js'
import { parseTimeline } from './timeline-file.js'

function typeOf(name: string, kind: 'workspace' | 'observer' = 'workspace'): EventType {
  const type = builtinCatalogue.get(kind, name)
  if (type === undefined) throw new Error(`no type ${name}`)
  return type
}

const failure = (run: () => unknown): CliError => {
  try {
    run()
  } catch (error) {
    if (error instanceof CliError) return error
    throw error
  }
  throw new Error('it did not fail')
}

test.each([
  ['90s', 90_000],
  ['15m', 900_000],
  ['1h30m', 5_400_000],
  ['7d', 604_800_000],
  ['0.5s', 500],
  ['250ms', 250],
  ['15', undefined],
  ['m', undefined],
  ['1h 30m', undefined],
  ['-5m', undefined],
  ['', undefined],
])('the duration %j is %j ms', (text, ms) => {
  expect(durationMs(text)).toBe(ms)
})

test('a time to begin at is an age or an instant, and is told as the server reads it', () => {
  expect(parseSince('15m')).toBe('900s')
  expect(parseSince('1h30m')).toBe('5400s')
  expect(parseSince('0.5s')).toBe('500ms')
  expect(parseSince('1d0.1s')).toBe('86401s')
  expect(parseSince('1970-01-01T00:00:05Z')).toBe('1970-01-01T00:00:05Z')
})

test('a duration is one that can be counted with', () => {
  expect(parseDuration('3650d')).toBe(315_360_000_000)
  for (const text of ['3651d', '4294967295d', `${'9'.repeat(400)}s`, '0s']) {
    expect(() => parseDuration(text), text).toThrow('Give')
    expect(() => parseSince(text), text).toThrow('Give')
  }
})

describe('fields of a command line', () => {
  const event = (type: EventType, ...fields: string[]) =>
    eventFromFields(type, type.channel === 'workspace' ? 'event_type' : 'type', fields.map(splitField))

  test('take the types of the catalogue', () => {
    expect(
      event(
        typeOf('call.ended'),
        'call_sid=CA1',
        'direction=inbound',
        'duration_seconds=97.2',
        'completion_reason=completed',
        'escalated=true',
      ),
    ).toEqual({
      event_type: 'call.ended',
      call_sid: 'CA1',
      direction: 'inbound',
      duration_seconds: 97.2,
      completion_reason: 'completed',
      escalated: true,
    })
  })

  test('that are text stay text, also when they look like numbers', () => {
    expect(event(typeOf('call.started'), 'call_sid=42', 'caller_id=true')).toMatchObject({
      call_sid: '42',
      caller_id: 'true',
    })
  })

  test('may hold line breaks, equals signs and colons', () => {
    expect(event(typeOf('pipeline.error'), 'error=a=b:=c\nd')).toMatchObject({ error: 'a=b:=c\nd' })
  })

  test('are null where the catalogue allows it', () => {
    expect(event(typeOf('call.started'), 'caller_id=null')).toMatchObject({ caller_id: null })
    expect(event(typeOf('tool_call_completed', 'observer'), 'duration_ms=null')).toMatchObject({ duration_ms: null })
  })

  test('with := are JSON as it stands', () => {
    expect(event(typeOf('operator.profile_updated'), 'changes:={"name":"Desk 1"}')).toMatchObject({
      changes: { name: 'Desk 1' },
    })
    expect(failure(() => event(typeOf('operator.profile_updated'), 'changes:={name}')).message).toContain('not JSON')
  })

  test.each([
    ['surface.created', 'fields_count=many', 'fields_count takes a whole number, not "many".'],
    ['surface.created', 'fields_count=1.5', 'fields_count takes a whole number, not "1.5".'],
    ['call.ended', 'duration_seconds=', 'duration_seconds takes a number, not "".'],
    ['call.ended', 'escalated=yes', 'escalated takes true or false, not "yes".'],
    ['operator.profile_updated', 'changes=x', /^changes takes object/],
  ])('%s %s is refused', (type, field, message) => {
    const error = failure(() => event(typeOf(type), field))
    expect(error.code).toBe('invalid_event')
    expect(error.message).toMatch(message)
  })

  test('are given once', () => {
    expect(failure(() => event(typeOf('call.started'), 'call_sid=1', 'call_sid=2')).message).toContain('twice')
    expect(failure(() => event(typeOf('call.started'), 'event_type=x')).message).toContain('twice')
  })
})

describe('events of a file', () => {
  test.each([
    ['one object', '{"a":1}', [{ a: 1 }]],
    ['a list', '[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
    ['a batch', '{"events":[{"a":1}]}', [{ a: 1 }]],
    ['lines', '{"a":1}\n\n{"a":2}\r\n', [{ a: 1 }, { a: 2 }]],
    ['an object over lines', '{\n"a":1\n}', [{ a: 1 }]],
  ])('may be %s', (_, text, events) => {
    expect(parseEvents(text)).toEqual(events)
  })

  test('that are broken are named by their lines', () => {
    const error = failure(() => parseEvents('{"a":1}\n{"a":\n[1]\n{"b":2}'))
    expect(error.code).toBe('invalid_json')
    expect(error.errors.map(({ path }) => path)).toEqual(['line 2', 'line 3'])
  })

  test('that is empty is a mistake', () => {
    expect(failure(() => parseEvents('\n')).message).toContain('no events')
  })
})

describe('a timeline', () => {
  const started = '{"at":0,"ws":{"event_type":"call.started","call_sid":"CA1","direction":"inbound","service_id":"s"}}'
  const muted = (at: string, more = ''): string => `{"at":${at},"obs":{"type":"speaker_muted","muted":true}${more}}`

  test('gives observer events to the call that opened the file, unless they name theirs', () => {
    const items = parseTimeline([started, muted('"1.5"'), muted('2', ',"call_sid":"CA2"')].join('\n'), 'refuse')
    expect(items.slice(1)).toEqual([
      { at: 1.5, obs: { type: 'speaker_muted', muted: true }, call_sid: 'CA1' },
      { at: 2, obs: { type: 'speaker_muted', muted: true }, call_sid: 'CA2' },
    ])
  })

  test('reads back what tail and observe recorded, without what the server makes itself', () => {
    const lines = [
      '{"id":"1000-1","time":"1970-01-01T00:00:01.000Z","event":{"event_type":"surface.updated","surface_id":"s"}}',
      '{"gap":{"code":"history_truncated"}}',
      '{"id":"1500-1","time":"1970-01-01T00:00:01.500Z","call_sid":"CA1","event":{"type":"session_info","call_sid":"CA1"}}',
      '{"id":"3000-2","time":"1970-01-01T00:00:03.000Z","call_sid":"CA1","event":{"type":"speaker_muted","muted":false}}',
    ]
    expect(parseTimeline(lines.join('\n'), 'refuse')).toEqual([
      { at: 0, ws: { event_type: 'surface.updated', surface_id: 's' } },
      { at: 2, obs: { type: 'speaker_muted', muted: false }, call_sid: 'CA1' },
    ])
  })

  test('that is wrong is refused whole, with every line that is', () => {
    const text = [
      started,
      'nonsense',
      '{"at":-1,"ws":{}}',
      '{"at":5}',
      '{"at":5,"ws":{"event_type":"call.startd"}}',
      '{"at":5,"ws":{"event_type":"call.ended","call_sid":"CA1"}}',
      muted('6'),
      muted('5'),
      '{"at":7,"ws":{"call_sid":"x"}}',
      '{"at":7,"ws":{"event_type":"surface.updated","surface_id":"s","colour":"red"}}',
    ].join('\n')
    const error = failure(() => parseTimeline(text, 'refuse'))
    expect(error.code).toBe('invalid_event')
    const said = Object.fromEntries(error.errors.map(({ path, message }) => [path, message]))
    expect(Object.keys(said)).toEqual(['line 2', 'line 3', 'line 4', 'line 5', 'line 6', 'line 8', 'line 9', 'line 10'])
    expect(said['line 2']).toContain('not JSON')
    expect(said['line 3']).toContain('"at" must be a number of seconds')
    expect(said['line 4']).toContain('a line holds "ws"')
    expect(said['line 5']).toContain('call.started')
    expect(said['line 6']).toContain('duration_seconds')
    expect(said['line 8']).toContain('goes back from 6 to 5')
    expect(said['line 9']).toContain('event_type')
    expect(said['line 10']).toContain('colour')
  })

  test('may hold further fields and types where the deployment has them', () => {
    const own = '{"at":1,"ws":{"event_type":"zzz.entirely_our_own","a":1}}'
    const more = '{"at":2,"ws":{"event_type":"surface.updated","surface_id":"s","colour":"red"}}'
    expect(parseTimeline(`${own}\n${more}`, 'pass')).toHaveLength(2)
  })

  test('that observes no call is told so', () => {
    expect(failure(() => parseTimeline(muted('1'), 'refuse')).errors[0]?.message).toContain('add "call_sid"')
  })

  const folder = new URL('../../../../tests/fixtures/timelines/', import.meta.url)
  test.each(readdirSync(folder))('of the examples is accepted: %s', (name) => {
    expect(parseTimeline(readFileSync(new URL(name, folder), 'utf8'), 'refuse').length).toBeGreaterThan(3)
  })
})
