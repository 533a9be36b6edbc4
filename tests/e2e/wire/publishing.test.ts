import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Json } from '../../kit.js'
import {
  type Answer,
  ask,
  expectProblem,
  Listening,
  newCall,
  Place,
  sample,
  serverOfFile,
  Watching,
} from './outside.js'

const server = serverOfFile()
const POSITION = /^\d{13}-\d+$/
const NDJSON = { 'content-type': 'application/x-ndjson' }

/** The events of a workspace or a call as history has them. */
async function kept(place: Place, call?: string): Promise<Json[]> {
  const answer = await place.ask('GET', call === undefined ? '/events?limit=1000' : `/calls/${call}/events?limit=1000`)
  return answer.json.items as Json[]
}

function errorsOf(answer: Answer, status: number, code: string): { path: string; message: string }[] {
  return expectProblem(answer, status, code).errors as { path: string; message: string }[]
}

describe('a body', () => {
  test('is one event, a batch, or lines, to either channel: 201 with a position for each', async () => {
    const place = await Place.make(server())
    const call = newCall()
    const ids: unknown[] = []
    const bodies = [sample.sync(1), { events: [sample.sync(2), sample.sync(3)] }]
    for (const body of bodies) {
      const answer = await place.ask('POST', '/events', { body })
      expect([answer.status, Object.keys(answer.json)]).toEqual([201, ['ids']])
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
      expect(answer.headers.get('idempotent-replayed')).toBeNull()
      ids.push(...(answer.json.ids as string[]))
    }
    const lines = `${JSON.stringify(sample.sync(4))}\n\r\n${JSON.stringify(sample.sync(5))}`
    const streamed = await place.ask('POST', '/events', { body: lines, headers: NDJSON })
    expect(streamed.status).toBe(201)
    ids.push(...(streamed.json.ids as string[]))
    expect((await kept(place)).map(({ id, event_count }) => [id, event_count])).toEqual(
      ids.map((id, index) => [id, index + 1]),
    )
    for (const id of ids) expect(id).toMatch(POSITION)

    const spoken = await place.ask('POST', `/calls/${call}/events`, { body: { events: [sample.userSaid('a')] } })
    expect(spoken.status).toBe(201)
    expect((await kept(place, call)).map(({ id, type }) => [id, type])).toEqual([
      [(spoken.json.ids as string[])[0], 'user_transcript'],
    ])
  })

  test('of lines is appended as they arrive', async () => {
    const place = await Place.make(server())
    const listening = await Listening.open(place)
    await listening.first('stream.opened')
    const posting = request({
      port: server().port,
      host: '127.0.0.1',
      method: 'POST',
      path: place.path('/events'),
      headers: { ...NDJSON, authorization: `Bearer ${server().adminKey}` },
    })
    const answered = new Promise<number | undefined>((resolve, reject) => {
      posting.on('response', (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
      posting.on('error', reject)
    })
    posting.write(`${JSON.stringify(sample.sync(1))}\n`)
    // The request is not over, and its first line is there for everybody already.
    await listening.events(1)
    posting.end(`${JSON.stringify(sample.sync(2))}\n`)
    expect(await answered).toBe(201)
    await listening.events(2)
  })

  test('of lines that goes wrong says which line, and what is stored already', async () => {
    const place = await Place.make(server())
    const body = `${JSON.stringify(sample.sync(1))}\n{"event_type":"nonsense"}\n${JSON.stringify(sample.sync(3))}\n`
    const answer = await place.ask('POST', '/events', { body, headers: NDJSON })
    const problem = expectProblem(answer, 422, 'unknown_event_type')
    expect(problem.errors).toEqual([
      { path: expect.stringMatching(/^\/lines\/2/), message: expect.stringMatching(/./) },
    ])
    expect((await kept(place)).map(({ id }) => id)).toEqual(problem.ids)
    expect(problem.ids).toHaveLength(1)
  })

  test('with one invalid event is refused whole, every fault with its index and pointer; nothing is stored', async () => {
    const place = await Place.make(server())
    const events = [
      sample.sync(1),
      sample.sync(2, { event_count: -1, duration_ms: 'long' }),
      sample.started(newCall(), { direction: 'sideways' }),
      { event_type: 'surface.updated' },
    ]
    const errors = errorsOf(await place.ask('POST', '/events', { body: { events } }), 422, 'invalid_event')
    expect(errors.map(({ path }) => path).sort()).toEqual([
      '/events/1/duration_ms',
      '/events/1/event_count',
      '/events/2/direction',
      '/events/3/surface_id',
    ])
    expect(errors.find(({ path }) => path.endsWith('direction'))?.message).toMatch(/inbound/)
    expect(await kept(place)).toEqual([])
  })

  test('holds at most 1000 events and 5 MiB, an event 64 KiB, each to the byte', async () => {
    const place = await Place.make(server())
    const many = (count: number) => ({ body: { events: Array.from({ length: count }, (_, at) => sample.sync(at)) } })
    const all = await place.ask('POST', '/events', many(1000))
    expect([all.status, (all.json.ids as string[]).length]).toEqual([201, 1000])
    expectProblem(await place.ask('POST', '/events', many(1001)), 422, 'too_many_events')
    expectProblem(await place.ask('POST', '/events', { body: { events: [] } }), 422, 'invalid_request')

    const bare = { event_type: 'pipeline.error', data_source_id: 'ds_1', error: '' }
    const event = (bytes: number) => ({ ...bare, error: 'x'.repeat(bytes - JSON.stringify(bare).length) })
    expect((await place.ask('POST', '/events', { body: event(65_536) })).status).toBe(201)
    expectProblem(await place.ask('POST', '/events', { body: event(65_537) }), 413, 'event_too_large')
    const batch = expectProblem(
      await place.ask('POST', '/events', { body: { events: [sample.sync(1), event(65_537)] } }),
      413,
      'event_too_large',
    )
    expect(batch.errors).toEqual([{ path: '/events/1', message: expect.any(String) }])

    const padded = (bytes: number) => {
      const text = JSON.stringify(sample.sync(1))
      return { body: text + ' '.repeat(bytes - text.length) }
    }
    expect((await place.ask('POST', '/events', padded(5 * 2 ** 20))).status).toBe(201)
    expectProblem(await place.ask('POST', '/events', padded(5 * 2 ** 20 + 1)), 413, 'body_too_large')
    expect(await kept(place)).toHaveLength(1000)
  })

  test('that is refused before its end is answered to a client that only listens once it has sent everything', async () => {
    const place = await Place.make(server())
    const bad = '{"event_type":"nonsense"}\n'
    const line = `${JSON.stringify(sample.sync(1))}\n`
    const cases: readonly [status: number, type: string, body: string][] = [
      [422, 'application/x-ndjson', bad + line.repeat(40_000)],
      [413, 'application/x-ndjson', line.repeat(200_000)],
      [413, 'application/json', ' '.repeat(20 * 2 ** 20)],
      [415, 'text/plain', ' '.repeat(20 * 2 ** 20)],
    ]
    for (const [status, type, body] of cases) {
      const socket = connect(server().port, '127.0.0.1')
      onTestFinished(() => void socket.destroy())
      socket.pause()
      const sent = new Promise<Error | undefined>((resolve) => {
        socket.on('error', resolve)
        socket.write(
          `POST ${place.path('/events')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server().adminKey}\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`,
        )
        socket.write(body, (error) => resolve(error ?? undefined))
      })
      expect(await sent, `${status} ${type}`).toBeUndefined()
      const answer = once(socket, 'data')
      socket.resume()
      expect(String((await answer)[0])).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    }
  })

  test('that is no JSON, no object, or of another kind is refused with what is accepted', async () => {
    const place = await Place.make(server())
    expectProblem(await place.ask('POST', '/events', { body: '{"event_type": "call.st' }), 400, 'invalid_json')
    expectProblem(
      await place.ask('POST', '/events', { body: '', headers: { 'content-type': 'application/json' } }),
      400,
      'invalid_json',
    )
    for (const body of ['[]', '"call.started"', '7', 'null']) {
      const answer = await place.ask('POST', '/events', { body })
      expect(answer.status, body).toBe(422)
      expect(answer.json.errors, body).toEqual([expect.objectContaining({ path: '' })])
    }
    const text = await place.ask('POST', '/events', { body: 'x', headers: { 'content-type': 'text/plain' } })
    expect(expectProblem(text, 415, 'unsupported_media_type').detail).toMatch(/application\/json/)
    const missing = await place.ask('POST', '/events', { body: { call_sid: newCall() } })
    expect(errorsOf(missing, 422, 'invalid_event')).toEqual([
      { path: '/event_type', message: expect.stringMatching(/./) },
    ])
  })
})

describe('an unknown type', () => {
  test('is refused with the nearest known one', async () => {
    const place = await Place.make(server())
    for (const [wrong, near] of [
      ['call.start', 'call.started'],
      ['CallStarted', 'call.started'],
      ['surface.field_save', 'surface.field_saved'],
    ]) {
      const answer = await place.ask('POST', '/events', { body: { event_type: wrong } })
      const errors = errorsOf(answer, 422, 'unknown_event_type')
      expect(errors).toEqual([{ path: '/event_type', message: expect.stringContaining(String(near)) }])
    }
    const spoken = await place.ask('POST', `/calls/${newCall()}/events`, { body: { type: 'user_transcipt' } })
    expect(errorsOf(spoken, 422, 'unknown_event_type')[0]).toEqual({
      path: '/type',
      message: expect.stringContaining('user_transcript'),
    })
  })

  test('of the other channel is told to belong there', async () => {
    const place = await Place.make(server())
    const wrong = await place.ask('POST', '/events', { body: { event_type: 'user_transcript', transcript: 'x' } })
    expect(expectProblem(wrong, 422, 'unknown_event_type').detail).toMatch(/call/i)
    expect((await place.ask('POST', `/calls/${newCall()}/events`, { body: sample.started(newCall()) })).status).toBe(
      422,
    )
  })
})

describe('unknown extra fields', () => {
  test('are refused in a strict workspace, which is the default, with the nearest known one', async () => {
    const place = await Place.make(server())
    const answer = await place.ask('POST', '/events', { body: sample.sync(1, { evnt_count: 3, 'a/b~c': 1 }) })
    const errors = errorsOf(answer, 422, 'invalid_event')
    expect(errors.find(({ path }) => path === '/evnt_count')?.message).toContain('event_count')
    expect(errors.map(({ path }) => path)).toContain('/a~1b~0c')
  })

  test('pass where the workspace lets them, masked for who may not see personal data', async () => {
    const place = await Place.make(server(), { extra_fields: 'pass' })
    const { api_key: credential } = await place.key(['events:read'])
    const [plain, masked] = [await Listening.open(place), await Listening.open(place, { credential })]
    for (const listening of [plain, masked]) await listening.first('stream.opened')
    const extra = { mood: 'canary', scores: [1, 2], nested: { name: 'canary' } }
    await place.say(sample.sync(1, extra))
    expect((await plain.events(1))[0]?.data).toEqual(sample.sync(1, extra))
    expect((await masked.events(1))[0]?.data).toMatchObject({ mood: expect.any(String), scores: [], nested: {} })
    expect(masked.text).not.toContain('canary')
    // A known field stays what it is, there too.
    expect((await place.ask('POST', '/events', { body: sample.sync(1, { duration_ms: 'x' }) })).status).toBe(422)
  })
})

describe('both spellings', () => {
  const call = newCall()
  const pairs = [
    {
      channel: undefined,
      names: ['field_id', 'field_key'],
      value: 'pharmacy',
      more: { event_type: 'surface.field_saved', surface_id: 's_1', entity_id: 'e_1' },
    },
    {
      channel: call,
      names: ['tool_input', 'input'],
      value: { day: 'thursday' },
      more: { type: 'tool_call_started', tool_name: 'find', call_id: 't_1' },
    },
    {
      channel: call,
      names: ['error', 'error_message'],
      value: 'it failed',
      more: { type: 'tool_call_completed', tool_name: 'find', call_id: 't_1', succeeded: false },
    },
  ] as const

  test('are accepted, each alone and both when equal; both are delivered', async () => {
    const place = await Place.make(server())
    for (const { channel, names, value, more } of pairs) {
      const [one, other] = names
      const both = { [one]: value, [other]: value }
      for (const given of [{ [one]: value }, { [other]: value }, both]) await place.say({ ...more, ...given }, channel)
      const items = (await kept(place, channel)).slice(-3)
      for (const item of items) expect(item).toMatchObject({ ...more, ...both })
      const path = channel === undefined ? '/events' : `/calls/${channel}/events`
      const unequal = await place.ask('POST', path, { body: { ...more, [one]: value, [other]: 'another' } })
      const errors = errorsOf(unequal, 422, 'invalid_event')
      expect(errors.map((error) => error.path).some((path) => names.some((name) => path === `/${name}`))).toBe(true)
    }
    const watching = await Watching.open(place, call, { query: 'history=all' })
    await watching.first('session_live')
    expect(watching.messages.find(({ type }) => type === 'tool_call_started')).toMatchObject({
      tool_input: { day: 'thursday' },
      input: { day: 'thursday' },
    })
  })
})

describe('tool events without call_id', () => {
  test('get one; a completion takes that of the oldest open start of its tool', async () => {
    const place = await Place.make(server())
    const call = newCall()
    const start = (tool_name: string, more = {}) => ({ type: 'tool_call_started', tool_name, tool_input: {}, ...more })
    const done = (tool_name: string, more = {}) => ({
      type: 'tool_call_completed',
      tool_name,
      succeeded: true,
      ...more,
    })
    // In one batch and one by one alike.
    await place.publish([start('find'), start('book'), done('find')], call)
    await place.say(done('book'), call)
    await place.say(start('find', { call_id: 'mine' }), call)
    await place.say(done('find'), call)
    await place.say(done('find'), call)
    const ids = (await kept(place, call)).map(({ call_id }) => String(call_id))
    for (const id of ids) expect(id).toMatch(/./)
    const [find, book, found, booked, mine, taken, alone] = ids
    expect([found, booked, mine, taken]).toEqual([find, book, 'mine', 'mine'])
    expect(new Set([find, book, mine, alone]).size).toBe(4)
  })
})

test('completion_reason accepts the 22 values ever published, and no other', async () => {
  const place = await Place.make(server())
  const reasons =
    'completed abandoned escalated transferred timeout error voicemail no_answer caller_hangup forwarded terminal_state warm_transfer_completed no_inbound_audio cancelled max_duration idle_timeout client_stop transport_error disconnected transport_closed unknown conference_ended'.split(
      ' ',
    )
  expect(new Set(reasons).size).toBe(22)
  await place.publish(reasons.map((completion_reason) => sample.ended(newCall(), { completion_reason })))
  expect((await kept(place)).map(({ completion_reason }) => completion_reason)).toEqual(reasons)
  const other = await place.ask('POST', '/events', { body: sample.ended(newCall(), { completion_reason: 'bored' }) })
  const [error] = errorsOf(other, 422, 'invalid_event')
  expect(error?.path).toBe('/completion_reason')
  for (const reason of reasons) expect(error?.message).toContain(reason)
  // Fields that are free text upstream stay so.
  await place.say({ event_type: 'operator.wrap_up', call_sid: newCall(), wrap_up_reason: 'anything at all, really' })
})

describe('a repeat', () => {
  const repeated = (answer: Answer) => answer.headers.get('idempotent-replayed')

  test('with the same Idempotency-Key answers with the first positions and stores nothing', async () => {
    const place = await Place.make(server())
    const asked = { body: { events: [sample.sync(1), sample.sync(2)] }, headers: { 'idempotency-key': 'order-1!' } }
    const first = await place.ask('POST', '/events', asked)
    expect([first.status, repeated(first)]).toEqual([201, null])
    const again = await place.ask('POST', '/events', asked)
    expect([again.status, again.json, repeated(again)]).toEqual([201, first.json, 'true'])
    const other = await place.ask('POST', '/events', { ...asked, body: sample.sync(3) })
    expectProblem(other, 409, 'idempotency_key_reused')
    expect(await kept(place)).toHaveLength(2)
  })

  test('of lines stores each line once, also when the first time was cut short', async () => {
    const place = await Place.make(server())
    const headers = { ...NDJSON, 'idempotency-key': 'import-7' }
    const lines = [1, 2, 3].map((count) => `${JSON.stringify(sample.sync(count))}\n`)
    const cut = await place.ask('POST', '/events', { body: lines.slice(0, 2).join(''), headers })
    const whole = await place.ask('POST', '/events', { body: lines.join(''), headers })
    expect([whole.status, repeated(whole)]).toEqual([201, null])
    expect((whole.json.ids as string[]).slice(0, 2)).toEqual(cut.json.ids)
    const again = await place.ask('POST', '/events', { body: lines.join(''), headers })
    expect([again.json, repeated(again)]).toEqual([whole.json, 'true'])
    expect((await kept(place)).map(({ event_count }) => event_count)).toEqual([1, 2, 3])
  })

  test('is scoped to the workspace and the route', async () => {
    const [place, elsewhere] = [await Place.make(server()), await Place.make(server())]
    const headers = { 'idempotency-key': 'the-same' }
    const calls = [newCall(), newCall()]
    const answers = [
      await place.ask('POST', '/events', { body: sample.sync(1), headers }),
      await elsewhere.ask('POST', '/events', { body: sample.sync(2), headers }),
      ...(await Promise.all(
        calls.map((call) => place.ask('POST', `/calls/${call}/events`, { body: sample.userSaid(call), headers })),
      )),
    ]
    expect(answers.map((answer) => [answer.status, repeated(answer)])).toEqual(answers.map(() => [201, null]))
  })

  test('of an event with its own idempotency_key too, which is taken out before the event is stored', async () => {
    const place = await Place.make(server())
    const [kept1] = await place.publish([sample.sync(1, { idempotency_key: 'e-1' })])
    const mixed = {
      body: { events: [sample.sync(1, { idempotency_key: 'e-1' }), sample.sync(2, { idempotency_key: 'e-2' })] },
    }
    const answer = await place.ask('POST', '/events', mixed)
    expect(answer.status).toBe(201)
    expect((answer.json.ids as string[])[0]).toBe(kept1)
    const items = await kept(place)
    expect(items.map(({ event_count }) => event_count)).toEqual([1, 2])
    expect(JSON.stringify(items)).not.toContain('idempotency_key')
    const all = await place.ask('POST', '/events', mixed)
    expect([repeated(all), all.json]).toEqual(['true', answer.json])
    const reused = await place.ask('POST', '/events', { body: sample.sync(9, { idempotency_key: 'e-1' }) })
    expectProblem(reused, 409, 'idempotency_key_reused')
  })

  test('at the same moment is stored once', async () => {
    const place = await Place.make(server())
    const asked = { body: sample.sync(1), headers: { 'idempotency-key': 'race' } }
    const answers = await Promise.all(Array.from({ length: 8 }, () => place.ask('POST', '/events', asked)))
    expect(new Set(answers.map(({ status, json }) => `${status} ${json.ids}`)).size).toBe(1)
    expect(answers.filter((answer) => repeated(answer) === null)).toHaveLength(1)
    expect(await kept(place)).toHaveLength(1)
  })

  test('needs a key of 1 to 256 visible ASCII characters', async () => {
    const place = await Place.make(server())
    for (const key of ['', 'a b', 'x'.repeat(257), 'caf\u00e9']) {
      const header = await place.ask('POST', '/events', { body: sample.sync(1), headers: { 'idempotency-key': key } })
      expectProblem(header, 400, 'invalid_idempotency_key')
      const event = await place.ask('POST', '/events', { body: sample.sync(1, { idempotency_key: key }) })
      expect(errorsOf(event, 422, 'invalid_event')[0]?.path).toBe('/idempotency_key')
    }
    const longest = await place.ask('POST', '/events', {
      body: sample.sync(1),
      headers: { 'idempotency-key': 'x'.repeat(256) },
    })
    expect(longest.status).toBe(201)
    expect(await kept(place)).toHaveLength(1)
  })

  test('is known after kill -9 as well, and so is what was answered with 201', async () => {
    const place = await Place.make(server())
    const call = newCall()
    const asked = { body: sample.sync(1), headers: { 'idempotency-key': 'before-the-crash' } }
    const first = await place.ask('POST', '/events', asked)
    const start = await place.say({ type: 'tool_call_started', tool_name: 'find', tool_input: {} }, call)
    await server().crash()
    const again = await place.ask('POST', '/events', asked)
    expect([again.status, again.json, repeated(again)]).toEqual([201, first.json, 'true'])
    expect((await kept(place)).map(({ id }) => [id])).toEqual([first.json.ids])
    // A completion still finds its start.
    await place.say({ type: 'tool_call_completed', tool_name: 'find', succeeded: true }, call)
    const [started, completed] = await kept(place, call)
    expect(started?.id).toBe(start)
    expect(completed?.call_id).toBe(started?.call_id)
  })
})

test('publishing to a call needs no call.started; the first event of either kind makes the call known', async () => {
  const place = await Place.make(server())
  const [observed, joined] = [newCall(), newCall()]
  for (const call of [observed, joined]) expectProblem(await place.ask('GET', `/calls/${call}`), 404, 'call_unknown')
  await place.say(sample.userSaid('hello'), observed)
  await place.say(sample.joined(joined, 'op_1'))
  for (const call of [observed, joined]) {
    const { status, json } = await place.ask('GET', `/calls/${call}`)
    expect([status, json.call]).toEqual([200, expect.objectContaining({ call_sid: call, status: 'active' })])
    expect((await place.ask('GET', `/calls/${call}/events`)).status).toBe(200)
    await (await Watching.open(place, call)).first('session_info')
  }
  for (const call of ['a b', 'x'.repeat(129), 'a%2Fb']) {
    const answer = await ask(server(), 'POST', place.path(`/calls/${encodeURIComponent(call)}/events`), {
      body: sample.userSaid('x'),
    })
    expectProblem(answer, 400, 'invalid_parameter')
  }
})
