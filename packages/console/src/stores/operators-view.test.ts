import type { OperatorState } from '@switchboard/contract/state'
import { expect, test } from 'vitest'
import { groupOperators, wrapUps } from './operators-view.js'

const operator = (operator_id: string, told: Partial<OperatorState> = {}): OperatorState => ({
  operator_id,
  status: null,
  status_since: null,
  registered_at: null,
  current_call: null,
  calls_joined: 0,
  profile: {},
  last_wrap_up_reason: null,
  updated_at: '2026-11-22T09:00:00.000Z',
  ...told,
})
const on = (mode: 'listen' | 'takeover', since: string) => ({ current_call: { call_sid: `CA${since}`, mode, since } })

test('those on a call come first, who speaks before who listens', () => {
  const groups = groupOperators([
    operator('off'),
    operator('on', { status: 'online' }),
    operator('listens', { status: 'busy', ...on('listen', '1') }),
    operator('speaks', { status: 'busy', ...on('takeover', '2') }),
  ])
  expect([...groups.keys()]).toEqual(['on-call', 'online', 'busy', 'offline'])
  expect(groups.get('on-call')?.map((each) => each.operator_id)).toEqual(['speaks', 'listens'])
  expect(groups.get('offline')?.map((each) => each.operator_id)).toEqual(['off'])
})

test('the search looks at names and calls too', () => {
  const all = [operator('a', { profile: { name: 'Mara Lind' } }), operator('b', on('listen', '77')), operator('c')]
  expect(groupOperators(all, 'mara').get('offline')).toHaveLength(1)
  expect(groupOperators(all, 'ca77').get('on-call')).toHaveLength(1)
})

test('the commonest wrap-up reason comes first', () => {
  const all = ['x', 'y', 'y', null].map((last_wrap_up_reason, n) => operator(String(n), { last_wrap_up_reason }))
  expect(wrapUps(all)).toEqual([
    { reason: 'y', count: 2 },
    { reason: 'x', count: 1 },
  ])
})
