import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { until } from '../../kit.js'
import { expectProblem, newCall, Place, sample, serverOfFile, Watching } from './outside.js'

const server = serverOfFile({ SWITCHBOARD_HEARTBEAT: '1s' })
const fleeting = serverOfFile({ SWITCHBOARD_RETENTION: '1s' })
const said = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => sample.userSaid(`line ${from + at}`))

/** A call that somebody has spoken on, with the positions of what was said. */
async function spoken(place: Place, lines = 1): Promise<{ call: string; ids: string[] }> {
  const call = newCall()
  await place.say(sample.started(call))
  return { call, ids: await place.publish(said(0, lines), call) }
}

/** The answer to a handshake, byte for byte. */
async function handshake(place: Place, path: string, headers: readonly string[]): Promise<string> {
  const socket = connect(place.server.port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
  })
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: x',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  await until('the head of the answer', () => text.includes('\r\n\r\n') || undefined)
  return text.slice(0, text.indexOf('\r\n\r\n'))
}

describe('the handshake', () => {
  const version = 'Sec-WebSocket-Version: 13'

  test('selects the subprotocol auth, and never repeats the token, even to refuse', async () => {
    const place = await Place.make(server())
    const { call } = await spoken(place)
    const path = place.path(`/observers/${call}/ws`)
    const { api_key } = await place.key(['calls:observe'])
    for (const token of [api_key, 'not-a-credential']) {
      const head = await handshake(place, path, [version, `Sec-WebSocket-Protocol: auth, ${token}`])
      expect(head).toMatch(/^HTTP\/1\.1 101 /)
      expect(head).toMatch(/^sec-websocket-protocol: auth\r?$/im)
      expect(head).toMatch(/^sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r?$/im)
      expect(head).toMatch(/^x-request-id: \S+\r?$/im)
      expect(head).not.toContain(token)
    }
    // With the header alone no subprotocol was offered, so none is selected.
    const head = await handshake(place, path, [version, `Authorization: Bearer ${api_key}`])
    expect(head).toMatch(/^HTTP\/1\.1 101 /)
    expect(head).not.toMatch(/sec-websocket-protocol/i)
  })

  test('takes an API key, an access token or the admin key, as subprotocol or in Authorization', async () => {
    const place = await Place.make(server())
    const { call } = await spoken(place)
    const { api_key } = await place.key(['calls:observe'])
    const token = await place.token(['calls:observe'], { call_sids: [call] }, api_key)
    for (const credential of [api_key, token, server().adminKey]) {
      await (await Watching.open(place, call, { credential })).first('session_info')
      const headers = { authorization: `Bearer ${credential}` }
      await (await Watching.open(place, call, { credential: null, headers })).first('session_info')
    }
  })

  test('is refused by close codes whose reason begins with the failure', async () => {
    const [place, elsewhere] = [await Place.make(server()), await Place.make(server())]
    const { call } = await spoken(place)
    const lacking = (await place.key(['events:read'])).api_key
    const foreign = (await elsewhere.key(['calls:observe'])).api_key
    const revoked = await place.key(['calls:observe'])
    await place.ask('DELETE', `/api-keys/${revoked.key_id}`)
    const cases: readonly [what: string, code: number, reason: string, options: Parameters<typeof Watching.open>[2]][] =
      [
        ['no credential', 4403, 'unauthenticated', { credential: null }],
        ['a wrong credential', 4403, 'unauthenticated', { credential: 'sb_x_y' }],
        ['auth without a token', 4403, 'unauthenticated', { protocols: ['auth'] }],
        ['a missing permission', 4403, 'forbidden', { credential: lacking }],
        ['another workspace', 4403, 'forbidden', { credential: foreign }],
        [
          'a workspace that is not there',
          4403,
          'forbidden',
          { credential: foreign, path: `/v1/${'0'.repeat(8)}-0000-7000-8000-000000000000/observers/${call}/ws` },
        ],
        ['another origin', 4403, 'forbidden', { headers: { origin: 'https://evil.example.com' } }],
        ['a revoked credential', 4100, 'credential_revoked', { credential: revoked.api_key }],
        ['a call that is not known', 4004, 'call_unknown', { path: place.path(`/observers/${newCall()}/ws`) }],
        ['a malformed position', 4001, 'invalid_position', { query: 'after=yesterday' }],
        ['a malformed parameter', 4001, 'invalid_parameter', { query: 'history=some' }],
        ['an unknown parameter', 4001, 'invalid_parameter', { query: 'colour=red' }],
        ['an unknown type', 4001, 'invalid_parameter', { query: 'types=user_transcipt' }],
        ['a token in the address', 4001, 'invalid_parameter', { query: `access_token=${lacking}` }],
      ]
    for (const [what, code, reason, options] of cases) {
      const watching = await Watching.open(place, call, options)
      const closed = await watching.over()
      expect(closed, what).toMatchObject({ code, reason: expect.stringMatching(new RegExp(`^${reason}\\b`)) })
      expect(Buffer.byteLength(closed.reason), what).toBeLessThanOrEqual(123)
      expect(closed.reason, what).not.toContain(lacking)
      expect(watching.messages, what).toEqual([])
    }
    // A page of the same host is ours.
    const own = { origin: `http://127.0.0.1:${server().port}` }
    await (await Watching.open(place, call, { headers: own })).first('session_info')
  })

  test('that is none is an HTTP problem', async () => {
    const place = await Place.make(server())
    const { call } = await spoken(place)
    const path = place.path(`/observers/${call}/ws`)
    const plain = await place.ask('GET', `/observers/${call}/ws`)
    expectProblem(plain, 400, 'bad_request')
    expect(plain.headers.get('upgrade')).toBe('websocket')
    expect(await handshake(place, path, ['Sec-WebSocket-Version: 8'])).toMatch(
      /^HTTP\/1\.1 426 .*sec-websocket-version: 13/is,
    )
    for (const other of ['/events/stream', `/observers/${call}`, '']) {
      const head = await handshake(place, place.path(other), [version, `Authorization: Bearer ${server().adminKey}`])
      expect(head).toMatch(/^HTTP\/1\.1 404 /)
      expect(head).toMatch(/^content-type: application\/problem\+json/im)
      expect(head).toMatch(/^x-request-id: \S+/im)
    }
  })
})

