import { describe, expect, test } from 'vitest'
import { type Asked, ask, expectProblem, Listening, newCall, Place, sample, serverOfFile, Watching } from './outside.js'

const server = serverOfFile()
const NOWHERE = '0b6e2f41-7a95-4dc8-b1f3-8e2d5c9a7046'
const ALL = [
  'events:read',
  'events:write',
  'calls:observe',
  'calls:publish',
  'pii:read',
  'keys:manage',
  'audit:read',
] as const
type Permission = (typeof ALL)[number]

describe('workspaces', () => {
  test('are made with the admin key: 201 with id, name, slug and created_at', async () => {
    const body = { name: 'North Desk', slug: 'north-desk' }
    const made = await ask(server(), 'POST', '/v1/workspaces', { body })
    expect(made.status).toBe(201)
    expect(made.json).toMatchObject({ ...body, id: expect.stringMatching(/^[0-9a-f-]{36}$/) })
    expect(Math.abs(Date.parse(String(made.json.created_at)) - Date.now())).toBeLessThan(60_000)
    const list = await ask(server(), 'GET', '/v1/workspaces?limit=100')
    expect(list.json.items).toContainEqual(made.json)
    expect(list.json).toMatchObject({ has_more: false, continuation_token: null, position: null })
    expectProblem(await ask(server(), 'POST', '/v1/workspaces', { body }), 409, 'conflict')
  })

  test('are not made nor listed with any other credential', async () => {
    const place = await Place.make(server())
    const { api_key: credential } = await place.key(ALL)
    const body = { name: 'Mine', slug: 'mine' }
    expectProblem(await ask(server(), 'POST', '/v1/workspaces', { body, credential }), 403, 'forbidden')
    expectProblem(await ask(server(), 'GET', '/v1/workspaces', { credential }), 403, 'forbidden')
    expectProblem(await ask(server(), 'POST', '/v1/workspaces', { body, credential: null }), 401, 'unauthenticated')
  })

  test('that are asked for wrongly are refused with every fault and its place', async () => {
    const refused = expectProblem(
      await ask(server(), 'POST', '/v1/workspaces', { body: { name: ' ', slug: 'Not A Slug', size: 3 } }),
      422,
      'invalid_request',
    )
    const errors = refused.errors as { path: string; message: string }[]
    expect(errors.map(({ path }) => path).sort()).toEqual(['/name', '/size', '/slug'])
    for (const { message } of errors) expect(message).not.toBe('')
  })
})

