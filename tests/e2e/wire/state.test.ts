import { describe, expect, test } from 'vitest'
import { type Json, until } from '../../kit.js'
import { type Answer, expectProblem, Listening, newCall, Place, sample, serverOfFile } from './outside.js'

const server = serverOfFile()
const POSITION = /^\d{13}-\d+$/
const items = (answer: Answer) => answer.json.items as Json[]
const syncs = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => sample.sync(from + at))

/** A workspace where something of everything has happened; the last position. */
async function busy(): Promise<{ place: Place; active: string; over: string; last: string }> {
  const place = await Place.make(server())
  const [active, over] = [newCall(), newCall()]
  const ids = await place.publish([
    sample.started(active),
    sample.started(over),
    { event_type: 'operator.registered', operator_id: 'op_1' },
    { event_type: 'operator.status_changed', operator_id: 'op_1', status: 'online' },
    sample.joined(active, 'op_1', { mode: 'takeover' }),
    { event_type: 'surface.created', surface_id: 's_1', entity_id: 'e_1', channel: 'sms', fields_count: 3 },
    { event_type: 'surface.field_saved', surface_id: 's_1', entity_id: 'e_1', field_id: 'pharmacy' },
    sample.sync(7, { data_source_id: 'ds_1' }),
    { event_type: 'pipeline.error', data_source_id: 'ds_1', error: '503' },
    sample.ended(over),
  ])
  return { place, active, over, last: String(ids.at(-1)) }
}

test('each state route answers the present, with the position it is true at', async () => {
  const { place, active, over, last } = await busy()
  const calls = await place.ask('GET', '/calls')
  expect(calls.status).toBe(200)
  expect(calls.json).toMatchObject({ has_more: false, continuation_token: null, position: last })
  expect(new Set(items(calls).map(({ call_sid }) => call_sid))).toEqual(new Set([active, over]))
  const byStatus = async (status: string) =>
    items(await place.ask('GET', `/calls?status=${status}`)).map((call) => call.call_sid)
  expect([await byStatus('active'), await byStatus('ended')]).toEqual([[active], [over]])
  expectProblem(await place.ask('GET', '/calls?status=asleep'), 400, 'invalid_parameter')

  const one = await place.ask('GET', `/calls/${active}`)
  expect(one.json).toMatchObject({
    position: last,
    call: {
      call_sid: active,
      status: 'active',
      direction: 'inbound',
      operators: [{ operator_id: 'op_1', mode: 'takeover' }],
    },
  })
  const ended = await place.ask('GET', `/calls/${over}`)
  expect(ended.json.call).toMatchObject({ status: 'ended', duration_seconds: 12.5, completion_reason: 'completed' })
  expectProblem(await place.ask('GET', `/calls/${newCall()}`), 404, 'call_unknown')

  const lists = {
    operators: { operator_id: 'op_1', current_call: { call_sid: active } },
    surfaces: { surface_id: 's_1', stage: 'partial', fields_saved: ['pharmacy'] },
    'pipeline/sources': { data_source_id: 'ds_1', health: 'failing', syncs: 1, errors: 1, events_total: 7 },
  }
  for (const [name, record] of Object.entries(lists)) {
    const list = await place.ask('GET', `/${name}`)
    expect(list.json, name).toMatchObject({
      items: [record],
      has_more: false,
      continuation_token: null,
      position: last,
    })
  }
  const all = await place.ask('GET', '/state')
  expect(all.json).toMatchObject({
    operators: [lists.operators],
    surfaces: [lists.surfaces],
    sources: [lists['pipeline/sources']],
    has_more: false,
    position: last,
  })
  expect((all.json.calls as Json[]).map(({ call_sid }) => call_sid)).toEqual([active, over])
})

test('on a workspace where nothing has happened has a position to stream from as well', async () => {
  const place = await Place.make(server())
  for (const path of ['/calls', '/operators', '/surfaces', '/pipeline/sources', '/events', '/state']) {
    const { json } = await place.ask('GET', path)
    expect(json.position, path).toMatch(/^\d+-0$/)
    const listening = await Listening.open(place, { headers: { 'last-event-id': String(json.position) } })
    expect(await listening.first('stream.opened'), path).toMatchObject({ data: { resumed: true } })
    listening.close()
  }
})

test('reading state and then streaming after its position misses nothing and repeats nothing, however busy it is', async () => {
  const place = await Place.make(server())
  const total = 120
  const publishing = (async () => {
    for (let count = 0; count < total; count += 2) await place.publish(syncs(count, count + 2))
  })()
  const source = 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05'
  const checked: number[] = []
  while (checked.length < 5) {
    const path = checked.length % 2 === 0 ? '/pipeline/sources' : '/state'
    const { json } = await place.ask('GET', path)
    const [record] = (json.items ?? json.sources) as Json[]
    if (record === undefined) continue
    expect(record.data_source_id).toBe(source)
    const seen = Number(record.syncs)
    checked.push(seen)
    const listening = await Listening.open(place, { headers: { 'last-event-id': String(json.position) } })
    const [next] = await listening.events(1)
    // The first event after the state is the first that the state does not hold.
    expect(next?.data.event_count, path).toBe(seen)
    await listening.events(Math.min(10, total - seen))
    const counts = listening.seen.map(({ data }) => data.event_count)
    expect(counts).toEqual(counts.map((_, at) => seen + at))
    listening.close()
    if (seen > total - 20) break
  }
  expect(checked.length).toBeGreaterThan(0)
  await publishing
  const { json } = await place.ask('GET', '/state')
  expect((json.sources as Json[])[0]).toMatchObject({ syncs: total })
})

