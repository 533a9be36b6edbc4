import type { ObserverEvent, WorkspaceEvent } from '@switchboard/sdk'
import { describe, expect, test } from 'vitest'
import { type CallEntry, Conversation } from './conversation.js'

let count = 0
const heard = (event: object): CallEntry => {
  count += 1
  return { id: `${count}-${count}`, at: count, observer: event as ObserverEvent }
}
const told = (event: object): CallEntry => {
  count += 1
  return { id: `${count}-${count}`, at: count, workspace: event as WorkspaceEvent }
}
const after = (...entries: readonly CallEntry[]) => {
  const conversation = new Conversation()
  for (const entry of entries) conversation.take(entry)
  return conversation.picture
}
const delta = (text: string) => heard({ type: 'agent_transcript_delta', delta: text })
const agent = (transcript: string, interrupted = false) => heard({ type: 'agent_transcript', transcript, interrupted })
const caller = (transcript: string, more: object = {}) => heard({ type: 'user_transcript', transcript, ...more })

describe('what the agent is saying', () => {
  test('grows piece by piece, and becomes one turn from when it began', () => {
    const first = delta('Harbor Clinic, ')
    expect(after(first, delta('how can ')).speaking).toMatchObject({
      text: 'Harbor Clinic, how can ',
      interrupted: false,
    })
    const whole = agent('Harbor Clinic, how can I help?')
    const { speaking, lines } = after(first, delta('how can '), whole)
    expect(speaking).toBeUndefined()
    expect(lines).toMatchObject([
      { speaker: 'agent', text: 'Harbor Clinic, how can I help?', at: first.at, id: whole.id },
    ])
  })

  test('that is cut off keeps what was said, and what was not', () => {
    const cut = heard({ type: 'barge_in', discarded_texts: ['Would Friday suit you?'] })
    const { lines } = after(
      delta('I cannot see '),
      cut,
      agent('I cannot see', true),
      caller('No.', { is_barge_in: true }),
    )
    expect(lines).toMatchObject([
      { speaker: 'agent', text: 'I cannot see', interrupted: true, unsaid: ['Would Friday suit you?'] },
      { speaker: 'caller', text: 'No.', cutIn: true },
    ])
  })

  test('is one turn, whether its whole comes before or after the words that cut it off', () => {
    const cutIn = caller('No.', { is_barge_in: true })
    for (const entries of [
      [delta('I cannot'), agent('I cannot see', true), heard({ type: 'barge_in' }), cutIn],
      [delta('I cannot'), cutIn, agent('I cannot see', true)],
    ]) {
      expect(after(...entries).lines).toMatchObject([
        { speaker: 'agent', text: 'I cannot see', interrupted: true },
        { speaker: 'caller', text: 'No.' },
      ])
    }
  })

  test('and is never finished ends with the call', () => {
    const { lines, speaking, over } = after(
      delta('Good'),
      heard({ type: 'session_end', completion_reason: 'caller_hangup' }),
    )
    expect(speaking).toBeUndefined()
    expect(over).toBe(true)
    expect(lines).toMatchObject([
      { kind: 'turn', text: 'Good', interrupted: true },
      { kind: 'remark', text: 'the call is over: caller hangup' },
    ])
  })

  test('is one masked text when its pieces are masked', () => {
    expect(after(delta('[masked]'), delta('[masked]')).speaking?.text).toBe('[masked]')
  })
})

test('the words of an operator are theirs who speaks at that time', () => {
  const join = told({ event_type: 'operator.joined_call', operator_id: 'mara', mode: 'listen', call_sid: 'A' })
  const takes = told({ event_type: 'operator.mode_changed', operator_id: 'mara', mode: 'takeover', call_sid: 'A' })
  const left = told({ event_type: 'operator.left_call', operator_id: 'mara', call_sid: 'A' })
  const says = () => caller('This is Mara.', { speaker_role: 'operator' })
  const { lines } = after(join, takes, says(), left, says())
  expect(lines.map((line) => [line.kind, line.operatorId])).toEqual([
    ['remark', 'mara'],
    ['remark', 'mara'],
    ['turn', 'mara'],
    ['remark', 'mara'],
    ['turn', undefined],
  ])
})

describe('a run of a tool', () => {
  const started = (more: object = {}) =>
    heard({ type: 'tool_call_started', tool_name: 'find', call_id: 't1', input: { day: 'thursday' }, ...more })
  const completed = (more: object = {}) =>
    heard({ type: 'tool_call_completed', tool_name: 'find', call_id: 't1', duration_ms: 871, output: '{}', ...more })

  test('runs until it is completed, with its input, output and duration', () => {
    expect(after(started()).tools).toMatchObject([{ name: 'find', status: 'running', input: { day: 'thursday' } }])
    expect(after(started(), completed()).tools).toMatchObject([
      { status: 'succeeded', durationMs: 871, input: { day: 'thursday' }, output: '{}' },
    ])
  })

  test('that failed says why', () => {
    const failed = completed({ succeeded: false, error: 'timed out', output: null })
    expect(after(started(), failed).tools).toMatchObject([{ status: 'failed', error: 'timed out', output: undefined }])
  })

  test('is one, also when its completion is told first or alone', () => {
    expect(after(completed(), started()).tools).toMatchObject([{ status: 'succeeded', input: { day: 'thursday' } }])
    expect(after(completed()).tools).toMatchObject([{ status: 'succeeded', startedAt: count - 871 }])
  })

  test('within another stands below it', () => {
    const { tools } = after(started(), started({ call_id: 't2', parent_call_id: 't1' }))
    expect(tools.map(({ depth }) => depth)).toEqual([0, 1])
  })
})

test('escalation, forwards, mute and who is heard are told', () => {
  const { lines, forwards, muted, parties, state } = after(
    heard({ type: 'session_start', initial_state: 'greeting' }),
    heard({ type: 'media_attached', leg: 'caller' }),
    told({ event_type: 'call.escalated', escalation_id: 'e', trigger: 'caller', reason: 'asked', call_sid: 'A' }),
    heard({ type: 'forward_call_resolved', location_name: 'Front desk', result: 'failed', error: 'closed' }),
    heard({ type: 'state_transition', previous_state: 'greeting', next_state: 'escalation' }),
    heard({ type: 'speaker_muted', muted: true }),
    heard({ type: 'participant_joined', participant_role: 'operator', display_name: 'Mara' }),
  )
  expect(lines.map((line) => line.kind === 'remark' && [line.tone, line.text])).toEqual([
    ['person', 'a person is asked for by the caller: asked'],
    ['failed', 'forward to Front desk: closed'],
    ['plain', 'the agent is muted'],
    ['plain', 'Mara joined the line'],
  ])
  expect(forwards).toMatchObject([{ place: 'Front desk', failed: true, result: 'closed' }])
  expect(muted).toBe(true)
  expect(state).toBe('escalation')
  expect(parties).toMatchObject([
    { name: 'caller', heardSince: expect.any(Number) },
    { name: 'Mara', heardSince: undefined },
  ])
})

test('no event breaks it, in whatever order they come', () => {
  expect(() =>
    after(heard({ type: 'unknown', actual_type: 'x', raw: {} }), heard({ type: 'barge_in' }), agent('x')),
  ).not.toThrow()
})
