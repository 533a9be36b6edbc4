import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { ObserveOptions } from './calls.js'
import { createSwitchboard, type SwitchboardOptions } from './client.js'
import type { SwitchboardError } from './errors.js'
import { HandClock } from './kit/hand-clock.js'
import { info, type ScriptedObserver, said, scriptedObserver, send, type Turn } from './kit/scripted-observer.js'
import type { Observation } from './observation.js'
import { endingOfClose } from './observer-transport.js'
import type { SocketConstructor, SocketLike } from './socket.js'

let server: ScriptedObserver
afterEach(() => server?.close())

async function connect(
  turns: readonly Turn[],
  options: Partial<SwitchboardOptions> = {},
  refuse?: (n: number) => number | undefined,
) {
  server = await scriptedObserver(turns, refuse)
  const clock = new HandClock()
  const client = createSwitchboard({
    baseUrl: server.url,
    workspaceId: 'w1',
    credential: 'sb_key',
    clock,
    random: () => 0.5,
    ...options,
  })
  const observe = (more?: ObserveOptions): Observation => client.calls.observe('CA1', more)
  return { client, clock, observe }
}

/** What is yielded until the observation ends, or until there are `count`: type and sequence. */
async function read(observation: Observation, count = Number.POSITIVE_INFINITY): Promise<string[]> {
  const seen: string[] = []
  for await (const { id, event } of observation) {
    seen.push(`${event.type} ${id}`)
    if (seen.length === count) break
  }
  return seen
}

const over: Turn = (socket) => socket.close(1000, 'call_ended')

/** Sends the frames, and ends the call. */
const play =
  (...frames: readonly object[]): Turn =>
  (socket) => {
    send(socket, ...frames)
    socket.close(1000, 'call_ended')
  }

/** Sends the frames, and loses its wire. */
const cut =
  (...frames: readonly object[]): Turn =>
  (socket) => {
    send(socket, ...frames)
    socket.close(1012, 'server_draining')
  }

async function failure(run: Promise<unknown>): Promise<SwitchboardError> {
  return run.then(
    () => expect.unreachable('it should have failed'),
    (error) => error,
  )
}

describe('an observation', () => {
  test('yields what the call is, what was said, and ends when the call is over', async () => {
    const { observe } = await connect([play(info('9-1'), said(2), said(3), { type: 'session_end', id: '9-4' })])
    expect(await read(observe())).toEqual([
      'session_info 9-1',
      'user_transcript 9-2',
      'user_transcript 9-3',
      'session_end 9-4',
    ])
  })

  test('offers the credential as subprotocol and asks for the history', async () => {
    const { observe } = await connect([over])
    await read(observe({ types: ['user_transcript', 'barge_in'] }))
    expect(server.paths).toEqual(['/v1/w1/observers/CA1/ws'])
    expect(server.offered).toEqual([['auth', 'sb_key']])
    expect(server.queries).toEqual(['?types=user_transcript%2Cbarge_in&history=all'])
  })

  test('gives events without the id, which is beside them', async () => {
    const { observe } = await connect([play(info('9-1'), said(2))])
    const observation = observe({ types: ['user_transcript'] })
    const { value } = await observation.next()
    expect(value).toEqual({
      id: '9-2',
      time: new Date(9),
      event: { type: 'user_transcript', transcript: 'words 2', state: '' },
    })
    await observation.return()
  })

  test('tells what the call is before the loop begins, and then still yields it', async () => {
    const { observe } = await connect([play(info('9-1'), said(2))])
    const observation = observe()
    expect(await observation.info).toMatchObject({ type: 'session_info', call_sid: 'CA1', current_state: 'greeting' })
    expect(await read(observation)).toEqual(['session_info 9-1', 'user_transcript 9-2'])
  })

  test('of some types does not yield what the call is, and still tells it', async () => {
    const { observe } = await connect([play(info('9-1'), said(2))])
    const observation = observe({ types: ['user_transcript'] })
    expect((await observation.info).call_sid).toBe('CA1')
    expect(await read(observation)).toEqual(['user_transcript 9-2'])
  })

  test('ends at once for a call that was over: 1008 call_ended', async () => {
    const { observe } = await connect([(socket) => socket.close(1008, 'call_ended: the call is over')])
    const observation = observe()
    expect(await read(observation)).toEqual([])
    await expect(observation.info).rejects.toThrow('ended before the call was told')
  })

  test('gives a type that this SDK does not know as unknown', async () => {
    const { observe } = await connect([play({ id: '9-2', type: 'comet', size: 3 })])
    expect((await observe().next()).value?.event).toEqual({
      type: 'unknown',
      actual_type: 'comet',
      raw: { type: 'comet', size: 3 },
    })
  })

  test('takes frames of any size, and no heartbeat for an event', async () => {
    const { observe } = await connect([play({ heartbeat: 1 }, said(2, 'x'.repeat(300_000)), { heartbeat: 2 }, said(3))])
    expect(await read(observe())).toEqual(['user_transcript 9-2', 'user_transcript 9-3'])
  })

  test('tells when the backlog is over, and of a gap', async () => {
    const gap = {
      type: 'stream.gap',
      code: 'history_truncated',
      requested: '9-1',
      oldest: '9-5',
      newest: '9-6',
      state_url: '/s',
    }
    const { observe } = await connect([play(gap, said(5), { type: 'session_live', id: '9-6' }, said(7))])
    const told: string[] = []
    const options = {
      after: '9-1',
      onLive: () => told.push('live'),
      onGap: ({ oldest = '' }) => told.push(`gap ${oldest}`),
    }
    for await (const { id } of observe(options)) told.push(id)
    expect(told).toEqual(['gap 9-5', '9-5', 'live', '9-7'])
  })
})