describe('frames', () => {
  test('begin with session_info: the call as its events have told it', async () => {
    const place = await Place.make(server())
    const { call, ids } = await spoken(place)
    await place.say({ type: 'state_transition', previous_state: 'greeting', next_state: 'reschedule' }, call)
    const watching = await Watching.open(place, call)
    const { json } = await place.ask('GET', `/calls/${call}`)
    const started = Date.parse(String((json.call as { started_at: string }).started_at)) / 1000
    const info = await watching.first('session_info')
    expect(watching.messages[0]).toBe(info)
    expect(info).toEqual({
      type: 'session_info',
      call_sid: call,
      direction: 'inbound',
      caller_id: '+15550100',
      service_id: '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01',
      workspace_id: place.id,
      start_time: started,
      duration_seconds: expect.any(Number),
      current_state: 'reschedule',
      id: expect.stringMatching(/^\d+-\d+$/),
    })
    expect(info.duration_seconds).toBeGreaterThanOrEqual(0)
    expect(info.duration_seconds).toBeLessThan(30)
    expect(ids[0]).toMatch(/^\d+-1$/)
    expect(info.id).toMatch(/^\d+-2$/)
  })

  test('of a call of which little is known keep their types', async () => {
    const place = await Place.make(server())
    const call = newCall()
    await place.say({ type: 'speaker_muted', muted: true }, call)
    const info = await (await Watching.open(place, call)).first('session_info')
    expect(info).toMatchObject({
      call_sid: call,
      workspace_id: place.id,
      caller_id: '',
      service_id: '',
      current_state: '',
    })
    expect([typeof info.start_time, typeof info.duration_seconds]).toEqual(['number', 'number'])
  })

  test('are events with their positions; nothing of the past unless it is asked for', async () => {
    const place = await Place.make(server())
    const { call, ids } = await spoken(place, 3)
    const [none, all, after] = [
      await Watching.open(place, call),
      await Watching.open(place, call, { query: 'history=all' }),
      await Watching.open(place, call, { query: `after=${ids[0]}&history=none` }),
    ]
    for (const watching of [none, all, after]) await watching.first('session_info')
    for (const watching of [all, after]) await watching.first('session_live')
    const live = await place.publish(said(3, 5), call)
    for (const watching of [none, all, after]) {
      await watching.until('the last', (messages) => messages.some(({ id }) => id === live[1]))
    }
    const event = (at: number) => ({ ...sample.userSaid(`line ${at}`), id: [...ids, ...live][at] })
    const info = expect.objectContaining({ type: 'session_info' })
    expect(none.messages).toEqual([info, event(3), event(4)])
    const nowLive = { type: 'session_live', id: ids[2] }
    expect(all.messages).toEqual([info, event(0), event(1), event(2), nowLive, event(3), event(4)])
    expect(after.messages).toEqual([info, event(1), event(2), nowLive, event(3), event(4)])
    // Where the first frame says, one can come back to.
    const back = await Watching.open(place, call, { query: `after=${none.messages[0]?.id}` })
    await back.first('session_live')
    expect(back.messages).toEqual([info, event(3), event(4), { type: 'session_live', id: live[1] }])
  })

  test('may be narrowed to types, and session_end is heard all the same', async () => {
    const place = await Place.make(server())
    const { call } = await spoken(place)
    const watching = await Watching.open(place, call, { query: 'types=speaker_muted,state_*' })
    await watching.first('session_info')
    await place.publish(
      [...said(1, 3), { type: 'speaker_muted', muted: true }, { type: 'session_end', duration_s: 3 }],
      call,
    )
    await place.say(sample.ended(call))
    expect(await watching.over()).toMatchObject({ code: 1000 })
    expect(watching.types).toEqual(['session_info', 'speaker_muted', 'session_end'])
  })

  test('tell of a gap as the stream does', async () => {
    const place = await Place.make(server())
    const { call, ids } = await spoken(place, 2)
    const [time] = String(ids[0]).split('-').map(Number) as [number]
    for (const after of [`${time}-900`, `${time - 86_400_000}-1`]) {
      const watching = await Watching.open(place, call, { query: `after=${after}` })
      const gap = await watching.first('stream.gap')
      expect(gap).toMatchObject({ code: 'unknown_position', requested: after, oldest: ids[0], newest: ids[1] })
      await watching.first('session_live')
      expect(watching.types).toEqual([
        'session_info',
        'stream.gap',
        'user_transcript',
        'user_transcript',
        'session_live',
      ])
    }
    const late = await Place.make(fleeting())
    const gone = newCall()
    const [first] = await late.publish(said(0, 2), gone)
    await until('them to be gone', async () => {
      await late.say(sample.joined(gone, 'op_1'))
      const { json } = await late.ask('GET', `/calls/${gone}/events`)
      return (json.items as unknown[]).length === 0 || undefined
    })
    await late.say(sample.userSaid('still here'), gone)
    const truncated = await Watching.open(late, gone, { query: `after=${first}` })
    expect(await truncated.first('stream.gap')).toMatchObject({ code: 'history_truncated', requested: first })
  })
})

