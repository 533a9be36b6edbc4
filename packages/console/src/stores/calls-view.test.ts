import type { CallState } from '@switchboard/contract/state'
import { describe, expect, test } from 'vitest'
import { countCalls, groupCalls, heldIn, totalsOf } from './calls-view.js'

const at = (minute: number) => new Date(Date.UTC(2026, 0, 5, 9, minute)).toISOString()

function call(call_sid: string, more: Partial<CallState> = {}): CallState {
  return {
    call_sid,
    status: 'active',
    direction: 'inbound',
    service_id: null,
    caller_id: null,
    started_at: at(0),
    ended_at: null,
    duration_seconds: null,
    completion_reason: null,
    escalated: false,
    escalation: null,
    operators: [],
    current_state: null,
    muted: false,
    wrap_up_reason: null,
    session_ended: false,
    ...more,
  }
}

const asked = (minute: number, reason = ''): Partial<CallState> => ({
  escalated: true,
  escalation: { escalation_id: 'e', trigger: 'caller', reason, requested_at: at(minute), status: 'requested' },
})
const over = (minute: number, seconds: number | null = 60, more: Partial<CallState> = {}): Partial<CallState> => ({
  status: 'ended',
  ended_at: at(minute),
  duration_seconds: seconds,
  ...more,
})
const ids = (calls: readonly CallState[]) => calls.map(({ call_sid }) => call_sid)

const board = [
  call('late', asked(9)),
  call('early', asked(3, 'wants a person')),
  call('young', { started_at: at(8), operators: [{ operator_id: 'o1', mode: 'listen', joined_at: at(8) }] }),
  call('old', { started_at: at(1), caller_id: '+15550142' }),
  call('first', over(2)),
  call('second', over(5, 180, asked(4))),
]

describe('the board of calls', () => {
  test('has who waits longest on top, then who talks, then who is done', () => {
    const groups = groupCalls(board)
    expect(ids(groups.waiting)).toEqual(['early', 'late'])
    expect(ids(groups.live)).toEqual(['old', 'young'])
    expect(ids(groups.ended)).toEqual(['second', 'first'])
    expect(countCalls(new Map(board.map((each) => [each.call_sid, each])))).toEqual({ waiting: 2, live: 2 })
  })

  test('is searched by number, reason, id and the name of who is on a call', () => {
    const found = (text: string) => Object.values(groupCalls(board, text, () => 'Mara')).flatMap(ids)
    expect(found('0142')).toEqual(['old'])
    expect(found('WANTS')).toEqual(['early'])
    expect(found('mara')).toEqual(['young'])
    expect(found('nobody')).toEqual([])
  })

  test('held still keeps every call in its place, with what it is now, and puts new ones last', () => {
    const before = groupCalls(board)
    const now = groupCalls([
      ...board.map((each) => (each.call_sid === 'old' ? call('old', asked(1)) : each)),
      call('new'),
    ])
    expect(ids(now.waiting)[0]).toBe('old')
    const held = heldIn(before, now)
    expect([ids(held.waiting), ids(held.live)]).toEqual([
      ['early', 'late'],
      ['old', 'young', 'new'],
    ])
    expect(held.live[0]?.escalation?.status).toBe('requested')
  })
})

test('what ended since an instant is summed up', () => {
  const ended = [
    call('a', over(1, 10)),
    call('b', over(5, 20)),
    call('c', over(6, 90, asked(2))),
    call('d', over(7, null)),
  ]
  expect(totalsOf(ended, Date.parse(at(4)))).toEqual({ count: 3, medianSeconds: 90, escalated: 1 })
  expect(totalsOf([], 0)).toEqual({ count: 0, medianSeconds: undefined, escalated: 0 })
})
