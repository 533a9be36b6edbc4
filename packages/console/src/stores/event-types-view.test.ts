import { expect, test } from 'vitest'
import { fieldsOf, findTypes } from './event-types-view.js'
import { types } from './publish.test-kit.js'

const found = (channel: 'workspace' | 'observer', text: string) =>
  [...findTypes(types, channel, text)].flatMap(([, members]) => members.map(({ type }) => type))

test('every word has to be in the name, the title or the meaning', () => {
  expect(found('workspace', 'CALL started')).toContain('call.started')
  expect(found('workspace', 'call started')).not.toContain('call.ended')
  expect(found('workspace', 'no such thing')).toEqual([])
})

test('a channel has its own types, each once and with its family', () => {
  expect(found('observer', '')).not.toContain('call.started')
  expect(found('workspace', '').length + found('observer', '').length).toBe(types.length)
  expect([...findTypes(types, 'workspace', '').keys()].slice(0, 2)).toEqual(['call', 'surface'])
})

test('fields say what they mean, whether they are required and whether they are personal', () => {
  const type = types.find((each) => each.type === 'call.started')
  const fields = type ? fieldsOf(type) : []
  expect(fields.find(({ name }) => name === 'call_sid')).toMatchObject({ required: true, personal: false })
  expect(fields.find(({ name }) => name === 'caller_id')).toMatchObject({ required: false, personal: true })
  expect(fields.every(({ description }) => description !== '')).toBe(true)
})