describe('an observation whose wire is cut', () => {
  test('goes on after the last event, each once, and does not repeat what the call is', async () => {
    const { observe } = await connect([
      cut(info('9-1'), said(2), said(3)),
      play(info('9-5'), said(3), said(4), said(5)),
    ])
    expect(await read(observe())).toEqual([
      'session_info 9-1',
      'user_transcript 9-2',
      'user_transcript 9-3',
      'user_transcript 9-4',
      'user_transcript 9-5',
    ])
    expect(server.queries).toEqual(['?history=all', '?after=9-3'])
  })

  test('within the history, before its first event, asks for the whole history again', async () => {
    const { observe } = await connect([cut(info('9-50')), play(info('9-50'), said(2))])
    expect(await read(observe(), 2)).toEqual(['session_info 9-50', 'user_transcript 9-2'])
    expect(server.queries).toEqual(['?history=all', '?history=all'])
  })

  test('without history goes on from where it joined', async () => {
    const { observe } = await connect([cut(info('9-50')), play(said(51))])
    await read(observe({ history: 'none' }))
    expect(server.queries).toEqual(['?history=none', '?after=9-50'])
  })

  test('after the end was told yields the end once', async () => {
    const end = { type: 'session_end', id: '9-2' }
    const { observe } = await connect([cut(said(2), end), play(end)])
    expect(await read(observe())).toEqual(['user_transcript 9-2', 'session_end 9-2'])
  })

  test('without a goodbye is taken up again', async () => {
    const dropped: Turn = (socket) => {
      send(socket, said(2))
      socket.once('pong', () => socket.terminate())
      socket.ping()
    }
    const { observe } = await connect([dropped, play(said(3))])
    expect(await read(observe())).toEqual(['user_transcript 9-2', 'user_transcript 9-3'])
  })

  test('is not silent while anything arrives, heartbeats included', async () => {
    const { observe, clock } = await connect([play({ heartbeat: 1 }, said(2), { heartbeat: 2 })])
    await read(observe())
    // Once for the connect, and once for each frame.
    expect(clock.longTimers).toBe(4)
  })

  test('and falls silent is given up, and the observation goes on elsewhere', async () => {
    const { observe, clock } = await connect([(socket) => send(socket, said(2)), play(said(3))])
    const reasons: string[] = []
    const observation = observe({ onReconnect: ({ reason }) => reasons.push(reason.code) })
    await observation.next()
    const next = observation.next()
    clock.runOut()
    expect((await next).value?.id).toBe('9-3')
    expect(reasons).toEqual(['connection_silent'])
    await observation.return()
  })

  test('for good ends when the budget is spent', async () => {
    const { observe } = await connect([(socket) => socket.close(1013, 'stream_unavailable')])
    const error = await failure(read(observe({ reconnect: { budget: 2 } })))
    expect(error).toMatchObject({ code: 'connection_lost', cause: { code: 'stream_unavailable' } })
    expect(server.queries).toHaveLength(3)
  })
})

