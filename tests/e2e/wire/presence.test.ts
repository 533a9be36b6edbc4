import { expect, test } from 'vitest'
import { until } from '../../kit.js'
import { ask, expectProblem, Listening, newCall, Place, sample, serverOfFile, Watching } from './outside.js'

const server = serverOfFile()

test('whoever observes a call is told of, in words and without secrets, until it leaves', async () => {
  const place = await Place.make(server())
  const call = newCall()
  await place.say(sample.started(call))
  const { key_id, api_key } = await place.key(['calls:observe', 'pii:read'])
  const watching = await Watching.open(place, call, { credential: api_key, query: 'types=session_end' })
  await watching.first('session_info')
  await Listening.open(place)

  const watchers = await place.ask('GET', `/calls/${call}/watchers`, { credential: api_key })
  const watcher = { connection_id: expect.any(String), name: 'a test', credential: 'api-key', masked: false }
  expect(watchers.json.items).toEqual([{ ...watcher, since: expect.stringMatching(/Z$/) }])
  const streams = await place.ask('GET', '/streams')
  expect(streams.json.items).toHaveLength(2)
  expect(streams.text).not.toContain(api_key)
  const ofCall = await place.ask('GET', `/streams?call_sid=${call}`)
  expect(ofCall.json.items).toEqual([
    expect.objectContaining({ kind: 'observer', call_sid: call, key_id, types: ['session_end'], lag: 0 }),
  ])
  expect((await place.ask('GET', `/calls/${newCall()}/watchers`)).json.items).toEqual([])

  watching.socket.close()
  await until('the watcher to be gone', async () => {
    const { json } = await place.ask('GET', `/calls/${call}/watchers`)
    return (json.items as unknown[]).length === 0 || undefined
  })
})

test('a token that is limited to a call learns who watches that one, and no other', async () => {
  const place = await Place.make(server())
  const call = newCall()
  const credential = await place.token(['calls:observe'], { call_sids: [call] })
  expect((await place.ask('GET', `/calls/${call}/watchers`, { credential })).status).toBe(200)
  expectProblem(await place.ask('GET', `/calls/${newCall()}/watchers`, { credential }), 403, 'forbidden')
  expectProblem(await place.ask('GET', '/streams', { credential }), 403, 'forbidden')
  expectProblem(await place.ask('GET', '/activity', { credential }), 403, 'forbidden')
  const who = await ask(server(), 'GET', '/v1/credential', { credential })
  expect(who.json).toMatchObject({ kind: 'access-token', call_sids: [call], key_id: null, name: null })
})

test('a stream that ends with its key is counted with its code', async () => {
  const place = await Place.make(server())
  const { key_id, api_key } = await place.key(['events:read'])
  await Listening.open(place, { credential: api_key })
  expect((await place.ask('GET', '/activity')).json).toMatchObject({ streams_open: 1, refusals: [] })
  await place.ask('DELETE', `/api-keys/${key_id}`)
  const refusal = { code: 'credential_revoked', count: 1, last_at: expect.any(String) }
  await until('the end to be counted', async () => {
    const { json } = await place.ask('GET', '/activity')
    return json.streams_open === 0 || undefined
  })
  expect((await place.ask('GET', '/activity')).json.refusals).toEqual([refusal])
})
