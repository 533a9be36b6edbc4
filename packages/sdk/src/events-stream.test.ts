import { afterEach, describe, expect, test } from 'vitest'
import { createSwitchboard, type SwitchboardOptions } from './client.js'
import type { SwitchboardError } from './errors.js'
import type { StreamOptions } from './events.js'
import type { Gap, Reconnect } from './index.js'
import { HandClock } from './kit/hand-clock.js'
import {
  type Answer,
  block,
  errorFrame,
  opened,
  problem,
  type ScriptedHttp,
  scriptedHttp,
  started,
  stream,
  thenCut,
} from './kit/scripted-http.js'

let server: ScriptedHttp
afterEach(() => server?.close())

async function connect(answers: readonly Answer[], options: Partial<SwitchboardOptions> = {}) {
  server = await scriptedHttp(...answers)
  const clock = new HandClock()
  const client = createSwitchboard({
    baseUrl: server.url,
    workspaceId: 'w1',
    credential: 'sb_key',
    clock,
    random: () => 0.5,
    ...options,
  })
  return { client, clock }
}

/** The sequences of the first events of a stream, which is then left. */
async function take(
  count: number,
  from: ReturnType<ReturnType<typeof createSwitchboard>['events']['stream']>,
): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of from) {
    ids.push(id.replace(/^\d+-/, ''))
    if (ids.length === count) break
  }
  return ids
}

const live =
  (...sequences: readonly number[]): Answer =>
  (response) =>
    stream(response, opened('5-0'), ...sequences.map((n) => started(n)))
/** Opens, writes, and loses its wire. */
const brief =
  (...blocks: readonly string[]): Answer =>
  (response) => {
    stream(response)
    thenCut(response, blocks.join(''))
  }
const lastIds = (): (string | string[] | undefined)[] => server.seen.map((seen) => seen.headers['last-event-id'])

async function failure(run: Promise<unknown>): Promise<SwitchboardError> {
  return run.then(
    () => expect.unreachable('it should have failed'),
    (error) => error,
  )
}

describe('a stream', () => {
  test('yields each event with its position and time, in order', async () => {
    const { client } = await connect([live(1, 2)])
    for await (const item of client.events.stream()) {
      expect(item.id).toBe('1763788800001-1')
      expect(item.time).toEqual(new Date(1763788800001))
      expect(item.event).toEqual({ event_type: 'call.started', call_sid: 'CA1', direction: 'inbound', service_id: 's' })
      break
    }
  })

  test('asks with the credential and the filter, and for no position at first', async () => {
    const { client } = await connect([live(1)])
    await take(
      1,
      client.events.stream({ types: ['call.*', 'operator.joined_call'], callSid: 'CA1', surfaceId: ['a', 'b'] }),
    )
    const [seen] = server.seen
    expect(seen?.url.pathname).toBe('/v1/w1/events/stream')
    expect(seen?.url.search).toBe('?types=call.*%2Coperator.joined_call&call_sid=CA1&surface_id=a&surface_id=b')
    expect(seen?.headers).toMatchObject({ authorization: 'Bearer sb_key', accept: 'text/event-stream' })
    expect(lastIds()).toEqual([undefined])
  })

  test('starts after a position, or at a time', async () => {
    const { client } = await connect([live(8)])
    await take(1, client.events.stream({ after: '7-7' }))
    await take(1, client.events.stream({ after: { since: '15m' } }))
    await take(1, client.events.stream({ after: { since: new Date(0) } }))
    expect(lastIds()).toEqual(['7-7', undefined, undefined])
    expect(server.seen.map((seen) => seen.url.searchParams.get('since'))).toEqual([
      null,
      '15m',
      '1970-01-01T00:00:00.000Z',
    ])
  })

  test('refuses at once what cannot be a position, a time or a type', async () => {
    const { client } = await connect([live()])
    expect(() => client.events.stream({ after: 'yesterday' })).toThrow(
      '[invalid_position] after is "yesterday"; accepted is',
    )
    expect(() => client.events.stream({ after: { since: new Date(Number.NaN) } })).toThrow('[invalid_argument]')
    expect(() => client.events.stream({ types: ['a,b'] })).toThrow('[invalid_argument] types holds "a,b"')
    expect(server.seen).toEqual([])
  })

  test('is read the same when its bytes arrive one by one', async () => {
    const { client } = await connect([
      async (response) => {
        stream(response)
        for (const char of opened('5-0') + started(1) + started(2)) {
          response.write(char)
          await new Promise(setImmediate)
        }
      },
    ])
    expect(await take(2, client.events.stream())).toEqual(['1', '2'])
  })

  test('gives a type that this SDK does not know as unknown, with all it said', async () => {
    const { client } = await connect([
      (response) => stream(response, opened('5-0'), block('6-1', { event_type: 'comet.seen', magnitude: 3 })),
    ])
    for await (const { event } of client.events.stream()) {
      expect(event).toEqual({
        event_type: 'unknown',
        actual_type: 'comet.seen',
        raw: { event_type: 'comet.seen', magnitude: 3 },
      })
      break
    }
  })

  test('puts the type back that a server left out of the data, and loses nothing that is no JSON', async () => {
    const frames = [
      'id: 6-1\nevent: surface.updated\ndata: {"surface_id":"a"}\n\n',
      'id: 6-2\nevent: x.y\ndata: oh\n\n',
    ]
    const { client } = await connect([(response) => stream(response, opened('5-0'), ...frames)])
    const events: unknown[] = []
    for await (const { event } of client.events.stream()) if (events.push(event) === 2) break
    expect(events).toEqual([
      { event_type: 'surface.updated', surface_id: 'a' },
      { event_type: 'unknown', actual_type: 'x.y', raw: { data: 'oh' } },
    ])
  })
})

