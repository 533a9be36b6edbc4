import { afterEach, describe, expect, test } from 'vitest'
import { createSwitchboard, type SwitchboardOptions } from './client.js'
import { isSwitchboardError, type SwitchboardError } from './errors.js'
import type { Gap } from './gap.js'
import type { WorkspaceEventInput } from './generated/types.gen.js'
import { HandClock } from './kit/hand-clock.js'
import { type Answer, problem, type ScriptedHttp, scriptedHttp } from './kit/scripted-http.js'

let server: ScriptedHttp
afterEach(() => server?.close())

async function connect(answers: readonly Answer[], options: Partial<SwitchboardOptions> = {}) {
  server = await scriptedHttp(...answers)
  // Limits of attempts, 10 s and less, are long here; waits before a retry are below 5 s.
  const clock = new HandClock(9000)
  const client = createSwitchboard({
    baseUrl: `${server.url}/prefix/`,
    workspaceId: 'w1',
    credential: 'sb_key',
    clock,
    random: () => 0.5,
    ...options,
  })
  return { client, clock }
}

const event: WorkspaceEventInput = { event_type: 'surface.updated', surface_id: 's1' }
const json = { 'content-type': 'application/json' }
const stored =
  (headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(201, { ...json, ...headers }).end('{"ids":["9-1"]}')
const cutAtOnce: Answer = (response) => void response.socket?.destroy()
const cutInTheAnswer: Answer = (response) => {
  response.writeHead(201, { ...json, 'content-length': '100' })
  response.write('{"ids":', () => response.socket?.destroy())
}
const keys = (): unknown[] => server.seen.map((seen) => seen.headers['idempotency-key'])

async function failure(run: Promise<unknown>): Promise<SwitchboardError> {
  const error = await run.then(
    () => expect.unreachable('it should have failed'),
    (reason: unknown) => reason,
  )
  if (!isSwitchboardError(error)) throw error
  return error
}

describe('publishing', () => {
  test('one event sends it as it is, with the credential and a key of its own', async () => {
    const { client } = await connect([stored()])
    expect(await client.events.publish(event)).toEqual({ ids: ['9-1'], replayed: false })
    const [seen] = server.seen
    expect(seen?.url.pathname).toBe('/prefix/v1/w1/events')
    expect(JSON.parse(seen?.body ?? '')).toEqual(event)
    expect(seen?.headers).toMatchObject({ authorization: 'Bearer sb_key', 'content-type': 'application/json' })
    expect(seen?.headers['idempotency-key']).toMatch(/^[0-9a-f]{32}$/)
  })

  test('several sends them together, and none sends nothing', async () => {
    const { client } = await connect([stored()])
    await client.events.publish([event, event])
    expect(await client.events.publish([])).toEqual({ ids: [], replayed: false })
    expect(server.seen.map((seen) => JSON.parse(seen.body))).toEqual([{ events: [event, event] }])
  })

  test("to a call goes to the call's channel", async () => {
    const { client } = await connect([stored()])
    await client.calls.publish('CA 1', { type: 'speaker_muted', muted: true })
    expect(server.seen[0]?.url.pathname).toBe('/prefix/v1/w1/calls/CA%201/events')
  })

  test.each([
    ['the wire is cut before the answer', cutAtOnce],
    ['the wire is cut within the answer', cutInTheAnswer],
    ['the server is away', problem(503, 'unavailable')],
    ['there are too many requests', problem(429, 'rate_limited')],
  ])('is tried again with the same key when %s', async (_, first) => {
    const { client } = await connect([first, first, stored({ 'idempotent-replayed': 'true' })])
    expect(await client.events.publish(event)).toEqual({ ids: ['9-1'], replayed: true })
    expect(server.seen).toHaveLength(3)
    expect(new Set(keys()).size).toBe(1)
    expect(new Set(server.seen.map((seen) => seen.body)).size).toBe(1)
  })

  test("uses the caller's key", async () => {
    const { client } = await connect([stored()])
    await client.events.publish(event, { idempotencyKey: 'order-7' })
    expect(keys()).toEqual(['order-7'])
    expect((await failure(client.events.publish(event, { idempotencyKey: 'a b' }))).code).toBe(
      'invalid_idempotency_key',
    )
  })

  test('that hangs is tried again, and gives up with the key to go on with', async () => {
    const { client, clock } = await connect([() => {}, () => {}], { requests: { attempts: 2 } })
    const publishing = failure(client.events.publish(event))
    for (const attempt of [1, 2]) {
      await server.arrived(attempt)
      await clock.armed()
      clock.runOut()
    }
    const error = await publishing
    expect(error).toMatchObject({ code: 'connection_failed', detail: 'no answer within 10000 ms' })
    expect(keys()).toEqual([error.idempotencyKey, error.idempotencyKey])
  })

  test('waits out Retry-After when there is time, and else says how long', async () => {
    const { client, clock } = await connect([problem(429, 'rate_limited', {}, { 'retry-after': '2' }), stored()])
    await client.events.publish(event)
    expect(clock.waits).toEqual([2125])
    await server.close()
    const { client: other } = await connect([problem(429, 'rate_limited', {}, { 'retry-after': '300' })])
    expect(await failure(other.events.publish(event))).toMatchObject({ code: 'rate_limited', retryAfterMs: 300_000 })
    expect(server.seen).toHaveLength(1)
  })

  test('that is refused says what is wrong where, and is not tried again', async () => {
    const errors = [{ path: '/surface_id', message: 'is required' }]
    const { client } = await connect([problem(422, 'invalid_event', { errors })])
    const error = await failure(client.events.publish(event))
    expect(error).toMatchObject({ code: 'invalid_event', status: 422, requestId: 'req-1', errors })
    expect(error.message).toBe('[invalid_event] D')
    expect(server.seen).toHaveLength(1)
  })

  test('asks for a fresh credential once', async () => {
    const asked: boolean[] = []
    const { client } = await connect([problem(401, 'credential_expired'), stored()], {
      credential: ({ refused }) => `token-${asked.push(refused)}`,
    })
    await client.events.publish(event)
    expect(asked).toEqual([false, true])
    expect(new Set(keys()).size).toBe(1)
  })

  test('ends when its signal aborts', async () => {
    const { client } = await connect([() => {}])
    const controller = new AbortController()
    const publishing = failure(client.events.publish(event, { signal: controller.signal }))
    await server.arrived(1)
    controller.abort()
    expect((await publishing).code).toBe('aborted')
    expect((await failure(client.events.publish(event, { signal: AbortSignal.abort() }))).code).toBe('aborted')
  })

  test("takes a proxy's page for no answer", async () => {
    const { client } = await connect([
      (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    ])
    expect((await failure(client.events.publish(event))).code).toBe('unexpected_response')
    await server.close()
    const { client: other } = await connect([(response) => response.writeHead(200, json).end('{"ids":')])
    expect((await failure(other.events.publish(event))).code).toBe('unexpected_response')
    await server.close()
    const { client: third } = await connect([(response) => response.writeHead(200, json).end('{}')])
    expect((await failure(third.events.publish(event))).code).toBe('unexpected_response')
  })

  test('without a workspace says what is missing', async () => {
    const client = createSwitchboard({ baseUrl: 'http://127.0.0.1:9', credential: 'k' })
    expect(() => client.events.publish(event)).toThrow('[invalid_argument] this needs a workspace')
  })
})

describe('other requests', () => {
  test('that make something are not repeated when nobody knows whether they arrived', async () => {
    const { client } = await connect([cutAtOnce])
    expect((await failure(client.apiKeys.create({ name: 'n', permissions: ['events:read'] }))).code).toBe(
      'connection_failed',
    )
    expect(server.seen).toHaveLength(1)
  })

  test('that make something are repeated when they were turned away', async () => {
    const key = { key_id: 'k', api_key: 'sb_k_s', name: 'n', permissions: [], created_at: '', expires_at: null }
    const { client } = await connect([
      problem(429, 'rate_limited'),
      (response) => response.writeHead(201, json).end(JSON.stringify(key)),
    ])
    expect(await client.apiKeys.create({ name: 'n', permissions: ['events:read'] })).toEqual(key)
  })

  test('that read are repeated', async () => {
    const { client } = await connect([
      cutAtOnce,
      (response) => response.writeHead(200, json).end('{"call":{},"position":"9-1"}'),
    ])
    expect(await client.calls.get('CA1')).toEqual({ call: {}, position: '9-1' })
  })

  test('without a body in the answer are done', async () => {
    const { client } = await connect([(response) => response.writeHead(204).end()])
    await client.apiKeys.revoke('k1')
    expect(server.seen[0]).toMatchObject({ method: 'DELETE', url: { pathname: '/prefix/v1/w1/api-keys/k1' } })
    await expect(client.apiKeys.rotate('..')).rejects.toThrow('[invalid_argument]')
  })
})

describe('history', () => {
  const page = (ids: readonly string[], next: string | null): Answer => {
    const items = ids.map((id) => ({ id, event_type: 'surface.updated', surface_id: `s${id}` }))
    const body = { items, has_more: next !== null, continuation_token: next, position: '9-9' }
    return (response) => void response.writeHead(200, json).end(JSON.stringify(body))
  }

  test('is read page by page, and no further than it is asked for', async () => {
    const { client } = await connect([page(['9-1', '9-2'], 'more'), page(['9-3'], null)])
    const seen: string[] = []
    for await (const { id, time, event: each } of client.events.list({
      types: ['surface.*'],
      callSid: 'CA1',
      after: '8-0',
      pageSize: 2,
    })) {
      if (each.event_type === 'surface.updated') seen.push(`${id} ${each.surface_id} ${time.getTime()}`)
      if (id === '9-1') expect(server.seen).toHaveLength(1)
    }
    expect(seen).toEqual(['9-1 s9-1 9', '9-2 s9-2 9', '9-3 s9-3 9'])
    expect(server.seen.map((each) => each.url.search)).toEqual([
      '?types=surface.*&call_sid=CA1&limit=2&after=8-0',
      '?types=surface.*&call_sid=CA1&limit=2&continuation_token=more',
    ])
  })

  test('of a call goes to the call', async () => {
    const items = [{ id: '9-1', type: 'speaker_muted', muted: true }]
    const { client } = await connect([
      (response) =>
        response.writeHead(200, json).end(JSON.stringify({ items, has_more: false, continuation_token: null })),
    ])
    for await (const item of client.calls.listEvents('CA1', { after: { since: '1h' } })) {
      expect(item).toEqual({ id: '9-1', time: new Date(9), event: { type: 'speaker_muted', muted: true } })
    }
    expect(`${server.seen[0]?.url.pathname}${server.seen[0]?.url.search}`).toBe(
      '/prefix/v1/w1/calls/CA1/events?since=1h',
    )
  })

  test('of types is asked for with commas', async () => {
    const { client } = await connect([page([], null)])
    for await (const _ of client.events.list({ types: ['call.*', 'surface.updated'] })) expect.unreachable()
    expect(server.seen[0]?.url.searchParams.get('types')).toBe('call.*,surface.updated')
  })

  test('of an empty list of types is all of it, as a stream is', async () => {
    const { client } = await connect([page([], null)])
    for await (const _ of client.events.list({ types: [] })) expect.unreachable()
    expect(server.seen[0]?.url.search).toBe('')
  })

  test('with events missing tells of the gap', async () => {
    const gap = { code: 'history_truncated', requested: '1-1', oldest: '9-1', newest: '9-3', state_url: '/v1/w1/state' }
    const body = { items: [], has_more: false, continuation_token: null, gap }
    const { client } = await connect([(response) => response.writeHead(200, json).end(JSON.stringify(body))])
    const gaps: Gap[] = []
    for await (const _ of client.events.list({ after: '1-1', onGap: (each) => gaps.push(each) })) expect.unreachable()
    expect(gaps).toEqual([
      { code: 'history_truncated', requested: '1-1', oldest: '9-1', newest: '9-3', stateUrl: '/v1/w1/state' },
    ])
  })

  test('that is forbidden is a typed error', async () => {
    const { client } = await connect([problem(403, 'forbidden')])
    expect((await failure(client.events.list().next())).code).toBe('forbidden')
  })
})
