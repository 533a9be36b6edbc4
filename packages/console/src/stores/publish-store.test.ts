import type { CallState } from '@switchboard/contract/state'
import { SwitchboardError } from '@switchboard/sdk'
import { createRandom } from '@switchboard/simulator'
import { expect, test } from 'vitest'
import { forbidden, PublishStand, types } from './publish.test-kit.js'
import { PublishStore } from './publish-store.js'

const call = (call_sid: string, started_at: string, status: string) => ({ call_sid, started_at, status }) as CallState

async function opened(calls: readonly CallState[] = []) {
  const server = new PublishStand()
  const store = new PublishStore({
    switchboard: server.switchboard,
    frame: (run) => run(),
    random: createRandom(7),
    calls: () => calls,
  })
  await store.load()
  const choose = (name: string) => {
    const type = types.find((each) => each.type === name)
    if (type) store.choose(type)
  }
  return { server, store, choose, draft: () => JSON.parse(store.get().text) }
}

test('it opens with an example, which Publish sends as it stands', async () => {
  const { server, store, draft } = await opened()
  await store.publish()
  expect(draft().event_type).toBe('call.started')
  expect(server.sent).toEqual([{ call: undefined, events: [draft()] }])
  expect(store.get().outcome).toEqual({ kind: 'published', position: '9-1', callSid: undefined })
})

test('a text that is no JSON object is told with its place, and nothing is sent', async () => {
  const { server, store } = await opened()
  store.edit('{\n  "a": 1,\n}')
  await store.publish()
  expect(store.get().outcome).toMatchObject({ kind: 'malformed', fault: { line: 3, column: 1 } })
  for (const text of ['[]', '"text"', 'null']) {
    store.edit(text)
    await store.publish()
    expect(store.get().outcome).toMatchObject({ kind: 'malformed', fault: { message: 'an event is a JSON object' } })
  }
  expect(server.sent).toEqual([])
})

test('what the server refuses is told with every fault; a missing permission is named for its channel', async () => {
  const { server, store } = await opened()
  const errors = [{ path: '/direction', message: 'must be one of inbound, outbound' }]
  server.refuse = () => new SwitchboardError('invalid_event', 'does not fit', { errors })
  await store.publish()
  expect(store.get().outcome).toMatchObject({ kind: 'refused', refusal: { errors, permission: undefined } })
  server.refuse = () => forbidden('events:write')
  await store.publish()
  expect(store.get().outcome).toMatchObject({ refusal: { permission: 'events:write' } })
  store.chooseChannel('observer')
  server.refuse = () => forbidden('calls:publish')
  await store.publish()
  expect(store.get().outcome).toMatchObject({ refusal: { permission: 'calls:publish' } })
})

test('fresh ids change what the text is about, edited or not, and leave the rest', async () => {
  const { store, draft } = await opened()
  const example = draft()
  store.edit(JSON.stringify({ ...example, caller_id: '+15550199' }))
  store.renew()
  expect(draft()).toEqual({ ...example, caller_id: '+15550199', call_sid: expect.stringMatching(/^CA[0-9a-f]{32}$/) })
  expect(draft().call_sid).not.toBe(example.call_sid)
  store.edit('{')
  store.renew()
  expect(store.get()).toMatchObject({ text: '{', outcome: { kind: 'malformed' } })
})

test('an observer event goes to the call that began last among those under way', async () => {
  const calls = [
    call('CA1', '2026-01-05T09:00:00Z', 'active'),
    call('CA2', '2026-01-05T09:01:00Z', 'active'),
    call('CA3', '2026-01-05T09:02:00Z', 'ended'),
  ]
  const { server, store, choose, draft } = await opened(calls)
  store.chooseChannel('observer')
  choose('session_start')
  expect(draft()).toMatchObject({ call_sid: 'CA2', workspace_id: 'w1' })
  await store.publish()
  expect(server.sent).toEqual([{ call: 'CA2', events: [draft()] }])
  expect(store.get().outcome).toMatchObject({ callSid: 'CA2' })
})

test('without a call under way one is made up; an example follows the call, and what was written does not', async () => {
  const { store, choose, draft } = await opened()
  store.chooseChannel('observer')
  expect(store.get().callSid).toMatch(/^CA[0-9a-f]{32}$/)
  choose('session_start')
  store.chooseCall('CA9')
  expect(draft().call_sid).toBe('CA9')
  store.edit('{"type": "session_start"}')
  store.chooseCall('CA8')
  expect(store.get()).toMatchObject({ text: '{"type": "session_start"}', callSid: 'CA8' })
})

test('a catalogue that could not be read is asked for again', async () => {
  const server = new PublishStand()
  server.silent = true
  const options = { frame: (run: () => void) => run(), random: createRandom(7), calls: () => [] }
  const store = new PublishStore({ switchboard: server.switchboard, ...options })
  await store.load()
  expect(store.get().catalogue).toEqual({ kind: 'failed', why: 'try later' })
  server.silent = false
  await store.load()
  expect(store.get()).toMatchObject({ catalogue: { kind: 'ready', workspaceId: 'w1' }, type: { type: 'call.started' } })
})