describe('a stream whose wire is cut', () => {
  test('goes on after the last event, each event once', async () => {
    const { client } = await connect([brief(opened('5-0'), started(1), started(2), 'id: 9-3\nevent: call.st'), live(3)])
    expect(await take(3, client.events.stream())).toEqual(['1', '2', '3'])
    expect(lastIds()).toEqual([undefined, '1763788800002-2'])
  })

  test('before its first event goes on from where it was opened', async () => {
    const { client } = await connect([brief(opened('5-40')), live(41)])
    expect(await take(1, client.events.stream())).toEqual(['41'])
    expect(lastIds()).toEqual([undefined, '5-40'])
  })

  test('before anything at all asks for the same again', async () => {
    const { client } = await connect([(response) => response.socket?.destroy(), live(1)])
    expect(await take(1, client.events.stream({ after: { since: '2h' } }))).toEqual(['1'])
    expect(server.seen.map((seen) => seen.url.searchParams.get('since'))).toEqual(['2h', '2h'])
  })

  test('drops what the server repeats', async () => {
    const { client } = await connect([brief(opened('5-0'), started(1), started(2)), live(1, 2, 3, 3, 4)])
    expect(await take(4, client.events.stream())).toEqual(['1', '2', '3', '4'])
  })

  test('goes on from a heartbeat that moved its position, when no event matched', async () => {
    const { client } = await connect([brief(opened('5-0'), started(1), ': heartbeat 1\nid: 9-70\n\n'), live(71)])
    const events = client.events.stream()
    expect(await take(2, events)).toEqual(['1', '71'])
    expect(lastIds()).toEqual([undefined, '9-70'])
    expect(events.position).toBe('1763788800071-71')
  })

  test('reconnects when the server ends the response, and tells of it', async () => {
    const { client, clock } = await connect([
      (response) => {
        stream(response, opened('5-0'), started(1))
        response.end()
      },
      live(2),
    ])
    const reconnects: Reconnect[] = []
    await take(2, client.events.stream({ onReconnect: (reconnect) => reconnects.push(reconnect) }))
    // Half of the server's retry: of 3 s.
    expect(reconnects).toMatchObject([{ attempt: 1, delayMs: 1500, reason: { code: 'connection_failed' } }])
    expect(clock.waits).toEqual([1500])
  })

  test.each(['stream_unavailable', 'stream_error', 'server_draining', 'client_stalled', 'newer_than_this_sdk'])(
    'reconnects after an error frame %s',
    async (code) => {
      const { client } = await connect([
        (response) => stream(response, opened('5-0'), started(1), errorFrame(code)),
        live(2),
      ])
      const reasons: string[] = []
      const events = client.events.stream({ onReconnect: ({ reason }) => reasons.push(reason.code) })
      expect(await take(2, events)).toEqual(['1', '2'])
      expect(reasons).toEqual([code])
    },
  )

  test.each([408, 429, 500, 502, 503, 507])('tries again after %i', async (status) => {
    const { client } = await connect([problem(status, 'unavailable'), live(1)])
    expect(await take(1, client.events.stream())).toEqual(['1'])
  })

  test('waits as long as Retry-After says', async () => {
    const { client, clock } = await connect([problem(429, 'rate_limited', {}, { 'retry-after': '7' }), live(1)])
    await take(1, client.events.stream())
    expect(clock.waits).toEqual([7500])
  })
})

