import { EventStreamReader } from '@switchboard/sdk/sse'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Attacker } from '../../attacker.js'
import { type Json, TestServer, until } from '../../kit.js'

const CALL = 'CA00112233445566778899aabbccddeeff'
const SOURCE = 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05'

/** What a frame, a header, a log line or a metric would break on, if it ever stood there as it is. */
const HOSTILE = [
  '\r\n\r\nevent: call.ended\r\ndata: {"forged":true}\r\n\r\n',
  '\n\ndata: forged\n\n',
  '\r\rid: 1-1\r\r',
  '\u2028\u2029\u0085data: forged',
  '\ufeffdata: forged',
  ': comment\nretry: 1\n',
  '\x1b[2J\x07\x7f\x9b',
  '\u202egnp.exe',
  '__proto__',
  'constructor.prototype.polluted',
  '\n{"level":"error","msg":"forged"}\n',
  '"} switchboard_forged_total 1\n',
  `${'x'.repeat(20_000)}\r\ndata: forged`,
]

let server: TestServer
let attacker: Attacker
let key = ''
const ends: (() => Promise<void>)[] = []

beforeAll(async () => {
  server = await TestServer.start({
    env: { SWITCHBOARD_LOG_LEVEL: 'trace', SWITCHBOARD_ALLOWED_ORIGINS: 'https://good.example' },
    onEnd: (end) => ends.push(end),
  })
  attacker = new Attacker(server)
  key = (await server.key(['events:read', 'events:write', 'calls:observe', 'calls:publish', 'pii:read'])).api_key
})

afterAll(async () => {
  for (const end of ends) await end()
})

const failing = (error: string): Json => ({ event_type: 'pipeline.error', data_source_id: SOURCE, error })
const says = (text: string): Json => ({ type: 'transcript', speaker: 'caller', text, is_final: true })

/** Opens a stream by hand and answers with what was in it, once an event of the position has come. */
async function streamed(query: string, last: string, headers = ''): Promise<{ head: string; body: string }> {
  const connection = attacker.connects()
  const head = `Host: x\r\nAuthorization: Bearer ${key}\r\nAccept-Encoding: gzip, br, deflate, zstd\r\n${headers}`
  connection.send(`GET /v1/${server.workspace}/events/stream?${query} HTTP/1.1\r\n${head}\r\n`)
  await until('the last event', () => connection.text.includes(`id: ${last}\n`) || undefined)
  const end = connection.text.indexOf('\r\n\r\n')
  connection.socket.destroy()
  // Chunks have a length of their own, which is no part of what they hold.
  const body = connection.text.slice(end + 4).replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n|\r\n$/g, '')
  return { head: connection.text.slice(0, end), body: Buffer.from(body, 'latin1').toString('utf8') }
}

describe('what an event says', () => {
  test('comes back as it was said, in frames that hold nothing else, and uncompressed', async () => {
    const ids: string[] = []
    for (const text of HOSTILE) ids.push(...(await server.publish([failing(text)])))
    const { head, body } = await streamed('since=1h', ids.at(-1) as string)
    // A secret and a text of the attacker's, compressed together, tell of each other by their length.
    expect(head.toLowerCase()).not.toContain('content-encoding')
    const reader = new EventStreamReader()
    const events = [...reader.push(Buffer.from(body))].filter(({ type }) => !type.startsWith('stream.'))
    expect(events.map(({ type }) => type)).toEqual(HOSTILE.map(() => 'pipeline.error'))
    expect(events.map(({ lastEventId }) => lastEventId)).toEqual(ids)
    expect(events.map(({ data }) => (JSON.parse(data) as Json).error)).toEqual(HOSTILE)
    // A lone carriage return ends a line as well, and a parser of every kind would see it.
    expect(body).not.toContain('\r')
  })

  test('is refused where it would be a name, a type or an id, and the refusal does not steer either', async () => {
    for (const text of [...HOSTILE, 'a\0b', '\0']) {
      const bodies: [string, Json][] = [
        ['events', { event_type: text, data_source_id: SOURCE, error: 'x' }],
        ['events', { event_type: 'call.started', call_sid: text, direction: 'inbound', service_id: 'main' }],
        ['events', { ...failing('x'), [text]: 'x' }],
        [`calls/${encodeURIComponent(text.slice(0, 100))}/events`, says('x')],
      ]
      for (const [path, body] of bodies) {
        const answer = await attacker.asks('POST', `/v1/${server.workspace}/${path}`, { credential: key, body })
        // As an id some are odd and harmless.
        const accepted = /^[\w.:-]+$/.test(text) ? [201] : []
        expect([400, 404, 422, ...accepted], `${path} ${JSON.stringify(body).slice(0, 80)}`).toContain(answer.status)
        expect(answer.text).not.toMatch(/[\0-\x09\x0b-\x1f]/)
        expect(answer.text.length).toBeLessThan(8000)
      }
    }
    // The objects of the process are as they were, and an odd id is an id like others.
    const odd = await attacker.asks('GET', `/v1/${server.workspace}/calls/__proto__`, { credential: key })
    expect(odd.json.call).toMatchObject({ call_sid: '__proto__', status: 'active' })
    expect((await attacker.asks('GET', '/healthz')).json).not.toHaveProperty('polluted')
    expect((await attacker.asks('GET', '/metrics')).text).not.toContain('forged')
  })
})

