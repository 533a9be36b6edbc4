import { afterEach, describe, expect, test } from 'vitest'
import { createSwitchboard } from './client.js'
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
} from './kit/scripted-http.js'

let server: ScriptedHttp
afterEach(() => server?.close())

async function connect(...answers: readonly Answer[]) {
  server = await scriptedHttp(...answers)
  return createSwitchboard({
    baseUrl: server.url,
    workspaceId: 'w1',
    credential: 'k',
    clock: new HandClock(),
    random: () => 0,
  })
}

const live =
  (...sequences: readonly number[]): Answer =>
  (response) =>
    stream(response, opened('5-0'), ...sequences.map((n) => started(n)))

describe('a subscription', () => {
  test('calls back for every event and for its type, and tells how the connection fares', async () => {
    const ended = { event_type: 'comet.seen' }
    const client = await connect(
      (response) =>
        stream(response, opened('5-0'), started(1), block('1763788800009-2', ended), errorFrame('server_draining')),
      live(3),
    )
    const told: string[] = []
    const subscription = client.events.subscribe({
      onEvent: ({ id }) => void told.push(`event ${id.split('-')[1]}`),
      on: {
        'call.started': ({ event }) => void told.push(`started ${event.call_sid}`),
        unknown: ({ event }) => void told.push(`unknown ${event.actual_type}`),
      },
      onOpen: ({ connectionId, maxStreams }) => told.push(`open ${connectionId} ${maxStreams}`),
      onReconnect: ({ attempt, reason }) => told.push(`reconnect ${attempt} ${reason.code}`),
      onState: ({ kind }) => {
        told.push(kind)
        if (kind === 'open' && told.includes('event 2')) subscription.close()
      },
    })
    await subscription.done
    expect(told).toEqual([
      'connecting',
      'open',
      'open c 1000',
      'event 1',
      'started CA1',
      'event 2',
      'unknown comet.seen',
      'waiting',
      'reconnect 1 server_draining',
      'connecting',
      'open',
      'open c 1000',
      'closed',
    ])
  })

  test('awaits a callback before it reads on', async () => {
    const client = await connect(live(1, 2))
    const told: string[] = []
    const subscription = client.events.subscribe({
      onEvent: async ({ id }) => {
        told.push(`begin ${id.split('-')[1]}`)
        await new Promise(setImmediate)
        told.push(`end ${id.split('-')[1]}`)
        if (told.length === 4) subscription.close()
      },
    })
    await subscription.done
    expect(told).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2'])
    expect(subscription.position).toBe('1763788800002-2')
  })

  test('that cannot go on calls onError once and is done', async () => {
    const client = await connect(problem(404, 'not_found'))
    const errors: unknown[] = []
    await client.events.subscribe({ onError: (error) => errors.push(error) }).done
    expect(errors).toMatchObject([{ code: 'not_found' }])
  })

  test('without onError rejects', async () => {
    const client = await connect(problem(404, 'not_found'))
    await expect(client.events.subscribe({}).done).rejects.toMatchObject({ code: 'not_found' })
  })

  test('ends with what a callback threw, and lets go of the connection', async () => {
    const client = await connect(live(1))
    const subscription = client.events.subscribe({
      onEvent: () => {
        throw new Error('mine')
      },
    })
    await expect(subscription.done).rejects.toThrow('mine')
    await server.idle()
  })

  test('that is closed is done without an error', async () => {
    const client = await connect(live())
    const subscription = client.events.subscribe({
      onOpen: () => subscription.close(),
      onError: () => expect.unreachable(),
    })
    await subscription.done
    await server.idle()
  })
})
