import { builtinCatalogue } from '@switchboard/contract'
import { createRandom } from '@switchboard/simulator'
import { expect, test } from 'vitest'
import { belonging, freshIds } from './fresh-ids.js'

const random = () => createRandom(7)

test('an id becomes another of its form, and the same one wherever it stands', () => {
  const event = {
    call_sid: `CA${'0'.repeat(32)}`,
    call_id: `CA${'0'.repeat(32)}`,
    escalation_id: 'esc_0193f2',
    order_id: 'o-1',
  }
  const fresh = freshIds(event, random())
  expect(fresh.call_sid).toMatch(/^CA[0-9a-f]{32}$/)
  expect(fresh.call_sid).not.toBe(event.call_sid)
  expect(fresh.call_id).toBe(fresh.call_sid)
  expect(fresh.escalation_id).toMatch(/^esc_[0-9a-f]{8}$/)
  expect(fresh.order_id).toMatch(/^o-[0-9a-f]{8}$/)
})

test('what is no id of the thing stays: telephone numbers, services, speakers, names of fields', () => {
  const event = { caller_id: '+15550142', service_id: 'a'.repeat(32), speaker_id: 'spk_0', field_id: 'pharmacy', n: 1 }
  expect(freshIds(event, random())).toEqual(event)
})

test('every example of the catalogue still fits it with fresh ids, and each surface, operator and source is another', () => {
  for (const { type, example } of builtinCatalogue.all()) {
    const fresh = freshIds(example, random())
    expect(Object.keys(fresh), type).toEqual(Object.keys(example))
    for (const name of ['call_sid', 'surface_id', 'operator_id', 'data_source_id', 'entity_id']) {
      if (typeof example[name] === 'string') expect(fresh[name], `${type} ${name}`).not.toBe(example[name])
    }
  }
})

test('an event names the workspace and the call that it is published to, and gets no member it had not', () => {
  const here = { workspaceId: 'w1', callSid: 'CA1' }
  expect(belonging({ call_sid: 'x', workspace_id: 'y', mode: 'voice' }, here)).toEqual({
    call_sid: 'CA1',
    workspace_id: 'w1',
    mode: 'voice',
  })
  expect(belonging({ muted: true }, here)).toEqual({ muted: true })
  expect(belonging({ call_sid: 'x' }, { ...here, callSid: undefined })).toEqual({ call_sid: 'x' })
})
