import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Attacker, longestWait, risenBy } from '../../attacker.js'
import { type Json, TestServer, until } from '../../kit.js'

const ALL = ['events:read', 'events:write', 'calls:observe', 'calls:publish', 'pii:read', 'keys:manage']
const NOWHERE = '01890000-0000-7000-8000-000000000000'
const CALL = 'CA00112233445566778899aabbccddeeff'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

const sync = (count = 1): Json => ({
  event_type: 'pipeline.sync_completed',
  data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05',
  event_count: count,
  duration_ms: 1,
})

let server: TestServer
let attacker: Attacker
/** A key that may do everything, in the workspace that is attacked. */
let key = { key_id: '', api_key: '' }
/** The attacker's own workspace. */
let own = { workspace: '', key: '', token: '' }
const ends: (() => Promise<void>)[] = []

beforeAll(async () => {
  server = await TestServer.start({
    env: { SWITCHBOARD_LOG_LEVEL: 'trace', SWITCHBOARD_ALLOWED_ORIGINS: 'https://good.example' },
    onEnd: (end) => ends.push(end),
  })
  attacker = new Attacker(server)
  key = await server.key(ALL)
  await server.publish([
    { event_type: 'call.started', call_sid: CALL, direction: 'inbound', service_id: 'main', caller_id: '+15550142' },
  ])
  const { id } = await server.request('POST', '/v1/workspaces', { name: 'Elsewhere', slug: 'elsewhere' })
  const workspace = String(id)
  const { api_key } = await server.request('POST', `/v1/${workspace}/api-keys`, { name: 'own', permissions: ALL })
  const asked = { permissions: ['events:read', 'calls:observe'], call_sids: [CALL] }
  const { access_token } = await server.request('POST', `/v1/${workspace}/access-tokens`, asked, String(api_key))
  own = { workspace, key: String(api_key), token: String(access_token) }
})

afterAll(async () => {
  for (const end of ends) await end()
})

