import { builtinCatalogue, SwitchboardError } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { parseObserverQuery, parseStreamQuery } from './query.js'

const NOW = 1_763_788_800_000
const stream = (query: string, header?: string) =>
  parseStreamQuery(
    builtinCatalogue,
    new URLSearchParams(query),
    header === undefined ? {} : { 'last-event-id': header },
    NOW,
  )
const observer = (query: string) => parseObserverQuery(builtinCatalogue, new URLSearchParams(query))

function refusal(parse: () => unknown): SwitchboardError {
  try {
    parse()
  } catch (error) {
    if (error instanceof SwitchboardError) return error
    throw error
  }
  throw new Error('It was accepted')
}

describe('where a workspace stream starts', () => {
  test('is now, when nothing is said', () => {
    expect(stream('').start).toEqual({ kind: 'live' })
  })

  test('is the header, before last_event_id, before since', () => {
    const all = 'last_event_id=10-1&since=15m'
    expect(stream(all, '20-2').start).toEqual({ kind: 'after', position: { time: 20, sequence: 2 } })
    expect(stream(all).start).toEqual({ kind: 'after', position: { time: 10, sequence: 1 } })
    expect(stream('since=15m').start).toEqual({ kind: 'from', time: NOW - 900_000 })
  })

  test('is an instant when only milliseconds are given, as clients of the public API do', () => {
    expect(stream('', '1763788800000').start).toEqual({ kind: 'from', time: 1_763_788_800_000 })
  })

  test('is told of a malformed header in the stream, and never by a 400', () => {
    for (const header of ['nonsense', '1-2-3', '-1', '1e9', '９-１', 'x'.repeat(5000), '../etc', '\u0000']) {
      expect(stream('', header).start).toEqual({ kind: 'malformed', text: header })
    }
  })

  test('ignores an empty header, which says nothing', () => {
    expect(stream('', '').start).toEqual({ kind: 'live' })
  })

  test('is refused without a character of what was sent that nobody sees', () => {
    for (const sign of ['\u0000', '\u009b', '\u202e', '\u2028', '\u007f']) {
      const { detail } = refusal(() => stream(`last_event_id=${encodeURIComponent(sign)}a`))
      expect(detail).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Cs}]/u)
    }
    expect(refusal(() => stream('since=%C2%9B31m')).detail).toContain('"\\u{9b}31m"')
  })

  test('is refused when a person mistyped it', () => {
    const { code, detail } = refusal(() => stream('last_event_id=yesterday'))
    expect(code).toBe('invalid_position')
    expect(detail).toContain('last_event_id: "yesterday"')
  })

  for (const [since, time] of [
    ['90s', NOW - 90_000],
    ['500ms', NOW - 500],
    ['2h', NOW - 7_200_000],
    ['1d', NOW - 86_400_000],
    ['999999999d', 0],
    ['2025-11-22T05:20:00Z', NOW],
    ['2025-11-22T05:20:00', NOW],
    ['2025-11-22T07:20:00+02:00', NOW],
    ['2025-11-22', Date.parse('2025-11-22T00:00:00Z')],
  ] as const) {
    test(`may be since=${since}`, () => {
      expect(stream(`since=${encodeURIComponent(since)}`).start).toEqual({ kind: 'from', time })
    })
  }

  for (const since of [
    '',
    '15',
    'm',
    '-5m',
    '15 m',
    '2025-13-01',
    '2026-02-30',
    '2026-02-29T09:30:00Z',
    '2025-11-22T25:00',
    'now',
    '1763788800000',
  ]) {
    test(`may not be since=${JSON.stringify(since)}`, () => {
      const { code, detail } = refusal(() => stream(`since=${encodeURIComponent(since)}`))
      expect(code).toBe('invalid_parameter')
      expect(detail).toMatch(/^since: /)
    })
  }
})

describe('what a workspace stream lets through', () => {
  test('may be types, between commas or given several times', () => {
    expect(stream('types=call.*,operator.joined_call&types=surface.*').view.types).toEqual([
      'call.*',
      'operator.joined_call',
      'surface.*',
    ])
  })

  test('is refused with the nearest type when one is misspelt', () => {
    const { code, detail } = refusal(() => stream('types=call.startd'))
    expect(code).toBe('invalid_parameter')
    expect(detail).toContain('call.started')
  })

  test('may be ids, any of each name', () => {
    expect(stream('call_sid=a&call_sid=b&operator_id=c').view.fields).toEqual({
      call_sid: ['a', 'b'],
      operator_id: ['c'],
    })
  })

  for (const query of ['types=', 'types=,', 'call_sid=', `call_sid=${'x'.repeat(200)}`, 'since=1m&since=2m']) {
    test(`is refused as ${query.slice(0, 20)}`, () => {
      expect(refusal(() => stream(query)).code).toBe('invalid_parameter')
    })
  }

  test('is refused with the names there are, when a name is misspelt', () => {
    const { detail } = refusal(() => stream('callsid=x'))
    expect(detail).toContain('callsid: is not a parameter here')
    expect(detail).toContain('call_sid')
  })

  test('may come with an access token, which is no filter', () => {
    expect(stream('access_token=secret')).toEqual({ start: { kind: 'live' }, view: {} })
  })

  test('has a bounded number of values', () => {
    expect(refusal(() => stream('call_sid=x&'.repeat(101))).code).toBe('invalid_parameter')
    expect(refusal(() => stream(`types=${'call.*,'.repeat(101)}`)).code).toBe('invalid_parameter')
  })
})

describe('an observer', () => {
  test('begins now, with all there is, or after a position, which wins', () => {
    expect(observer('').start).toEqual({ kind: 'live' })
    expect(observer('history=none').start).toEqual({ kind: 'live' })
    expect(observer('history=all').start).toEqual({ kind: 'all' })
    expect(observer('history=all&after=10-1').start).toEqual({ kind: 'after', position: { time: 10, sequence: 1 } })
  })

  test('refuses a malformed position, another history and unknown names', () => {
    expect(refusal(() => observer('after=x')).code).toBe('invalid_position')
    expect(refusal(() => observer('history=some')).code).toBe('invalid_parameter')
    expect(refusal(() => observer('call_sid=x')).code).toBe('invalid_parameter')
  })

  test('refuses a token in the address, and says where it belongs', () => {
    const { detail } = refusal(() => observer('access_token=very-secret'))
    expect(detail).toContain('auth, <token>')
    expect(detail).not.toContain('very-secret')
  })
})