test('a silence is broken by a frame without a type, and a ping; who never answers is dropped', async () => {
  const place = await Place.make(server())
  const { call } = await spoken(place)
  const watching = await Watching.open(place, call)
  const mute = new WebSocket(
    `ws://127.0.0.1:${server().port}${place.path(`/observers/${call}/ws`)}`,
    ['auth', server().adminKey],
    {
      autoPong: false,
    },
  )
  const from = performance.now()
  const dropped = once(mute, 'close').then(([code]) => [code, performance.now() - from])
  const heartbeat = await watching.until('a heartbeat', (messages) => messages.find(({ type }) => type === undefined))
  expect(Object.keys(heartbeat)).toEqual(['heartbeat'])
  expect(Math.abs(Number(heartbeat.heartbeat) - Date.now())).toBeLessThan(10_000)
  await until('a ping', () => watching.pings > 0 || undefined)
  const [code, ms] = await dropped
  expect(code).toBe(1006)
  expect(ms).toBeGreaterThan(2000)
  expect(ms).toBeLessThan(6000)
  expect(watching.socket.readyState).toBe(WebSocket.OPEN)
})

describe('when the call is over', () => {
  test('the rest comes, then a session_end made from call.ended, then 1000 call_ended', async () => {
    const place = await Place.make(server())
    const { call } = await spoken(place)
    const watching = await Watching.open(place, call)
    await watching.first('session_info')
    await place.say(sample.ended(call, { duration_seconds: 12.5, completion_reason: 'caller_hangup' }))
    const [last] = await place.publish(said(1, 2), call)
    expect(await watching.over()).toMatchObject({ code: 1000, reason: expect.stringMatching(/^call_ended/) })
    // A heartbeat, which has no type, may come in between.
    const types = watching.types.filter((type) => type !== undefined)
    expect(types).toEqual(['session_info', 'user_transcript', 'session_end'])
    expect(watching.messages.at(-1)).toMatchObject({
      call_sid: call,
      duration_s: 12.5,
      completion_reason: 'caller_hangup',
      id: last,
    })
  })

  test('the producer’s own session_end is the only one', async () => {
    const place = await Place.make(server())
    const { call } = await spoken(place)
    const watching = await Watching.open(place, call)
    await watching.first('session_info')
    const id = await place.say({ type: 'session_end', call_sid: call, duration_s: 3, turns: 4 }, call)
    await place.say(sample.ended(call))
    expect(await watching.over()).toMatchObject({ code: 1000, reason: expect.stringMatching(/^call_ended/) })
    expect(watching.types).toEqual(['session_info', 'session_end'])
    expect(watching.messages.at(-1)).toMatchObject({ id, turns: 4 })
  })

  test('who asks for the past gets it, then the same; who does not gets session_end and 1008', async () => {
    const place = await Place.make(server())
    const { call, ids } = await spoken(place, 3)
    await place.say(sample.ended(call))
    const whole = await Watching.open(place, call, { query: 'history=all' })
    expect(await whole.over()).toMatchObject({ code: 1000, reason: expect.stringMatching(/^call_ended/) })
    const events = whole.messages.filter(({ type }) => type === 'user_transcript')
    expect(events.map(({ id }) => id)).toEqual(ids)
    expect(whole.types[0]).toBe('session_info')
    expect(whole.types.at(-1)).toBe('session_end')
    expect(whole.types.filter((type) => type === 'session_end')).toHaveLength(1)
    const rest = await Watching.open(place, call, { query: `after=${ids[1]}` })
    expect(await rest.over()).toMatchObject({ code: 1000 })
    expect(rest.messages.filter(({ type }) => type === 'user_transcript').map(({ id }) => id)).toEqual([ids[2]])
    expect(rest.types.at(-1)).toBe('session_end')
    const comeback = await Watching.open(place, call)
    expect(await comeback.over()).toMatchObject({ code: 1008, reason: expect.stringMatching(/^call_ended/) })
    expect(comeback.types).toEqual(['session_info', 'session_end'])
    expect(comeback.messages[0]).toMatchObject({ duration_seconds: 12.5 })
  })
})