describe('a slow consumer of an observation', () => {
  test('misses nothing: the connection is let go and taken up where the inbox ended', async () => {
    const history = Array.from({ length: 60 }, (_, index) => said(index + 1, 'x'.repeat(1000)))
    const replay: Turn = (socket, request) => {
      const after = new URL(request.url ?? '/', 'http://server').searchParams.get('after')
      const from = after === null ? 0 : Number(after.split('-')[1])
      send(socket, ...history.slice(from))
      if (from === 60) socket.close(1000, 'call_ended')
      else socket.close(1012, 'server_draining')
    }
    const { observe } = await connect([replay])
    const seen: string[] = []
    for await (const { id } of observe({ inboxCharsMax: 20_000 })) {
      seen.push(id)
      // Slower than the sender: what has arrived waits in the inbox.
      await new Promise(setImmediate)
    }
    expect(seen).toEqual(Array.from({ length: 60 }, (_, index) => `9-${index + 1}`))
    expect(server.queries.length).toBeGreaterThan(2)
  })

  test('costs no reconnect from the budget and no wait', async () => {
    const many: Turn = (socket) =>
      send(socket, ...Array.from({ length: 30 }, (_, index) => said(index + 1, 'x'.repeat(1000))))
    const { observe, clock } = await connect([many, play(said(31))])
    const observation = observe({ inboxCharsMax: 5000, reconnect: { budget: 0 } })
    await observation.next()
    await new Promise((resolve) => setTimeout(resolve, 50))
    await read(observation)
    expect(clock.waits).toEqual([])
    expect(server.queries[1]).toMatch(/^\?after=9-\d+$/)
  })
})

describe('a credential of an observation', () => {
  test('that is refused after the handshake is replaced once', async () => {
    const asked: boolean[] = []
    const { observe } = await connect([(socket) => socket.close(4403, 'unauthenticated: no'), play(said(2))], {
      credential: ({ refused }) => `token-${asked.push(refused)}`,
    })
    expect(await read(observe())).toEqual(['user_transcript 9-2'])
    expect(asked).toEqual([false, true])
    expect(server.offered).toEqual([
      ['auth', 'token-1'],
      ['auth', 'token-2'],
    ])
  })

  test('that is refused again ends it', async () => {
    const { observe } = await connect([(socket) => socket.close(4403, 'forbidden: no')], { credential: () => 'token' })
    expect((await failure(read(observe()))).code).toBe('forbidden')
    expect(server.queries).toHaveLength(2)
  })

  test('that expires on the way is replaced, and nothing is missed', async () => {
    const { observe } = await connect(
      [
        (socket) => {
          send(socket, said(2))
          socket.close(4100, 'credential_expired')
        },
        play(said(3)),
      ],
      { credential: () => 'token' },
    )
    expect(await read(observe())).toEqual(['user_transcript 9-2', 'user_transcript 9-3'])
  })
})

// Only `ws` can tell the status; to others a refusal is a connection that broke.
describe('a handshake that is refused by HTTP', () => {
  test('with 404 ends it with a typed error, and no reconnects', async () => {
    const { observe } = await connect([over], { WebSocket }, () => 404)
    expect(await failure(read(observe()))).toMatchObject({ code: 'not_found', status: 404 })
    expect(server.queries).toHaveLength(1)
  })

  test('with 503 is tried again', async () => {
    const { observe } = await connect([play(said(2))], { WebSocket }, (attempt) => (attempt === 0 ? 503 : undefined))
    expect(await read(observe())).toEqual(['user_transcript 9-2'])
  })
})