describe('API keys', () => {
  test('are made, listed without secrets, rotated and revoked', async () => {
    const place = await Place.make(server())
    const body = { name: 'CRM sync', permissions: ['events:read', 'pii:read'], duration_days: 30 }
    const made = await place.ask('POST', '/api-keys', { body })
    expect(made.status).toBe(201)
    const { key_id, api_key, expires_at } = made.json as Record<string, string>
    expect(made.json).toMatchObject({ name: body.name, permissions: body.permissions })
    expect(api_key).toMatch(new RegExp(`^sb_${key_id}_[A-Za-z0-9]{32,}$`))
    const days = (Date.parse(String(expires_at)) - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(29.9)
    expect(days).toBeLessThanOrEqual(30)
    // A subprotocol is a token of RFC 6455, which is one of RFC 9110.
    expect(api_key).toMatch(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/)

    const list = await place.ask('GET', '/api-keys')
    expect(list.status).toBe(200)
    expect(list.json.items).toEqual([
      { key_id, name: body.name, permissions: body.permissions, expires_at, created_at: expect.any(String) },
    ])
    expect(list.text).not.toContain(String(api_key).slice(-20))

    const rotated = await place.ask('POST', `/api-keys/${key_id}/rotate`)
    expect(rotated.status).toBe(200)
    expect(rotated.json).toMatchObject({ key_id, name: body.name, permissions: body.permissions, expires_at })
    const fresh = String(rotated.json.api_key)
    expect(fresh).not.toBe(api_key)
    expectProblem(await place.ask('GET', '/events', { credential: String(api_key) }), 401, 'credential_revoked')
    expect((await place.ask('GET', '/events', { credential: fresh })).status).toBe(200)

    const revoked = await place.ask('DELETE', `/api-keys/${key_id}`)
    expect([revoked.status, revoked.text]).toEqual([204, ''])
    expectProblem(await place.ask('GET', '/events', { credential: fresh }), 401, 'credential_revoked')
    expect((await place.ask('GET', '/api-keys')).json.items).toEqual([])
    expectProblem(await place.ask('DELETE', `/api-keys/${key_id}`), 404, 'not_found')
    expectProblem(await place.ask('POST', `/api-keys/${key_id}/rotate`), 404, 'not_found')
  })

  test('are rotated and revoked without a body, also by clients that name a content type with every request', async () => {
    const place = await Place.make(server())
    const { key_id } = await place.key(['events:read'])
    const headers = { 'content-type': 'application/json' }
    expect((await place.ask('POST', `/api-keys/${key_id}/rotate`, { headers })).status).toBe(200)
    expect((await place.ask('DELETE', `/api-keys/${key_id}`, { headers })).status).toBe(204)
    expectProblem(await place.ask('POST', '/api-keys', { headers }), 400, 'invalid_json')
  })

  test('without a duration never expire, and a list of them has pages', async () => {
    const place = await Place.make(server())
    const ids: string[] = []
    for (let count = 0; count < 3; count++) ids.push((await place.key(['events:read'])).key_id)
    const first = await place.ask('GET', '/api-keys?limit=2')
    expect(first.json).toMatchObject({ has_more: true, continuation_token: expect.any(String) })
    const rest = await place.ask('GET', `/api-keys?limit=2&continuation_token=${first.json.continuation_token}`)
    expect(rest.json).toMatchObject({ has_more: false, continuation_token: null })
    const items = [...(first.json.items as object[]), ...(rest.json.items as object[])]
    expect(items).toEqual(ids.map((key_id) => expect.objectContaining({ key_id, expires_at: null })))
    for (const limit of ['0', '101', 'ten', '-1', '1.5']) {
      expectProblem(await place.ask('GET', `/api-keys?limit=${limit}`), 400, 'invalid_parameter')
    }
  })

  test('cannot grant what they lack, and wrong ones are refused with the place', async () => {
    const place = await Place.make(server())
    const { api_key: credential } = await place.key(['keys:manage', 'events:read'])
    const wider = { name: 'wider', permissions: ['events:read', 'pii:read'] }
    const refused = expectProblem(await place.ask('POST', '/api-keys', { body: wider, credential }), 403, 'forbidden')
    expect(refused.detail).toContain('pii:read')
    // Nor by rotating a wider one, whose new secret would come with it.
    const strong = await place.key(ALL)
    expectProblem(await place.ask('POST', `/api-keys/${strong.key_id}/rotate`, { credential }), 403, 'forbidden')
    for (const [body, path] of [
      [{ permissions: ['events:read'] }, '/name'],
      [{ name: 'x', permissions: ['events:raed'] }, '/permissions/0'],
      [{ name: 'x', permissions: [] }, '/permissions'],
      [{ name: 'x', permissions: ['events:read'], duration_days: 0 }, '/duration_days'],
    ] as const) {
      const { errors } = expectProblem(await place.ask('POST', '/api-keys', { body }), 422, 'invalid_request')
      expect(errors).toEqual([{ path, message: expect.stringMatching(/./) }])
    }
  })

  test('of one workspace neither see nor touch those of another', async () => {
    const [mine, theirs] = [await Place.make(server()), await Place.make(server())]
    const { api_key: credential } = await mine.key(ALL)
    const { key_id } = await theirs.key(['events:read'])
    expectProblem(await mine.ask('DELETE', `/api-keys/${key_id}`, { credential }), 404, 'not_found')
    expectProblem(await theirs.ask('DELETE', `/api-keys/${key_id}`, { credential }), 403, 'forbidden')
  })
})

describe('access tokens', () => {
  test('are signed JWTs, limited to permissions, calls and time', async () => {
    const place = await Place.make(server())
    const { api_key } = await place.key(['calls:observe', 'calls:publish'])
    const [call, other] = [newCall(), newCall()]
    const body = { permissions: ['calls:observe'], call_sids: [call], ttl_seconds: 3600 }
    const made = await place.ask('POST', '/access-tokens', { body, credential: api_key })
    expect(made.status).toBe(201)
    const token = String(made.json.access_token)
    expect(token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    const seconds = (Date.parse(String(made.json.expires_at)) - Date.now()) / 1000
    expect(seconds).toBeGreaterThan(3500)
    expect(seconds).toBeLessThanOrEqual(3600)
    for (const sid of [call, other]) await place.say(sample.userSaid('hello'), sid)
    expect((await place.ask('GET', `/calls/${call}/events`, { credential: token })).status).toBe(200)
    expectProblem(await place.ask('GET', `/calls/${other}/events`, { credential: token }), 403, 'forbidden')
    expectProblem(await place.ask('GET', '/events', { credential: token }), 403, 'forbidden')
    const elsewhere = await Watching.open(place, other, { credential: token })
    expect(await elsewhere.over()).toMatchObject({ code: 4403, reason: expect.stringMatching(/^forbidden/) })
  })

  test('are never wider than the key that asked, never longer than an hour, and beget no others', async () => {
    const place = await Place.make(server())
    const { api_key: credential } = await place.key(['events:read'])
    const wide = await place.ask('POST', '/access-tokens', {
      body: { permissions: ['events:read', 'pii:read'] },
      credential,
    })
    expect(expectProblem(wide, 403, 'forbidden').detail).toContain('pii:read')
    for (const ttl_seconds of [3601, 0, -1, '60']) {
      const asked = { body: { permissions: ['events:read'], ttl_seconds }, credential }
      const { errors } = expectProblem(await place.ask('POST', '/access-tokens', asked), 422, 'invalid_request')
      expect(errors).toEqual([{ path: '/ttl_seconds', message: expect.any(String) }])
    }
    const token = await place.token(['events:read'], {}, credential)
    const again = { body: { permissions: ['events:read'] }, credential: token }
    expectProblem(await place.ask('POST', '/access-tokens', again), 403, 'forbidden')
  })

  test('open a stream from the query, for an EventSource; an API key there is a 401 that says so', async () => {
    const place = await Place.make(server())
    const { api_key, key_id } = await place.key(['events:read'])
    const token = await place.token(['events:read'], {}, api_key)
    const listening = await Listening.open(place, { credential: null, query: `access_token=${token}` })
    await listening.first('stream.opened')
    for (const credential of [api_key, server().adminKey]) {
      const answer = await place.ask('GET', `/events/stream?access_token=${credential}`, { credential: null })
      const { detail } = expectProblem(answer, 401, 'unauthenticated')
      expect(answer.text).not.toContain(credential)
      if (credential === api_key) expect(detail).toMatch(/API key/i)
    }
    // It is the stream's alone: no other route reads a credential from the address.
    const elsewhere = await place.ask('GET', `/events?access_token=${token}`, { credential: null })
    expect(elsewhere.status).toBe(401)
    expect(elsewhere.text).not.toContain(token)
    // And it dies with its key.
    await place.ask('DELETE', `/api-keys/${key_id}`)
    const dead = await place.ask('GET', `/events/stream?access_token=${token}`, { credential: null })
    expectProblem(dead, 401, 'credential_revoked')
  })

  test('that are forged, unsigned or of another kind are refused', async () => {
    const place = await Place.make(server())
    const token = await place.token(['events:read'])
    const [head, claims, signature] = token.split('.') as [string, string, string]
    const wider = { ...JSON.parse(Buffer.from(claims, 'base64url').toString()), permissions: ALL }
    const body = Buffer.from(JSON.stringify(wider)).toString('base64url')
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
    for (const credential of [`${head}.${body}.${signature}`, `${none}.${body}.`, `${head}.${claims}.`]) {
      expectProblem(await place.ask('GET', '/events', { credential }), 401, 'unauthenticated')
    }
  })

  test('that expire end their streams: SSE with credential_expired, a WebSocket with 4100, and not before', async () => {
    const place = await Place.make(server())
    const call = newCall()
    await place.say(sample.userSaid('hello'), call)
    const made = await place.ask('POST', '/access-tokens', {
      body: { permissions: ['events:read', 'calls:observe'], ttl_seconds: 2 },
    })
    const credential = String(made.json.access_token)
    const expires = Date.parse(String(made.json.expires_at))
    const listening = await Listening.open(place, { credential })
    const watching = await Watching.open(place, call, { credential })
    const closed = watching.over().then((how) => ({ ...how, time: Date.now() }))
    await listening.over()
    const ended = Date.now()
    expect(ended).toBeGreaterThanOrEqual(expires)
    expect(ended).toBeLessThan(expires + 2000)
    expect(listening.frames.at(-1)).toMatchObject({ type: 'error', data: { code: 'credential_expired' } })
    const how = await closed
    expect(how).toMatchObject({ code: 4100, reason: expect.stringMatching(/^credential_expired/) })
    expect(how.time).toBeGreaterThanOrEqual(expires)
    expectProblem(await place.ask('GET', '/events', { credential }), 401, 'credential_expired')
  })
})

test('revoking a key ends its streams and those of its tokens within 2 seconds, and nobody else’s', async () => {
  const place = await Place.make(server())
  const call = newCall()
  await place.say(sample.userSaid('hello'), call)
  for (const how of ['revoke', 'rotate'] as const) {
    const { key_id, api_key } = await place.key(['events:read', 'calls:observe'])
    const token = await place.token(['events:read', 'calls:observe'], {}, api_key)
    const bystander = await Listening.open(place)
    const streams = [
      await Listening.open(place, { credential: api_key }),
      await Listening.open(place, { credential: null, query: `access_token=${token}` }),
    ]
    const observers = [
      await Watching.open(place, call, { credential: api_key }),
      await Watching.open(place, call, { credential: token }),
    ]
    for (const stream of streams) await stream.first('stream.opened')
    for (const observer of observers) await observer.first('session_info')
    const at = performance.now()
    if (how === 'revoke') await place.ask('DELETE', `/api-keys/${key_id}`)
    else await place.ask('POST', `/api-keys/${key_id}/rotate`)
    for (const stream of streams) {
      await stream.over(2000)
      expect(stream.endedAt - at).toBeLessThan(2000)
      const last = stream.frames.at(-1)
      expect(last).toMatchObject({ type: 'error', data: { code: 'credential_revoked' } })
      expect(stream.text.split('event: error')[1]).not.toMatch(/^id:/m)
    }
    for (const observer of observers) {
      const closed = await observer.over()
      expect(closed).toMatchObject({ code: 4100, reason: expect.stringMatching(/^credential_revoked/) })
      expect(closed.at - at).toBeLessThan(2000)
    }
    expect(bystander.ended).toBe(false)
    bystander.close()
  }
})

describe('every route asks for its permission', () => {
  const CALL = 'CA000000000000000000000000000000aa'
  const routes: readonly [method: string, path: string, needs: Permission, body?: unknown][] = [
    ['POST', '/events', 'events:write', {}],
    ['GET', '/events', 'events:read'],
    ['HEAD', '/events/stream', 'events:read'],
    ['GET', '/event-types', 'events:read'],
    ['POST', `/calls/${CALL}/events`, 'calls:publish', {}],
    ['GET', `/calls/${CALL}/events`, 'calls:observe'],
    ['GET', '/calls', 'events:read'],
    ['GET', `/calls/${CALL}`, 'events:read'],
    ['GET', '/operators', 'events:read'],
    ['GET', '/surfaces', 'events:read'],
    ['GET', '/pipeline/sources', 'events:read'],
    ['GET', '/state', 'events:read'],
    ['GET', '/api-keys', 'keys:manage'],
    ['POST', '/api-keys', 'keys:manage', {}],
    ['DELETE', '/api-keys/abc', 'keys:manage'],
    ['POST', '/api-keys/abc/rotate', 'keys:manage'],
  ]

  test('and no other will do, nor a credential of elsewhere, nor none', async () => {
    const [place, elsewhere] = [await Place.make(server()), await Place.make(server())]
    const foreign = (await elsewhere.key(ALL)).api_key
    for (const needed of new Set(routes.map(([, , needs]) => needs))) {
      const enough = (await place.key([needed])).api_key
      const allOthers = (await place.key(ALL.filter((each) => each !== needed))).api_key
      for (const [method, path, needs, body] of routes) {
        if (needs !== needed) continue
        const what = `${method} ${path}`
        const status = async (credential: string | null): Promise<number> => {
          const asked: Asked = { credential, ...(body === undefined ? {} : { body }) }
          const answer = await place.ask(method, path, asked)
          expect(answer.headers.get('x-request-id'), what).toMatch(/./)
          return answer.status
        }
        // Past the guard: what is then said of the body or of a call that is not known is another matter.
        expect([401, 403], what).not.toContain(await status(enough))
        expect(await status(allOthers), what).toBe(403)
        expect(await status(foreign), what).toBe(403)
        expect(await status(`${enough.slice(0, -1)}!`), what).toBe(401)
      }
    }
    for (const [method, path, , body] of routes) {
      const answer = await place.ask(method, path, { credential: null, ...(body === undefined ? {} : { body }) })
      expect(answer.status, `${method} ${path}`).toBe(401)
      expect(answer.headers.get('www-authenticate'), `${method} ${path}`).toMatch(/^Bearer/)
    }
  }, 60_000)

  test('a 403 does not tell whether the workspace exists', async () => {
    const [mine, theirs] = [await Place.make(server()), await Place.make(server())]
    const { api_key: credential } = await mine.key(ALL)
    for (const path of ['/events', '/state', '/api-keys', `/calls/${newCall()}`]) {
      const [real, none] = await Promise.all(
        [theirs.id, NOWHERE].map((id) => ask(server(), 'GET', `/v1/${id}${path}`, { credential })),
      )
      const { request_id: _one, ...told } = real?.json ?? {}
      const { request_id: _other, ...untold } = none?.json ?? {}
      expect([real?.status, told]).toEqual([403, untold])
      const names = (answer: typeof real) => [...(answer?.headers.keys() ?? [])].sort()
      expect(names(real)).toEqual(names(none))
    }
    // The admin key, which may see them all, is told.
    expectProblem(await ask(server(), 'GET', `/v1/${NOWHERE}/events`), 404, 'not_found')
  })
})

describe('personal data without pii:read arrives masked, with its type kept', () => {
  test('live, in replay, in history, in state and on the observer alike', async () => {
    const place = await Place.make(server())
    const permissions = ['events:read', 'calls:observe']
    const masked = (await place.key(permissions)).api_key
    const plain = (await place.key([...permissions, 'pii:read'])).api_key
    const call = newCall()
    const secrets = ['+15550188', 'canary words', 'canary input', 'canary output', 'canary reason', '+15550199']
    const live = await Listening.open(place, { credential: masked })
    await live.first('stream.opened')

    await place.publish([
      sample.started(call, { caller_id: secrets[0] }),
      {
        event_type: 'call.escalated',
        call_sid: call,
        escalation_id: 'esc_1',
        trigger: 'caller',
        reason: secrets[4],
      },
      {
        event_type: 'operator.profile_updated',
        operator_id: 'op_1',
        changes: { phone_number: secrets[5], extension: null },
      },
    ])
    const watchingLive = await Watching.open(place, call, { credential: masked })
    await watchingLive.first('session_info')
    await place.publish(
      [
        sample.userSaid(String(secrets[1])),
        { type: 'tool_call_started', tool_name: 'find', call_id: 'tc_1', tool_input: { text: secrets[2], count: 4 } },
        { type: 'tool_call_completed', tool_name: 'find', call_id: 'tc_1', output: secrets[3], succeeded: true },
      ],
      call,
    )

    const replay = await Listening.open(place, { credential: masked, query: 'since=1h' })
    const expected = [
      { caller_id: expect.any(String), direction: 'inbound', call_sid: call },
      { reason: expect.any(String), trigger: 'caller' },
      { changes: { phone_number: expect.any(String), extension: null } },
    ]
    expect((await live.events(3)).map(({ data }) => data)).toMatchObject(expected)
    expect((await replay.events(3)).map(({ data }) => data)).toEqual(live.seen.map(({ data }) => data))
    const watchingAgain = await Watching.open(place, call, { credential: masked, query: 'history=all' })
    const three = (messages: readonly object[]) => messages.length >= 4
    await watchingLive.until('three events', three)
    await watchingAgain.first('session_live')
    expect(watchingLive.messages.slice(1)).toEqual(watchingAgain.messages.slice(1, 4))
    expect(watchingLive.messages).toMatchObject([
      { type: 'session_info', caller_id: expect.any(String) },
      { transcript: expect.any(String), state: 'greeting', speaker_role: 'caller' },
      { tool_name: 'find', tool_input: expect.any(Object), input: expect.any(Object) },
      { tool_name: 'find', output: expect.any(String), succeeded: true },
    ])
    const said: string[] = [live.text, replay.text, JSON.stringify([watchingLive.messages, watchingAgain.messages])]
    for (const path of [
      '/events',
      `/calls/${call}/events`,
      '/state',
      '/calls',
      `/calls/${call}`,
      '/operators',
      '/surfaces',
    ]) {
      const answer = await place.ask('GET', path, { credential: masked })
      expect(answer.status, path).toBe(200)
      said.push(answer.text)
    }
    for (const secret of secrets) for (const text of said) expect(text).not.toContain(secret)

    // A credential that may see it does, everywhere.
    const open = await Listening.open(place, { credential: plain, query: 'since=1h' })
    expect((await open.events(3))[0]?.data.caller_id).toBe(secrets[0])
    expect((await place.ask('GET', '/operators', { credential: plain })).text).toContain(secrets[5])
    const watchingPlain = await Watching.open(place, call, { credential: plain, query: 'history=all' })
    await watchingPlain.first('session_live')
    expect(watchingPlain.messages).toMatchObject([
      { caller_id: secrets[0] },
      { transcript: secrets[1] },
      { tool_input: { text: secrets[2], count: 4 } },
      { output: secrets[3] },
      { type: 'session_live' },
    ])
  })

  test('and a filter cannot be used to guess it', async () => {
    const place = await Place.make(server())
    const { api_key: credential } = await place.key(['events:read'])
    for (const query of ['caller_id=%2B15550100', 'transcript=hello']) {
      expectProblem(await place.ask('GET', `/events/stream?${query}`, { credential }), 400, 'invalid_parameter')
    }
  })
})
