import { type AddressInfo, connect } from 'node:net'
import { type FailureCode, failures, limits, SwitchboardError } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import type { Engine } from '../log/log.js'
import { openTestApp, type TestApp } from './server.test-kit.js'

const service = '9e8d7c6b-5a49-4382-b716-05f4e3d2c107'
const started = (callSid: string): object => ({
  event_type: 'call.started',
  call_sid: callSid,
  direction: 'inbound',
  service_id: service,
  caller_id: '+15550100',
})
const said = (transcript: string): object => ({
  type: 'user_transcript',
  transcript,
  state: 'greeting',
  speaker_id: 'spk_0',
  speaker_role: 'caller',
})

const eventsOf = ({ workspace }: TestApp): string => `/v1/${workspace}/events`

async function kept(server: TestApp): Promise<Record<string, unknown>[]> {
  return (await server.ask('GET', eventsOf(server))).json().items
}

describe('publishing', () => {
  test('answers 201 with the position of each event, which can then be read back', async () => {
    const server = await openTestApp()
    const answer = await server.ask('POST', eventsOf(server), { body: { events: [started('CA1'), started('CA2')] } })
    expect(answer.statusCode).toBe(201)
    const { ids } = answer.json()
    expect(ids).toHaveLength(2)
    expect(answer.headers['idempotent-replayed']).toBeUndefined()
    expect(await kept(server)).toEqual([
      { id: ids[0], ...started('CA1') },
      { id: ids[1], ...started('CA2') },
    ])
  })

  test('goes to the channel of a call that nobody has heard of', async () => {
    const server = await openTestApp()
    const path = `/v1/${server.workspace}/calls/CA9/events`
    const { ids } = (await server.ask('POST', path, { body: said('hello') })).json()
    expect((await server.ask('GET', path)).json().items).toEqual([{ id: ids[0], ...said('hello') }])
    expect(await kept(server)).toEqual([])
  })

  test('takes a content type with a charset, in any case', async () => {
    const server = await openTestApp()
    const headers = { 'content-type': 'Application/JSON; charset="UTF-8"' }
    expect((await server.ask('POST', eventsOf(server), { body: started('CA1'), headers })).statusCode).toBe(201)
  })

  test('of newline-delimited JSON answers with all positions', async () => {
    const server = await openTestApp()
    const body = `${JSON.stringify(started('CA1'))}\n${JSON.stringify(started('CA2'))}\n`
    const headers = { 'content-type': 'application/x-ndjson' }
    const answer = await server.ask('POST', eventsOf(server), { body, headers })
    expect([answer.statusCode, answer.json().ids.length]).toEqual([201, 2])
  })

  test('of lines stores each as it arrives, long before the body ends', async () => {
    const server = await openTestApp()
    await server.app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = server.app.server.address() as AddressInfo
    const socket = connect(port, '127.0.0.1')
    const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
    socket.write(
      `POST ${eventsOf(server)} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${await server.key('events:write')}\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n`,
    )
    for (const count of [1, 2, 3]) {
      socket.write(chunk(`${JSON.stringify(started(`CA${count}`))}\n`))
      await expect.poll(async () => (await kept(server)).length).toBe(count)
    }
    socket.write('0\r\n\r\n')
    let text = ''
    for await (const bytes of socket) text += String(bytes)
    expect(text).toMatch(/^HTTP\/1\.1 201 /)
    expect(text.match(/\d{13}-\d/g)).toHaveLength(3)
  })

  test('of lines that end in a bad one tells what is stored, and what is wrong where', async () => {
    const server = await openTestApp()
    const body = `${JSON.stringify(started('CA1'))}\n{"event_type":"call.startd"}\n${JSON.stringify(started('CA3'))}`
    const headers = { 'content-type': 'application/x-ndjson' }
    const answer = await server.ask('POST', eventsOf(server), { body, headers })
    expect(answer.statusCode).toBe(422)
    const problem = answer.json()
    expect(problem.code).toBe('unknown_event_type')
    expect(problem.errors[0].path).toBe('/lines/2/event_type')
    expect(problem.ids).toEqual((await kept(server)).map(({ id }) => id))
    expect(problem.ids).toHaveLength(1)
  })

  test('with an idempotency key says that it was a repeat, also after a restart', async () => {
    const server = await openTestApp()
    const options = { body: started('CA1'), headers: { 'idempotency-key': 'order-1' } }
    const first = await server.ask('POST', eventsOf(server), options)
    const again = await server.ask('POST', eventsOf(server), options)
    expect(again.json()).toEqual(first.json())
    expect([again.statusCode, again.headers['idempotent-replayed']]).toEqual([201, 'true'])
    const other = await server.ask('POST', eventsOf(server), { ...options, body: started('CA2') })
    expect([other.statusCode, other.json().code]).toEqual([409, 'idempotency_key_reused'])
  })

  test.each(['', ' ', 'a b', 'é', 'x'.repeat(257)])('with the idempotency key %j is refused', async (key) => {
    const server = await openTestApp()
    const headers = { 'idempotency-key': key }
    const answer = await server.ask('POST', eventsOf(server), { body: started('CA1'), headers })
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid_idempotency_key'])
    expect(await kept(server)).toEqual([])
  })

  test('passes unknown fields in a workspace that allows them', async () => {
    const server = await openTestApp()
    const made = await server.ask('POST', '/v1/workspaces', {
      body: { name: 'Open', slug: 'open', extra_fields: 'pass' },
    })
    const event = { ...started('CA1'), note: 'mine' }
    expect((await server.ask('POST', `/v1/${made.json().id}/events`, { body: event })).statusCode).toBe(201)
    expect((await server.ask('POST', eventsOf(server), { body: event })).json().errors[0].path).toBe('/note')
  })

  test('faster than the deployment allows is refused until the time it tells', async () => {
    const server = await openTestApp({ publishRate: 2 })
    const body = { events: [started('CA1'), started('CA2'), started('CA3')] }
    expect((await server.ask('POST', eventsOf(server), { body })).statusCode).toBe(201)
    const answer = await server.ask('POST', eventsOf(server), { body: started('CA4') })
    expect([answer.statusCode, answer.json().code]).toEqual([429, 'rate_limited'])
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1)
  })

  test.each([
    ['storage_full', 507],
    ['storage_fault', 503],
    ['unavailable', 503],
  ] as const)('into a log that fails with %s answers %i and when to try again', async (code, status) => {
    let failing = false
    const server = await openTestApp({
      wrap: (engine) => failingEngine(engine, () => (failing ? code : undefined)),
    })
    failing = true
    const answer = await server.ask('POST', eventsOf(server), { body: started('CA1') })
    expect([answer.statusCode, answer.json().code]).toEqual([status, code])
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  })
})

