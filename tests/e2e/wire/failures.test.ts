import { once } from 'node:events'
import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { until } from '../../kit.js'
import { ask, expectProblem, Listening, newCall, Place, sample, serverOfFile } from './outside.js'

const server = serverOfFile()

describe('failures', () => {
  test('leave as problems, each with its code, error_code and request id', async () => {
    const place = await Place.make(server())
    const path = place.path('/events')
    const failed = { event_type: 'pipeline.error', data_source_id: 'ds_1' }
    const cases: readonly [status: number, code: string, answer: Promise<Awaited<ReturnType<typeof ask>>>][] = [
      [401, 'unauthenticated', place.ask('GET', '/events', { credential: null })],
      [401, 'unauthenticated', place.ask('GET', '/events', { credential: 'sb_nobody_0000000000000000000000' })],
      [
        401,
        'unauthenticated',
        place.ask('GET', '/events', { credential: null, headers: { authorization: 'Basic eA==' } }),
      ],
      [404, 'not_found', ask(server(), 'GET', '/v1/nowhere/at/all', {})],
      [404, 'not_found', ask(server(), 'GET', '/nothing', { credential: null })],
      [404, 'call_unknown', place.ask('GET', `/calls/${newCall()}`)],
      [404, 'call_unknown', place.ask('GET', `/calls/${newCall()}/events`)],
      [405, 'method_not_allowed', ask(server(), 'DELETE', path)],
      [413, 'body_too_large', place.ask('POST', '/events', { body: 'x'.repeat(5 * 2 ** 20 + 1) })],
      [413, 'event_too_large', place.ask('POST', '/events', { body: { ...failed, error: 'x'.repeat(65_600) } })],
      [
        415,
        'unsupported_media_type',
        place.ask('POST', '/events', { body: '<a/>', headers: { 'content-type': 'text/xml' } }),
      ],
      [422, 'invalid_event', place.ask('POST', '/events', { body: { event_type: 'surface.updated' } })],
      [422, 'unknown_event_type', place.ask('POST', '/events', { body: { event_type: 'surface.updatet' } })],
      [400, 'invalid_json', place.ask('POST', '/events', { body: '{"event_type":' })],
      [400, 'invalid_position', place.ask('GET', '/events?after=yesterday')],
      [400, 'invalid_parameter', place.ask('GET', '/events?limit=1001')],
      [400, 'invalid_parameter', place.ask('GET', '/events?colour=red')],
      [400, 'bad_request', place.ask('GET', '/calls/%E0%A4%A')],
      [400, 'invalid_parameter', place.ask('GET', `/calls/${'a'.repeat(129)}`)],
      [400, 'invalid_parameter', place.ask('GET', `/calls/${'a'.repeat(4000)}`)],
    ]
    const ids = new Set<unknown>()
    for (const [status, code, answer] of cases) {
      const problem = expectProblem(await answer, status, code)
      ids.add(problem.request_id)
      if (status === 401) expect((await answer).headers.get('www-authenticate')).toMatch(/^Bearer/)
      if (status === 405) expect((await answer).headers.get('allow')).toMatch(/POST/)
    }
    expect(ids.size).toBe(cases.length)
  })

  test('even of what never becomes a request', async () => {
    const { port } = server()
    const long = request({ port, host: '127.0.0.1', path: '/healthz', headers: { a: 'b'.repeat(20_000) } }).end()
    const [answer] = await once(long, 'response')
    expect(answer.statusCode).toBe(431)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(answer.headers['x-request-id']).toMatch(/./)
    answer.resume()
  })
})

test('x-request-id is on every answer, and a client’s own is kept when it is harmless', async () => {
  const place = await Place.make(server())
  const answers = [
    await ask(server(), 'GET', '/healthz', { credential: null }),
    await ask(server(), 'GET', '/openapi.json', { credential: null }),
    await ask(server(), 'GET', '/nothing', { credential: null }),
    await place.ask('POST', '/events', { body: sample.sync(1) }),
    await place.ask('HEAD', '/events/stream'),
  ]
  const ids = answers.map(({ headers }) => headers.get('x-request-id'))
  for (const id of ids) expect(id).toMatch(/^\S{8,}$/)
  expect(new Set(ids).size).toBe(ids.length)
  const stream = await Listening.open(place)
  expect(stream.headers.get('x-request-id')).toMatch(/./)
})

test('failed credentials are throttled per address, 60 a minute; successful traffic is not', async () => {
  const throttled = await Place.make(server())
  const failed = () => throttled.ask('GET', '/events?limit=1', { credential: 'sb_guess_0000000000000000000000000000' })
  const refused = await until('a 429', async () => {
    const answer = await failed()
    return answer.status === 429 ? answer : undefined
  })
  expectProblem(refused, 429, 'rate_limited')
  const wait = Number(refused.headers.get('retry-after'))
  expect(wait).toBeGreaterThanOrEqual(1)
  expect(wait).toBeLessThanOrEqual(60)
  for (let count = 0; count < 100; count++) {
    expect((await throttled.ask('GET', '/events?limit=1')).status).toBe(200)
  }
})