describe('the budget of reconnects', () => {
  const cutAtOnce: Answer = (response) => void response.socket?.destroy()

  test('ends the stream when it is spent, with the last failure as the cause', async () => {
    const { client, clock } = await connect([problem(503, 'stream_unavailable')])
    const error = await failure(take(1, client.events.stream({ reconnect: { budget: 3 } })))
    expect(error).toMatchObject({ code: 'connection_lost', cause: { code: 'stream_unavailable', status: 503 } })
    expect(server.seen).toHaveLength(4)
    expect(clock.waits).toEqual([500, 1000, 2000])
  })

  test('is whole again after a healthy time', async () => {
    const { client, clock } = await connect([cutAtOnce, cutAtOnce, live(1), cutAtOnce, live(2)])
    const events = client.events.stream({ reconnect: { budget: 2 } })
    await events.next()
    clock.elapsed += 10_000
    const second = events.next()
    server.cutAll()
    expect((await second).value).toMatchObject({ id: '1763788800002-2' })
    await events.return()
  })

  test('is not whole again for streams that open and break at once', async () => {
    const { client } = await connect([brief(opened('5-0'))])
    const error = await failure(take(1, client.events.stream({ reconnect: { budget: 4 } })))
    expect(error.code).toBe('connection_lost')
    expect(server.seen).toHaveLength(5)
  })
})

describe('a silent connection', () => {
  test('is given up, also before it answers, and the stream goes on elsewhere', async () => {
    const { client, clock } = await connect([
      () => {},
      (response) => stream(response, opened('5-0'), started(1)),
      live(2),
    ])
    const reasons: string[] = []
    const events = client.events.stream({ onReconnect: ({ reason }) => reasons.push(reason.code) })
    const first = events.next()
    await server.arrived(1)
    clock.runOut()
    expect((await first).value).toMatchObject({ id: '1763788800001-1' })
    const second = events.next()
    await clock.armed()
    clock.runOut()
    expect((await second).value).toMatchObject({ id: '1763788800002-2' })
    expect(reasons).toEqual(['connection_silent', 'connection_silent'])
    await events.return()
  })

  test('is not what a slow consumer makes of a good one', async () => {
    const { client, clock } = await connect([live(1, 2)])
    for await (const { id } of client.events.stream()) {
      // While the consumer works nobody listens, so no watchdog runs.
      expect(clock.pending).toBe(0)
      if (id.endsWith('-2')) break
    }
  })
})