describe('a body that is refused', () => {
  const tooMany = { events: Array.from({ length: limits.batchEventsMax + 1 }, () => started('CA1')) }
  const cases: readonly (readonly [string, unknown, Record<string, string>, number, FailureCode])[] = [
    ['no JSON', '{"a":', {}, 400, 'invalid_json'],
    ['nothing', '', {}, 400, 'invalid_json'],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), {}, 400, 'invalid_json'],
    ['an array', '[]', {}, 422, 'invalid_request'],
    ['no discriminator', {}, {}, 422, 'invalid_event'],
    ['an unknown type', { event_type: 'call.startd' }, {}, 422, 'unknown_event_type'],
    ['an observer event', said('x'), {}, 422, 'invalid_event'],
    ['too many events', tooMany, {}, 422, 'too_many_events'],
    [
      'too deep',
      `{"event_type":"call.started","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      {},
      422,
      'invalid_event',
    ],
    [
      'an event that is too large',
      {
        event_type: 'operator.profile_updated',
        operator_id: service,
        changes: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, 'x'.repeat(1000)])),
      },
      {},
      413,
      'event_too_large',
    ],
    ['a body that is too large', Buffer.alloc(limits.bodyBytesMax + 1, 0x20), {}, 413, 'body_too_large'],
    ['a form', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'unsupported_media_type'],
    ['no content type', '{}', { 'content-type': '' }, 415, 'unsupported_media_type'],
    ['another charset', '{}', { 'content-type': 'application/json; charset=latin1' }, 415, 'unsupported_media_type'],
    ['compressed', '{}', { 'content-encoding': 'gzip' }, 415, 'unsupported_media_type'],
  ]
  test.each(cases)('for %s', async (_, body, headers, status, code) => {
    const server = await openTestApp()
    const answer = await server.ask('POST', eventsOf(server), { body, headers })
    expect([answer.statusCode, answer.json().code]).toEqual([status, code])
    expect(await kept(server)).toEqual([])
  })

  test('for its type is told which are accepted', async () => {
    const server = await openTestApp()
    const none = await server.ask('POST', eventsOf(server), { body: 'x', headers: { 'content-type': '' } })
    expect(none.json().detail).toContain('send application/json')
    const headers = { 'content-type': 'text/plain' }
    const { accepted, detail } = (await server.ask('POST', eventsOf(server), { body: 'x', headers })).json()
    expect(accepted).toEqual(['application/json', 'application/x-ndjson'])
    expect(detail).toContain('application/x-ndjson')
  })

  test('for its size is told the limit, before it has been sent, on a connection that then ends', async () => {
    const server = await openTestApp()
    await server.app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = server.app.server.address() as AddressInfo
    const socket = connect(port, '127.0.0.1')
    socket.write(
      `POST ${eventsOf(server)} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${await server.key('events:write')}\r\ncontent-type: application/json\r\ncontent-length: 1073741824\r\n\r\n{`,
    )
    let text = ''
    for await (const bytes of socket) text += String(bytes)
    expect(text).toMatch(/^HTTP\/1\.1 413 /)
    expect(text).toContain('"max_bytes":5242880')
    expect(text).toContain('x-request-id: ')
  })
})

/** An engine whose appends fail as they are told to. */
function failingEngine(engine: Engine, why: () => FailureCode | undefined): Engine {
  const log = new Proxy(engine.log, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      if (name === 'append' && why() !== undefined) {
        return async () => {
          const code = why() ?? 'internal'
          throw new SwitchboardError(code, failures[code].title)
        }
      }
      return value.bind(target)
    },
  })
  return { ...engine, log, close: () => engine.close() }
}