const handshake = (headers = '', path = `/v1/${server.workspace}/observers/${CALL}/ws`): string =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}\r\n`
const bearer = (): string => `Authorization: Bearer ${key.api_key}\r\n`
const stream = (): string => `GET /v1/${server.workspace}/events/stream HTTP/1.1\r\nHost: x\r\n${bearer()}\r\n`
const post = (path: string, headers: string): string =>
  `POST /v1/${server.workspace}${path} HTTP/1.1\r\nHost: x\r\n${bearer()}${headers}\r\n`

describe('the attacker, with credentials of another workspace,', () => {
  test('is told the same of a workspace that exists and of one that does not, on every route', async () => {
    const routes: [string, string, unknown?][] = [
      ['GET', ''],
      ['POST', '/events', sync()],
      ['GET', '/events'],
      ['GET', '/events/stream'],
      ['HEAD', '/events/stream'],
      ['GET', '/event-types'],
      ['POST', `/calls/${CALL}/events`, { type: 'session_end' }],
      ['GET', `/calls/${CALL}/events`],
      ['GET', `/calls/${CALL}`],
      ['GET', '/calls'],
      ['GET', '/state'],
      ['GET', '/operators'],
      ['GET', '/surfaces'],
      ['GET', '/pipeline/sources'],
      ['GET', '/api-keys'],
      ['POST', '/api-keys', { name: 'x', permissions: ['events:read'] }],
      ['DELETE', `/api-keys/${key.key_id}`],
      ['POST', `/api-keys/${key.key_id}/rotate`],
      ['POST', '/access-tokens', { permissions: ['events:read'] }],
      ['PUT', '/sources/twilio/secret', { auth_token: 'x'.repeat(32) }],
      ['GET', '/sources/twilio/secret'],
      ['DELETE', '/sources/twilio/secret'],
      ['POST', '/sources/twilio', undefined],
    ]
    const told = async (workspace: string, [method, path, body]: (typeof routes)[number], credential?: string) => {
      const form = path === '/sources/twilio'
      const answer = await attacker.asks(method, `/v1/${workspace}${path}`, {
        credential,
        body: form ? 'CallSid=CA1' : body,
        ...(form && { headers: FORM }),
      })
      const headers = [...answer.headers].filter(([name]) => name !== 'date' && name !== 'x-request-id')
      const { request_id, ...rest } = answer.json
      return { status: answer.status, headers, rest }
    }
    for (const route of routes) {
      for (const credential of [own.key, own.token, undefined]) {
        const there = await told(server.workspace, route, credential)
        expect(there, route.join(' ')).toEqual(await told(NOWHERE, route, credential))
        expect([401, 403], route.join(' ')).toContain(there.status)
      }
    }
    for (const credential of [own.key, own.token]) {
      const { code, heard } = await attacker.observes(`/v1/${server.workspace}/observers/${CALL}/ws`, credential)
      expect([code, heard]).toEqual([4403, ''])
    }
  })

  test('reads nothing with positions and keys that are taken from there', async () => {
    const [position] = await server.publish([sync(99)])
    for (const query of [`after=${position}`, `continuation_token=${position}`, `after=0`]) {
      const answer = await attacker.asks('GET', `/v1/${own.workspace}/events?${query}`, { credential: own.key })
      expect(answer.json.items).toEqual([])
    }
    const headers = { 'idempotency-key': 'shared' }
    const theirs = { credential: key.api_key, body: sync(98), headers }
    expect((await attacker.asks('POST', `/v1/${server.workspace}/events`, theirs)).status).toBe(201)
    const mine = await attacker.asks('POST', `/v1/${own.workspace}/events`, {
      credential: own.key,
      body: sync(97),
      headers,
    })
    expect([mine.status, mine.headers.get('idempotent-replayed')]).toEqual([201, null])
  })

  test('cannot make a token of its own, or make one say something else', async () => {
    const [head = '', body = '', signature = ''] = own.token.split('.')
    const claims: Json = JSON.parse(Buffer.from(body, 'base64url').toString())
    const part = (value: Json) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const signed = (header: Json, secret: string) => {
      const text = `${part(header)}.${part({ ...claims, ws: server.workspace })}`
      return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
    }
    const forged = [
      `${part({ alg: 'none', typ: 'at+jwt' })}.${part({ ...claims, ws: server.workspace })}.`,
      `${part({ alg: 'none', typ: 'at+jwt' })}.${body}.${signature}`,
      `${head}.${part({ ...claims, ws: server.workspace })}.${signature}`,
      `${head}.${part({ ...claims, call_sids: undefined })}.${signature}`,
      signed({ alg: 'HS256', typ: 'at+jwt' }, ''),
      signed({ alg: 'HS256', typ: 'at+jwt', jwk: { kty: 'oct', k: 'YQ' } }, 'a'),
      `${own.token}==`,
      `${own.token}${'a'.repeat(5000)}`,
    ]
    for (const credential of forged) {
      for (const workspace of [server.workspace, own.workspace]) {
        const answer = await attacker.asks('GET', `/v1/${workspace}/events`, { credential })
        expect([answer.status, answer.json.code]).toEqual([401, 'unauthenticated'])
      }
    }
    // A true one goes no further than what it was made for.
    const further: [string, string, unknown?][] = [
      ['POST', `/v1/${own.workspace}/events`, sync()],
      ['GET', `/v1/${own.workspace}/calls/CA2/events`],
      ['GET', `/v1/${own.workspace}/api-keys`],
      ['POST', `/v1/${own.workspace}/access-tokens`, { permissions: ['events:read'] }],
      ['GET', '/v1/workspaces'],
    ]
    for (const [method, path, asked] of further) {
      expect((await attacker.asks(method, path, { credential: own.token, body: asked })).status, path).toBe(403)
    }
  })
})

describe('a stolen key', () => {
  const bodies: [string, string, string, string][] = [
    ['publishes nothing more', '/events', 'application/json', JSON.stringify(sync(666))],
    ['publishes no further line', '/events', 'application/x-ndjson', `${JSON.stringify(sync(666))}\n`],
    ['makes itself no other key', '/api-keys', 'application/json', '{"name":"mine","permissions":["events:read"]}'],
    ['signs itself no token', '/access-tokens', 'application/json', '{"permissions":["events:read"]}'],
  ]
  test.each(bodies)('%s with a request that it began before it was revoked (%s, %s)', async (_, path, type, body) => {
    const stolen = await server.key(ALL)
    const connection = attacker.connects()
    connection.send(
      `POST /v1/${server.workspace}${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${stolen.api_key}\r\nContent-Type: ${type}\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`,
    )
    // The server has looked at the key and waits for the body.
    await until('the server to wait for the body', () => connection.statuses.includes(100) || undefined)
    connection.send(body.slice(0, 10))
    await server.request('DELETE', `/v1/${server.workspace}/api-keys/${stolen.key_id}`)
    connection.send(body.slice(10))
    await until('the answer', () => connection.statuses.length === 2 || undefined)
    expect(connection.statuses).toEqual([100, 401])
    expect(connection.text).toContain('credential_revoked')
    const history = await attacker.asks('GET', `/v1/${server.workspace}/events?limit=1000`, {
      credential: server.adminKey,
    })
    expect(history.text).not.toContain('"event_count":666')
  })

  test('that may not publish cannot set the secret by which Twilio publishes, and a token can never', async () => {
    const path = `/v1/${server.workspace}/sources/twilio/secret`
    const body = { auth_token: 'x'.repeat(32) }
    const narrow = await server.key(['keys:manage'])
    expect((await attacker.asks('PUT', path, { credential: narrow.api_key, body })).status).toBe(403)
    const asked = { permissions: ALL }
    const { access_token } = await server.request('POST', `/v1/${server.workspace}/access-tokens`, asked, key.api_key)
    expect((await attacker.asks('PUT', path, { credential: String(access_token), body })).status).toBe(403)
    expect((await attacker.asks('GET', path, { credential: key.api_key })).json.is_set).toBe(false)
  })
})

describe('nobody else notices', () => {
  test('a body that comes in a million chunks of one byte', async () => {
    for (const type of ['application/json', 'application/x-ndjson']) {
      const risen = await risenBy(server, async () => {
        const connection = attacker.connects()
        connection.send(post('/events', `Content-Type: ${type}\r\nTransfer-Encoding: chunked\r\n`))
        await connection.floods('1\r\n \r\n'.repeat(10_000), 100)
        connection.send('0\r\n\r\n')
        await until('the answer', () => connection.statuses.length === 1 || undefined)
      })
      expect(risen, type).toBeLessThan(96)
    }
  })

  test('callbacks without a signature, however large and however full of names', async () => {
    const names = (bytes: number) =>
      Array.from({ length: bytes / 5 }, (_, index) => (index + 40_000).toString(36).padStart(4, '0')).join('&')
    const path = `/v1/${server.workspace}/sources/twilio`
    const wait = await longestWait(server, async () => {
      const answer = await attacker.asks('POST', path, { body: names(60_000), headers: FORM })
      expect(answer.status).toBe(403)
      const declared = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${FORM['content-type']}\r\nContent-Length: 5000000\r\n\r\n`
      expect((await attacker.sends(declared)).statuses).toEqual([413])
    })
    expect(wait).toBeLessThan(500)
  })

  test.each([['without a credential'], ['with one']])('a WebSocket that never stops talking, %s', async (who) => {
    const wait = await longestWait(server, async () => {
      const connection = attacker.connects()
      connection.send(handshake(who === 'with one' ? bearer() : ''))
      await until('the handshake', () => connection.statuses.includes(101) || undefined)
      await connection.floods('\x81\x80\0\0\0\0'.repeat(10_000), 50)
      await until('the end', () => connection.isOver || undefined)
    })
    expect(wait).toBeLessThan(1000)
  })

  test('a hundred readers who replay everything with a filter that lets nothing through', async () => {
    const error = { event_type: 'pipeline.error', data_source_id: 'a', error: 'x'.repeat(8000) }
    const body = { events: Array.from({ length: 500 }, () => error) }
    for (let batch = 0; batch < 4; batch++) {
      await server.request('POST', `/v1/${own.workspace}/events`, body, own.key)
    }
    const replay = `GET /v1/${own.workspace}/events/stream?since=1d&call_sid=nobody HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${own.key}\r\n\r\n`
    const wait = await longestWait(server, async () => {
      const readers = Array.from({ length: 100 }, () => attacker.connects())
      for (const reader of readers) reader.send(replay)
      await until('all to begin', () => readers.every(({ text }) => text.includes('stream.opened')) || undefined)
      await server.publish([sync(2)])
      for (const reader of readers) reader.socket.destroy()
      await server.streamsOpen('workspace', 0)
    })
    expect(wait).toBeLessThan(1000)
  })

  test('that the process was stopped and went on', async () => {
    const connection = attacker.connects()
    connection.send(stream())
    await until('the stream', () => connection.text.includes('stream.opened') || undefined)
    process.kill(server.pid, 'SIGSTOP')
    const published = server.publish([sync(4711)])
    process.kill(server.pid, 'SIGCONT')
    await published
    await until('the event', () => connection.text.includes('"event_count":4711') || undefined)
    expect(connection.isOver).toBe(false)
  })
})