describe('nothing is accepted from the client', () => {
  test('but control frames: data closes with 4001, too much of it with 1009', async () => {
    const place = await Place.make(server())
    const { call } = await spoken(place)
    for (const [message, code, reason] of [
      ['hello', 4001, 'bad_request'],
      [Buffer.from([1, 2, 3]), 4001, 'bad_request'],
      ['x'.repeat(1024 * 1024), 1009, 'frame_too_big'],
    ] as const) {
      const watching = await Watching.open(place, call)
      await watching.first('session_info')
      watching.socket.send(message)
      expect(await watching.over()).toMatchObject({ code, reason: expect.stringMatching(new RegExp(`^${reason}`)) })
    }
    const polite = await Watching.open(place, call)
    await polite.first('session_info')
    polite.socket.ping('are you there')
    const [pong] = await once(polite.socket, 'pong')
    expect(String(pong)).toBe('are you there')
    polite.socket.close(1000)
    expect(await polite.over()).toMatchObject({ code: 1000 })
  })
})

test('an observer without a WebSocket client at all: a plain upgrade with a body of HTTP is still told what is wrong', async () => {
  const place = await Place.make(server())
  const { call } = await spoken(place)
  const asking = get(`${server().url}${place.path(`/observers/${call}/ws`)}`, {
    headers: { authorization: `Bearer ${server().adminKey}`, connection: 'upgrade', upgrade: 'h2c' },
  })
  onTestFinished(() => void asking.destroy())
  const [answer] = (await Promise.race([once(asking, 'response'), once(asking, 'error')])) as [IncomingMessage | Error]
  if (answer instanceof Error) throw answer
  expect([400, 426]).toContain(answer.statusCode)
  expect(answer.headers['content-type']).toBe('application/problem+json')
  answer.resume()
})