describe('a refused credential', () => {
  test.each([401, 403])('that is a string ends the stream at once: %i', async (status) => {
    const { client } = await connect([problem(status, status === 401 ? 'unauthenticated' : 'forbidden')])
    const error = await failure(take(1, client.events.stream()))
    expect(error).toMatchObject({ status, requestId: 'req-1', detail: 'D' })
    expect(server.seen).toHaveLength(1)
  })

  test('of a function is asked for once more, and a second refusal is the end', async () => {
    const asked: boolean[] = []
    const credential = ({ refused }: { refused: boolean }) => `token-${asked.push(refused)}`
    const { client, clock } = await connect([problem(401, 'credential_expired')], { credential })
    const error = await failure(take(1, client.events.stream()))
    expect(error.code).toBe('credential_expired')
    expect(asked).toEqual([false, true])
    expect(server.seen.map((seen) => seen.headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-2'])
    expect(clock.waits).toEqual([])
  })

  test.each(['credential_expired', 'credential_revoked'])(
    '%s within a stream is replaced, and nothing is missed',
    async (code) => {
      const asked: boolean[] = []
      const { client } = await connect(
        [(response) => stream(response, opened('5-0'), started(1), errorFrame(code)), live(2)],
        {
          credential: async ({ refused }) => `token-${asked.push(refused)}`,
        },
      )
      expect(await take(2, client.events.stream())).toEqual(['1', '2'])
      expect(asked).toEqual([false, true])
      expect(lastIds()).toEqual([undefined, '1763788800001-1'])
    },
  )

  test('within a stream ends it when it is a string', async () => {
    const { client } = await connect([(response) => stream(response, opened('5-0'), errorFrame('credential_revoked'))])
    expect((await failure(take(1, client.events.stream()))).code).toBe('credential_revoked')
  })

  test('function that throws is asked again later', async () => {
    let asked = 0
    const credential = (): string => {
      asked += 1
      if (asked === 1) throw new Error('the token service is down')
      return 'token'
    }
    const { client } = await connect([live(1)], { credential })
    expect(await take(1, client.events.stream())).toEqual(['1'])
    expect(asked).toBe(2)
  })

  test('that no header could carry is refused without being repeated in the error', async () => {
    const { client } = await connect([live(1)], { credential: 'se cret\n' })
    const error = await failure(take(1, client.events.stream()))
    expect(error.code).toBe('credential_failed')
    expect(error.message).not.toContain('cret')
  })
})

describe('a failure that repeats itself ends the stream', () => {
  test.each([
    [400, 'invalid_parameter'],
    [404, 'not_found'],
    [422, 'invalid_request'],
  ])('%i %s', async (status, code) => {
    const { client } = await connect([problem(status, code)])
    expect(await failure(take(1, client.events.stream()))).toMatchObject({ code, status, requestId: 'req-1' })
    expect(server.seen).toHaveLength(1)
  })

  test('too_many_streams', async () => {
    const { client } = await connect([
      (response) => stream(response, errorFrame('too_many_streams', { max_streams: 2 })),
    ])
    expect(await failure(take(1, client.events.stream()))).toMatchObject({ code: 'too_many_streams', detail: 'M' })
    // The server left the response open; the client did not.
    await server.idle()
  })

  test("a proxy's page", async () => {
    const { client } = await connect([
      (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    ])
    expect((await failure(take(1, client.events.stream()))).message).toContain('is baseUrl a Switchboard server?')
  })

  test('a status without a problem body', async () => {
    const { client } = await connect([(response) => response.writeHead(404).end('nope')])
    expect(await failure(take(1, client.events.stream()))).toMatchObject({
      code: 'not_found',
      detail: 'the server answered 404',
    })
  })

  test('an event beyond every limit, after those before it', async () => {
    const huge = `id: 9-2\ndata: ${'x'.repeat(5 * 1024 * 1024)}\n\n`
    const { client } = await connect([(response) => stream(response, opened('5-0'), started(1), huge)])
    const events = client.events.stream()
    expect((await events.next()).value).toMatchObject({ id: '1763788800001-1' })
    expect((await failure(events.next())).code).toBe('event_too_large')
  })
})

describe('a gap', () => {
  const gap =
    'event: stream.gap\ndata: {"code":"unknown_position","requested":"9-900","oldest":"5-1","newest":"5-3","state_url":"/v1/w1/state"}\n\n'

  test('is told, and the events after it come although their sequences are lower', async () => {
    const { client } = await connect([(response) => stream(response, opened('5-0', true), gap, started(1), started(2))])
    const gaps: Gap[] = []
    expect(await take(2, client.events.stream({ after: '9-900', onGap: (each) => gaps.push(each) }))).toEqual([
      '1',
      '2',
    ])
    expect(gaps).toEqual([
      { code: 'unknown_position', requested: '9-900', oldest: '5-1', newest: '5-3', stateUrl: '/v1/w1/state' },
    ])
  })

  test('that is cut off before an event is met again', async () => {
    const { client } = await connect([
      brief(opened('5-3', true), gap),
      (response) => stream(response, opened('5-3', true), gap, started(1)),
    ])
    await take(1, client.events.stream({ after: '9-900' }))
    expect(lastIds()).toEqual(['9-900', '9-900'])
  })

  test('callback that throws ends the stream with what it threw', async () => {
    const { client } = await connect([(response) => stream(response, opened('5-0'), gap)])
    const options: StreamOptions = {
      onGap: () => {
        throw new Error('mine')
      },
    }
    expect((await failure(take(1, client.events.stream(options)))).message).toBe('mine')
    expect(server.seen).toHaveLength(1)
  })
})

describe('ending a stream', () => {
  test('by its signal ends the loop without an error, also while it waits for an event', async () => {
    const { client } = await connect([live(1)])
    const controller = new AbortController()
    const events = client.events.stream({ signal: controller.signal })
    await events.next()
    const pending = events.next()
    controller.abort()
    expect(await pending).toEqual({ done: true, value: undefined })
    await server.idle()
  })

  test('by its signal ends a wait before a reconnect', async () => {
    const { client } = await connect([problem(503, 'unavailable', {}, { 'retry-after': '60' })])
    const controller = new AbortController()
    const pending = client.events.stream({ signal: controller.signal, onReconnect: () => controller.abort() }).next()
    expect((await pending).done).toBe(true)
  })

  test('by a signal that is aborted already connects to nothing', async () => {
    const { client } = await connect([live(1)])
    expect(await take(1, client.events.stream({ signal: AbortSignal.abort() }))).toEqual([])
    expect(server.seen).toEqual([])
  })

  test('by leaving the loop lets go of the connection', async () => {
    const { client } = await connect([live(1, 2, 3)])
    await take(2, client.events.stream())
    await server.idle()
  })

  test('by return() does not wait for an event that may never come', async () => {
    const { client } = await connect([live()])
    let isOpen = (): void => {}
    const open = new Promise<void>((resolve) => {
      isOpen = resolve
    })
    const events = client.events.stream({ onOpen: isOpen })
    const pending = events.next()
    await open
    await events.return()
    expect((await pending).done).toBe(true)
  })

  test('by close() ends it for whoever waits', async () => {
    const { client } = await connect([live()])
    const events = client.events.stream({ onOpen: () => events.close() })
    expect((await events.next()).done).toBe(true)
  })
})