describe('ending an observation', () => {
  test('by its signal, while it waits', async () => {
    const { observe } = await connect([(socket) => send(socket, said(2))])
    const controller = new AbortController()
    const observation = observe({ signal: controller.signal })
    await observation.next()
    const next = observation.next()
    controller.abort()
    expect((await next).done).toBe(true)
  })

  test('by leaving the loop closes the socket', async () => {
    let closed: Promise<unknown> = Promise.resolve()
    const { observe } = await connect([
      (socket) => {
        closed = new Promise((resolve) => socket.on('close', resolve))
        send(socket, said(2), said(3))
      },
    ])
    await read(observe(), 1)
    await closed
  })
})

test('a WebSocket that tells a failed handshake by an error alone is tried again', async () => {
  let attempts = 0
  const failing: SocketLike = {
    binaryType: '',
    addEventListener: (type: string, listener: (event: never) => void) => {
      if (type === 'error') setImmediate(() => listener({} as never))
    },
    close() {},
  }
  function FailsAtFirst(url: string, protocols: string[]): SocketLike {
    attempts += 1
    return attempts === 1 ? failing : new WebSocket(url, protocols)
  }
  const { observe } = await connect([play(said(2))], { WebSocket: FailsAtFirst as unknown as SocketConstructor })
  expect(await read(observe())).toEqual(['user_transcript 9-2'])
  expect(attempts).toBe(2)
})

test('a WebSocket that fails in the turn in which it was made is heard too', async () => {
  class FailsAtOnce extends EventTarget {
    binaryType = ''
    constructor() {
      super()
      queueMicrotask(() => this.dispatchEvent(new Event('error')))
    }
    close() {}
  }
  const options = { WebSocket: FailsAtOnce as unknown as SocketConstructor, reconnect: { budget: 0 } }
  const { observe } = await connect([over], options)
  await expect(read(observe())).rejects.toMatchObject({
    code: 'connection_lost',
    cause: { code: 'connection_failed' },
  })
})

test('a WebSocket of the caller is used, and one that takes no such address is told of', async () => {
  const Refusing = class {
    constructor() {
      throw new SyntaxError('no')
    }
  }
  const { observe } = await connect([over], { WebSocket: Refusing as never })
  expect((await failure(read(observe()))).code).toBe('invalid_argument')
})

test('a call id that is none is refused at once', async () => {
  const { client } = await connect([over])
  expect(() => client.calls.observe('')).toThrow('[invalid_argument] callSid is ""')
  expect(() => client.calls.observe('..')).toThrow('[invalid_argument]')
})

test.each([
  [1000, 'call_ended', 'over', undefined],
  [1008, 'call_ended', 'over', undefined],
  [1000, '', 'retry', 'connection_failed'],
  [1001, '', 'retry', 'connection_failed'],
  [1006, '', 'retry', 'connection_failed'],
  [1008, '', 'give-up', 'forbidden'],
  [1009, 'frame_too_big', 'give-up', 'frame_too_big'],
  [1011, 'internal: oh', 'retry', 'internal'],
  [1012, 'server_draining', 'retry', 'server_draining'],
  [1013, 'client_stalled: took nothing', 'retry', 'client_stalled'],
  [4001, 'invalid_position: after', 'give-up', 'invalid_position'],
  [4004, 'call_unknown', 'give-up', 'call_unknown'],
  [4029, 'too_many_streams', 'give-up', 'too_many_streams'],
  [4100, 'credential_revoked', 'refresh', 'credential_revoked'],
  [4403, 'forbidden', 'refresh', 'forbidden'],
  [4403, 'no words', 'refresh', 'unauthenticated'],
  [4999, 'newer than this', 'retry', 'connection_failed'],
])('a close with %i %j: %s %s', (close, reason, advice, code) => {
  const ending = endingOfClose(close, reason)
  expect(ending.advice).toBe(advice)
  expect('error' in ending ? ending.error.code : undefined).toBe(code)
})