test('state is the same after kill -9', async () => {
  const { place } = await busy()
  const before = (await place.ask('GET', '/state')).json
  await server().crash()
  expect((await place.ask('GET', '/state')).json).toEqual(before)
})

describe('lists have pages', () => {
  test('of 1 to 100 records, each once', async () => {
    const place = await Place.make(server())
    const calls = Array.from({ length: 7 }, newCall)
    await place.publish(calls.map((call) => sample.started(call)))
    const seen: unknown[] = []
    let query = 'limit=3'
    for (let page = 0; page < 4; page++) {
      const { json } = await place.ask('GET', `/calls?${query}`)
      const found = json.items as Json[]
      seen.push(...found.map(({ call_sid }) => call_sid))
      expect(found.length).toBeLessThanOrEqual(3)
      expect(json.position).toMatch(POSITION)
      expect(json.has_more).toBe(json.continuation_token !== null)
      if (json.has_more !== true) break
      query = `limit=3&continuation_token=${encodeURIComponent(String(json.continuation_token))}`
    }
    expect(seen.sort()).toEqual([...calls].sort())
    for (const path of ['/calls', '/operators', '/surfaces', '/pipeline/sources']) {
      for (const limit of ['0', '101', 'many', '']) {
        const answer = await place.ask('GET', `${path}?limit=${limit}`)
        expect(expectProblem(answer, 400, 'invalid_parameter').detail).toContain('limit')
      }
      expect((await place.ask('GET', `${path}?limit=100`)).status).toBe(200)
      expectProblem(await place.ask('GET', `${path}?continuation_token=%00%FF`), 400, 'invalid_parameter')
    }
  })

  test('of 1 to 1000 events in history, oldest first, which a stream then goes on from', async () => {
    const place = await Place.make(server())
    const ids: string[] = []
    for (let from = 0; from < 1100; from += 550) ids.push(...(await place.publish(syncs(from, from + 550))))
    const first = await place.ask('GET', '/events?limit=1000')
    expect(items(first)).toHaveLength(1000)
    expect(items(first)[0]).toEqual({ id: ids[0], ...sample.sync(0) })
    expect(first.json).toMatchObject({ has_more: true, continuation_token: expect.any(String) })
    const rest = await place.ask('GET', `/events?limit=1000&continuation_token=${first.json.continuation_token}`)
    expect(rest.json).toMatchObject({ has_more: false, continuation_token: null, position: ids.at(-1) })
    expect([...items(first), ...items(rest)].map(({ id }) => id)).toEqual(ids)
    for (const limit of ['0', '1001', '-1']) {
      expectProblem(await place.ask('GET', `/events?limit=${limit}`), 400, 'invalid_parameter')
    }
    const after = await place.ask('GET', `/events?after=${ids[1097]}`)
    expect(items(after).map(({ id }) => id)).toEqual(ids.slice(1098))
    const live = await Listening.open(place, { headers: { 'last-event-id': String(after.json.position) } })
    await live.first('stream.opened')
    const next = await place.say(sample.sync(2000))
    await live.events(1)
    expect(live.seen.map(({ id }) => id)).toEqual([next])
    const none = await place.ask('GET', `/events?after=${next}`)
    expect(none.json).toMatchObject({ items: [], has_more: false, position: next })
  })

  test('of a call’s events too, with types', async () => {
    const place = await Place.make(server())
    const call = newCall()
    const ids = await place.publish(
      [sample.userSaid('one'), { type: 'speaker_muted', muted: true }, sample.userSaid('two')],
      call,
    )
    const path = `/calls/${call}/events`
    const page = await place.ask('GET', `${path}?limit=2`)
    expect(items(page).map(({ id }) => id)).toEqual(ids.slice(0, 2))
    const rest = await place.ask('GET', `${path}?limit=2&continuation_token=${page.json.continuation_token}`)
    expect(items(rest).map(({ id }) => id)).toEqual(ids.slice(2))
    const after = await place.ask('GET', `${path}?after=${ids[0]}&types=user_transcript`)
    expect(items(after).map(({ transcript }) => transcript)).toEqual(['two'])
    expectProblem(await place.ask('GET', `${path}?types=call.started`), 400, 'invalid_parameter')
    expectProblem(await place.ask('GET', `${path}?limit=1001`), 400, 'invalid_parameter')
  })

  test('and history tells of a gap where a stream would', async () => {
    const place = await Place.make(server())
    const ids = await place.publish(syncs(0, 2))
    const [time] = String(ids[0]).split('-').map(Number) as [number]
    const { json } = await place.ask('GET', `/events?after=${time}-77`)
    expect(json.gap).toMatchObject({
      code: 'unknown_position',
      requested: `${time}-77`,
      oldest: ids[0],
      newest: ids[1],
    })
    expect((json.items as Json[]).map(({ id }) => id)).toEqual(ids)
    expectProblem(await place.ask('GET', '/events?after=nonsense'), 400, 'invalid_position')
  })
})

test('what is published on a call is in its state too, as soon as it is answered', async () => {
  const place = await Place.make(server())
  const call = newCall()
  await place.say({ type: 'state_transition', previous_state: 'greeting', next_state: 'billing' }, call)
  expect((await place.ask('GET', `/calls/${call}`)).json.call).toMatchObject({ current_state: 'billing', muted: false })
  await place.say({ type: 'speaker_muted', muted: true }, call)
  await place.say({ type: 'session_end', call_sid: call, duration_s: 3 }, call)
  expect((await place.ask('GET', `/calls/${call}`)).json.call).toMatchObject({ status: 'ended', session_ended: true })
  await until('it to be listed as ended', async () => {
    const listed = items(await place.ask('GET', '/calls?status=ended'))
    return listed.some(({ call_sid }) => call_sid === call) || undefined
  })
})