test('a resume position that is none is no failure, comes back in no header, and takes no longer', async () => {
  const [last] = await server.publish([failing('the last')])
  const garbage = [
    '0-0',
    '-1',
    '1-',
    '-',
    '9'.repeat(400),
    `${'9'.repeat(15)}-${'9'.repeat(15)}`,
    '1e9-1',
    '0x10-1',
    '1-1;drop',
    '%00',
    '\u00e9',
    '__proto__',
    'NaN-NaN',
    'x'.repeat(4000),
    '1-1, 2-2',
    ' 1-1 ',
  ]
  for (const value of garbage) {
    const connection = attacker.connects()
    const head = `Host: x\r\nAuthorization: Bearer ${key}\r\nLast-Event-ID: ${value}`
    const began = performance.now()
    connection.send(`GET /v1/${server.workspace}/events/stream HTTP/1.1\r\n${head}\r\n\r\n`)
    await until('the beginning', () => connection.text.includes('stream.opened') || undefined)
    expect(performance.now() - began, value.slice(0, 30)).toBeLessThan(2000)
    expect(connection.statuses, value.slice(0, 30)).toEqual([200])
    const [answered = ''] = connection.text.split('\r\n\r\n')
    expect(answered).not.toContain(value.length > 3 ? value : 'last-event-id')
    connection.socket.destroy()
  }
  expect(last).toBeDefined()
})

test('a page of another site is given no stream to read, not even with a token in its address', async () => {
  const made = await server.request('POST', `/v1/${server.workspace}/access-tokens`, { permissions: ['events:read'] })
  const path = `/v1/${server.workspace}/events/stream?access_token=${made.access_token}`
  const { access_token: token } = made
  const connection = attacker.connects()
  connection.send(
    `GET ${path} HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n\r\n`,
  )
  await until('an answer', () => connection.text.includes('\r\n\r\n') || undefined)
  // A browser gives a page of another origin nothing of an answer without this header.
  expect(connection.text.toLowerCase()).not.toContain('access-control-allow-origin')
  expect(connection.text.toLowerCase()).not.toContain('access-control-allow-credentials')
  // A cookie is no credential: there is nothing that a browser would add by itself.
  const cookie = await attacker.asks('GET', `/v1/${server.workspace}/events`, {
    headers: { cookie: `access_token=${token}; authorization=Bearer ${token}` },
  })
  expect(cookie.status).toBe(401)
})

test('every failed guess is counted, on every way in, and an address that has made too many is told to wait', async () => {
  const counted = async () => {
    const text = (await attacker.asks('GET', '/metrics')).text
    const of = (code: string) =>
      Number(new RegExp(`^switchboard_refusals_total\\{code="${code}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
    return { unauthenticated: of('unauthenticated'), limited: of('rate_limited') }
  }
  const before = await counted()
  const guess = `sb_${'a'.repeat(12)}_${'b'.repeat(43)}`
  const socket = await attacker.observes(`/v1/${server.workspace}/observers/${CALL}/ws`, guess)
  expect([socket.code, socket.reason.split(':')[0]]).toEqual([4403, 'unauthenticated'])
  const statuses: number[] = []
  for (const [method, path] of [
    ['POST', 'events'],
    ['GET', 'events/stream'],
    ['GET', 'events'],
  ] as const) {
    for (let count = 0; count < 25; count += 1) {
      const asked = { credential: guess, ...(method === 'POST' && { body: failing('x') }) }
      const { status, text } = await attacker.asks(method, `/v1/${server.workspace}/${path}`, asked)
      expect(text).not.toContain(guess)
      statuses.push(status)
    }
  }
  expect(new Set(statuses)).toEqual(new Set([401, 429]))
  const after = await counted()
  expect(after.unauthenticated - before.unauthenticated).toBe(statuses.filter((status) => status === 401).length + 1)
  expect(after.limited - before.limited).toBe(statuses.filter((status) => status === 429).length)
  expect((await attacker.observes(`/v1/${server.workspace}/observers/${CALL}/ws`, guess)).code).toBe(1013)
  // Who has a key is served from the same address all the while.
  expect((await attacker.asks('GET', `/v1/${server.workspace}/events?limit=1`, { credential: key })).status).toBe(200)
})

test('after all that the process is the one that was started, and its log is lines of JSON with nothing of it', async () => {
  expect(server.exitCode).toBeNull()
  const lines = server.output.split('\n').filter((line) => line.startsWith('{'))
  for (const line of lines) expect(JSON.parse(line)).not.toMatchObject({ msg: 'forged' })
  expect(lines.some((line) => /"level":"(?:error|fatal)"/.test(line))).toBe(false)
  expect(server.output.includes(key)).toBe(false)
  expect(server.output).not.toMatch(/forged|[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e]/)
})