describe('on a raw socket', () => {
  const body = JSON.stringify(sync(13))
  const json = 'Content-Type: application/json\r\n'
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`

  test('a request whose length can be read in two ways is refused, and the connection ends', async () => {
    const variants = [
      post('/events', `${json}Content-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n`) + chunked,
      post('/events', `${json}Content-Length: 3\r\nContent-Length: ${body.length}\r\n`) + body,
      post('/events', `${json}Content-Length: ${body.length}, ${body.length}\r\n`) + body,
      post('/events', `${json}Content-Length: +${body.length}\r\n`) + body,
      post('/events', `${json}Content-Length: 0x10\r\n`) + body,
      post('/events', `${json}Transfer-Encoding: xchunked\r\n`) + chunked,
      post('/events', `${json}Transfer-Encoding: chunked, identity\r\n`) + chunked,
      post('/events', `${json}Transfer-Encoding : chunked\r\n`) + chunked,
      post('/events', `${json}Content-Length: ${body.length}\r\n`).replaceAll('\r\n', '\n') + body,
      'GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n',
      'GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\rX-B: c\r\n\r\n',
      'GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\0c\r\n\r\n',
    ]
    for (const variant of variants) {
      const { statuses, isOver } = await attacker.sends(variant)
      expect([statuses, isOver], JSON.stringify(variant.slice(0, 300))).toEqual([[400], true])
    }
  })

  test('an offer of another protocol cannot hide where a request ends', async () => {
    const inner = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
    const offer = `${json}Connection: Upgrade\r\nUpgrade: h2c\r\n${'a:b\r\n'.repeat(2100)}Content-Length: ${inner.length}\r\n`
    const { statuses } = await attacker.sends(post('/events', offer) + inner, 1)
    expect(statuses).toEqual([400])
    // The next answer on the connection is to the next request, and nothing came before it.
    const connection = await attacker.sends(post('/events', offer) + inner, 1)
    connection.send('GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await until('the end', () => connection.isOver || undefined)
    expect(connection.statuses).toEqual([400, 200])
    expect(connection.text).toContain('"ready"')
    expect(connection.text).not.toContain('"status":"ok"')
  })

  test('another protocol never begins in the middle of an answer', async () => {
    const published = post('/events', `${json}Content-Length: ${body.length}\r\n`) + body
    for (const first of [stream(), published]) {
      for (const second of [handshake(bearer()), handshake().replace('websocket', 'h2c')]) {
        const { statuses, isOver } = await attacker.sends(first + second)
        expect(isOver).toBe(true)
        expect(statuses).not.toContain(101)
      }
    }
  })

  test('what is no HTTP, after a stream has begun, ends the stream and adds nothing to it', async () => {
    const connection = attacker.connects()
    connection.send(stream())
    await until('the stream', () => connection.text.includes('stream.opened') || undefined)
    connection.send('GARBAGE\r\n\r\n')
    await until('the end', () => connection.isOver || undefined)
    expect(connection.statuses).toEqual([200])
    await server.streamsOpen('workspace', 0)
  })

  test('a request with two hosts, or none, is refused', async () => {
    const body = JSON.stringify(sync())
    const length = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    for (const hosts of ['Host: a\r\nHost: b\r\n', 'Host: a\r\nhOST: a\r\n', '']) {
      for (const request of [
        `GET /healthz HTTP/1.1\r\n${hosts}\r\n`,
        `GET /v1/${server.workspace}/events/stream HTTP/1.1\r\n${hosts}${bearer()}\r\n`,
        `POST /v1/${server.workspace}/events HTTP/1.1\r\n${hosts}${bearer()}${length}`,
      ]) {
        expect((await attacker.sends(request, 1)).statuses, request).toEqual([400])
      }
    }
  })

  test('odd paths, methods and ids are refused, and are no failure of the server', async () => {
    const odd: [string, string, number][] = [
      ['GET', '/docs/../../../etc/passwd', 404],
      ['GET', '/docs/..%2f..%2fpackage.json', 404],
      ['GET', '/docs/%5c..%5cpackage.json', 404],
      ['GET', '/docs/docs.js%00.html', 404],
      ['GET', '/docs/%c0%ae%c0%ae/x', 400],
      ['GET', '/.git/HEAD', 404],
      ['GET', '/%zz', 400],
      ['GET', '//evil.example/healthz', 404],
      ['GET', `/v1/${'a'.repeat(5000)}/events`, 400],
      ['GET', `/v1/${server.workspace.toUpperCase()}/events`, 403],
      ['GET', `/v1/${server.workspace}%00/events`, 403],
      ['GET', '/v1/__proto__/events', 403],
      ['TRACE', '/healthz', 405],
      ['PROPFIND', `/v1/${server.workspace}/events`, 405],
      ['GET', `/v1/${server.workspace}/calls?continuation_token=${'_'.repeat(512)}`, 400],
      ['GET', `/v1/${server.workspace}/events?after=1-999999999999999`, 200],
      ['GET', `/v1/${server.workspace}/events?after=999999999999999`, 200],
    ]
    for (const [method, path, status] of odd) {
      const request = `${method} ${path} HTTP/1.1\r\nHost: x\r\n${bearer()}X-Canary: tracecanary\r\n\r\n`
      const { statuses, text } = await attacker.sends(request, 1)
      expect(statuses, `${method} ${path.slice(0, 80)}`).toEqual([status])
      expect(text).not.toContain('tracecanary')
    }
    for (const call of ['a'.repeat(3000), '%0d%0aX%00', '..%2f..']) {
      const { code, reason } = await attacker.observes(`/v1/${server.workspace}/observers/${call}/ws`, key.api_key)
      expect([code, reason.split(':')[0]]).toEqual([4001, 'invalid_parameter'])
    }
  })
})

test('a page of another origin is given nothing, however it spells the one that is allowed', async () => {
  const spellings = [
    'https://evil.example',
    'null',
    'https://good.example.evil.example',
    'http://good.example',
    'https://good.example:444',
    'https://GOOD.example',
  ]
  for (const origin of spellings) {
    const preflight = { origin, 'access-control-request-method': 'POST' }
    for (const [method, headers] of [['OPTIONS', preflight] as const, ['GET', { origin }] as const]) {
      const answer = await attacker.asks(method, '/healthz', { headers })
      expect(answer.headers.get('access-control-allow-origin'), origin).toBeNull()
      expect(answer.headers.get('vary')).toContain('Origin')
    }
    const connection = await attacker.sends(handshake(`${bearer()}Origin: ${origin}\r\n`), 1)
    await until('the close frame', () => connection.text.includes('forbidden: the origin') || undefined)
    expect(connection.text).not.toContain('session_info')
  }
})

test('JSON that is a trap is refused in less time than anybody notices', async () => {
  const traps = [
    '['.repeat(1_000_000),
    `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    JSON.stringify(sync()).replace('}', `,"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
    '{"__proto__":{"polluted":1},"event_type":"pipeline.sync_completed"}',
    '{"event_type":"pipeline.sync_completed","constructor":{"prototype":{"polluted":1}}}',
    '{"event_type":"pipeline.sync_completed","event_count":1e999}',
    '{"event_type":"\\ud800"}',
    '{"event_type":"pipeline.error","data_source_id":"a\\u0000b","error":"x"}',
  ]
  const wait = await longestWait(server, async () => {
    for (const body of traps) {
      const { status } = await attacker.asks('POST', `/v1/${server.workspace}/events`, {
        credential: key.api_key,
        body,
      })
      expect([400, 422], body.slice(0, 60)).toContain(status)
    }
  })
  expect(wait).toBeLessThan(500)
})

test('whoever may not see personal data sees none of it, in any type, on any way out', async () => {
  const types = await server.request('GET', `/v1/${server.workspace}/event-types`)
  const planted = (value: unknown): unknown => {
    if (typeof value === 'string') return 'CANARY-personal'
    if (Array.isArray(value)) return value.map(planted)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, planted(member)]))
  }
  for (const type of types.items as { channel: string; example: Json; personal_data: string[] }[]) {
    const { id, ...event } = type.example
    for (const name of type.personal_data) event[name] = planted(event[name])
    await server.publish([event], type.channel === 'workspace' ? undefined : CALL)
  }
  const narrow = await server.key(['events:read', 'calls:observe'])
  const paths = ['state', 'calls', `calls/${CALL}`, 'operators', 'surfaces', 'pipeline/sources']
  let seenByOthers = 0
  for (const path of [...paths, 'events?limit=1000', `calls/${CALL}/events?limit=1000`]) {
    const whole = await attacker.asks('GET', `/v1/${server.workspace}/${path}`, { credential: key.api_key })
    const masked = await attacker.asks('GET', `/v1/${server.workspace}/${path}`, { credential: narrow.api_key })
    seenByOthers += whole.text.split('CANARY').length - 1
    expect([masked.status, masked.text.includes('CANARY')], path).toEqual([200, false])
  }
  expect(seenByOthers).toBeGreaterThan(30)
  const [last] = await server.publish([sync(31337)])
  const connection = attacker.connects()
  connection.send(stream().replace('/stream', '/stream?since=1h').replace(key.api_key, narrow.api_key))
  await until('all of it', () => connection.text.includes(`id: ${last}\n`) || undefined)
  expect(connection.text).not.toContain('CANARY')
  // The call has ended among the examples, so its observer is told everything and then goodbye.
  const path = `/v1/${server.workspace}/observers/${CALL}/ws?history=all`
  expect((await attacker.observes(path, key.api_key)).heard).toContain('CANARY')
  expect((await attacker.observes(path, narrow.api_key)).heard).not.toContain('CANARY')
})

test('after all that, the most talkative log holds no secret, each of its lines is JSON, and nothing failed', async () => {
  const hostile = ['\n{"level":"error"}', '\x1b[31m', '\u202e', '\u2028', '\0', '__proto__']
  for (const text of hostile) {
    const credential = key.api_key
    const body = { ...sync(), [text]: 'CANARY-field' }
    await attacker.asks('POST', `/v1/${server.workspace}/events`, { credential, body })
    await attacker.asks('GET', `/${encodeURIComponent(text)}?${encodeURIComponent(text)}=CANARY-query`)
    await attacker.asks('POST', `/v1/${server.workspace}/api-keys`, {
      credential,
      body: { name: text, permissions: [] },
    })
  }
  await attacker.sends(`GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${key.api_key}\r\n\r\n`, 1)
  const leaked = `GET /v1/${server.workspace}/events/stream?access_token=`
  for (const credential of [key.api_key, own.token, 'CANARY.query.token']) {
    await attacker.sends(`${leaked}${credential} HTTP/1.1\r\nHost: x\r\n\r\n`, 1)
  }
  const metrics = (await attacker.asks('GET', '/metrics')).text
  const secrets = [server.adminKey, key.api_key, own.key, own.token, 'CANARY', '+15550142']
  for (const secret of secrets) {
    expect(server.output.includes(secret)).toBe(false)
    expect(metrics.includes(secret)).toBe(false)
  }
  for (const id of [server.workspace, own.workspace, CALL, key.key_id]) expect(metrics).not.toContain(id)
  // Standard error is for the person who started it, so lines of the log are those that begin as one.
  const lines = server.output.split('\n').filter((line) => line.startsWith('{'))
  expect(lines.length).toBeGreaterThan(100)
  const levels = lines.map((line) => (JSON.parse(line) as { level: string }).level)
  expect(new Set(levels)).not.toContain('fatal')
  expect(levels).not.toContain('error')
  expect(server.output).not.toMatch(/Warning|Unhandled|[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e]/)
  await server.streamsOpen('workspace', 0)
  await server.streamsOpen('observer', 0)
})
