import { describe, expect, test } from 'vitest'
import { limits } from '../api/limits.js'
import type { ChannelKind } from './define.js'
import { builtinCatalogue } from './registry.js'
import { compileTypeFilter, type TypeFilter } from './type-filter.js'

function filter(kind: ChannelKind, ...patterns: readonly string[]): TypeFilter {
  const compiled = compileTypeFilter(builtinCatalogue, kind, patterns)
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.errors))
  return compiled
}

test('an exact name lets through that type alone', () => {
  const { matches, types } = filter('workspace', 'call.started')
  expect(types).toEqual(['call.started'])
  expect([matches('call.started'), matches('call.ended'), matches('call.started.twice')]).toEqual([true, false, false])
})

test('a family lets through all its types, also those the catalogue does not know yet', () => {
  const { matches, types } = filter('workspace', 'call.*', 'operator.joined_call')
  expect([...types].sort()).toEqual(['call.ended', 'call.escalated', 'call.started', 'operator.joined_call'])
  expect([matches('call.parked'), matches('caller.parked'), matches('operator.left_call')]).toEqual([
    true,
    false,
    false,
  ])
})

test('a beginning works within a family and on an observer', () => {
  expect(filter('workspace', 'channel.email_*').types).toHaveLength(8)
  expect(filter('observer', 'agent_*').types).toEqual(['agent_transcript', 'agent_transcript_delta'])
})

test('a star alone lets everything through, no pattern at all nothing', () => {
  expect(filter('observer', '*').types).toHaveLength(23)
  expect(filter('observer', '*').matches('acme_new')).toBe(true)
  expect(filter('observer').matches('user_transcript')).toBe(false)
})

describe('a pattern that matches nothing is refused', () => {
  test.each([
    ['call.strated', 'call.strated is not an event type; the nearest is call.started'],
    ['cal.*', 'cal.* matches no event type; the families are call, surface, operator'],
    ['user_transcript', 'user_transcript is an observer event, and this is the workspace stream'],
    ['invoice.paid', 'invoice.paid is not an event type of this stream'],
    ['', 'must be an event type (call.started), the beginning of some (call.*), or * for all'],
    ['*.started', 'must be an event type (call.started), the beginning of some (call.*), or * for all'],
    ['+15550142', 'must be an event type (call.started), the beginning of some (call.*), or * for all'],
  ])('%s', (pattern, message) => {
    const compiled = compileTypeFilter(builtinCatalogue, 'workspace', ['call.*', pattern])
    expect(compiled).toMatchObject({ ok: false, errors: [{ path: '/1', message: expect.stringContaining(message) }] })
  })

  test('and so are too many patterns', () => {
    const patterns = Array.from({ length: limits.filterValuesMax + 1 }, () => 'call.started')
    expect(compileTypeFilter(builtinCatalogue, 'workspace', patterns)).toMatchObject({
      ok: false,
      errors: [{ path: '', message: 'must have 100 values or fewer' }],
    })
  })
})
