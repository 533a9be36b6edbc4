import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Switchboard } from '@switchboard/sdk'
import { describe, expect, test } from 'vitest'
import { eventsOf, type Frame, type Json, readStream, TestServer, until } from '../kit.js'

const CALL = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'
const OTHER = 'CA00000000000000000000000000000002'
const SURFACE = '7f6e5d4c-3b2a-4190-8f7e-6d5c4b3a2918'

const started = (call: string, caller: string): Json => ({
  event_type: 'call.started',
  call_sid: call,
  direction: 'inbound',
  service_id: '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01',
  caller_id: caller,
})
const said = (transcript: string): Json => ({ type: 'user_transcript', transcript })
const rejected = (reason: string): Json => ({
  event_type: 'surface.review_rejected',
  surface_id: SURFACE,
  reason,
})

/** Follows a workspace's stream for as long as its server runs. */
function follow(server: TestServer) {
  const frames: Frame[] = []
  // It ends with the server, which ends with the test or before.
  void readStream(server, (all) => frames.splice(0, frames.length, ...all).length < 0).catch(() => undefined)
  return frames
}

/** All bytes of the files in a folder. */
function bytesOf(dir: string): string {
  return readdirSync(dir)
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'))
    .join('\n')
}

const whole = async (server: TestServer, path: string): Promise<string> =>
  JSON.stringify(await server.request('GET', `/v1/${server.workspace}/${path}`))

describe.each([
  ['one process', {}],
  ['two workers', { SWITCHBOARD_WORKERS: '2' }],
] as const)('personal data, at %s,', (_, env) => {
  test('is sealed in the data folder, and erased on every way out: positions stay, streams resume, nothing comes back', async () => {
    const server = await TestServer.start({ env })
    const frames = follow(server)
    await server.streamsOpen('workspace', 1)
    const ids = await server.publish([
      started(CALL, '+1555CANARY1'),
      started(OTHER, '+1555OTHER'),
      rejected('CANARY of a surface'),
    ])
    const spoken = await server.publish([said('CANARY my card is 4111'), { type: 'speaker_muted', muted: true }], CALL)
    await until('the events', () => eventsOf(frames).length >= 3 || undefined)
    expect(bytesOf(server.dir)).not.toContain('CANARY')
    expect(await whole(server, 'state')).toContain('CANARY1')

    const client = new Switchboard({ baseUrl: server.url, workspaceId: server.workspace, credential: server.adminKey })
    const { erased_at: erasedAt } = await client.personalData.erase({ callSid: CALL })
    expect(Date.parse(erasedAt ?? '')).toBeGreaterThan(0)
    await client.personalData.erase({ surfaceId: SURFACE })

    const check = async () => {
      // 1. In history, where it was.
      const history = await server.request('GET', `/v1/${server.workspace}/events?limit=1000`)
      expect(history.items).toEqual([
        { id: ids[0], ...started(CALL, '[masked]'), erased: true },
        { id: ids[1], ...started(OTHER, '+1555OTHER') },
        { id: ids[2], ...rejected('[masked]'), erased: true },
      ])
      const call = await server.request('GET', `/v1/${server.workspace}/calls/${CALL}/events?limit=1000`)
      const heard = call.items as Json[]
      expect(heard.map(({ id }) => id)).toEqual(spoken)
      expect(heard[0]).toMatchObject({ type: 'user_transcript', transcript: '[masked]', erased: true })
      expect(heard[1]).not.toHaveProperty('erased')
      // 2. On a stream, from the beginning and resumed.
      const replayed = await readStream(server, (all) => eventsOf(all).length >= 3, { query: 'since=1h' })
      expect(eventsOf(replayed).map(({ id }) => id)).toEqual(ids)
      expect(JSON.stringify(replayed)).not.toContain('CANARY')
      const resumed = await readStream(server, (all) => eventsOf(all).length >= 2, {
        headers: { 'last-event-id': ids[0] as string },
      })
      expect(eventsOf(resumed).map(({ id }) => id)).toEqual(ids.slice(1))
      // 3. In state.
      for (const path of ['state', `calls/${CALL}`, 'surfaces', 'calls']) {
        expect(await whole(server, path), path).not.toContain('CANARY')
      }
      expect(await whole(server, 'calls')).toContain('+1555OTHER')
    }
    await check()
    // It is not in memory alone.
    await server.crash()
    await check()
    expect(server.output).not.toContain('CANARY')
    await expect(readyOf(server)).resolves.toBe(200)
  })

  test('under a legal hold stays, for everyone who asks, until it is lifted', async () => {
    const server = await TestServer.start({ env })
    await server.publish([started(CALL, '+1555KEPT')])
    const path = `/v1/${server.workspace}/calls/${CALL}`
    await server.request('PUT', `${path}/hold`, { reason: 'Case 17' })
    expect(await server.request('GET', `${path}/hold`)).toMatchObject({ reason: 'Case 17', placed_by: 'admin' })
    await server.crash()
    await expect(server.request('DELETE', `${path}/data`)).rejects.toThrow('"legal_hold"')
    expect(await whole(server, 'calls')).toContain('+1555KEPT')
    await server.request('DELETE', `${path}/hold`)
    await expect(server.request('GET', `${path}/hold`)).rejects.toThrow('404')
    await server.request('DELETE', `${path}/data`)
    expect(await whole(server, 'calls')).not.toContain('+1555KEPT')
    const { items } = await server.request(
      'GET',
      `/v1/${server.workspace}/audit?action=hold.set&action=data.erased&action=hold.lifted`,
    )
    expect((items as { action: string }[]).map(({ action }) => action)).toEqual([
      'hold.set',
      'hold.lifted',
      'data.erased',
    ])
  })
})

test('only a key with data:erase erases or holds, in its own workspace alone; a call that nobody knows is 404', async () => {
  const server = await TestServer.start()
  await server.publish([started(CALL, '+1555KEPT')])
  const path = `/v1/${server.workspace}/calls/${CALL}`
  const { api_key: other } = await server.key(['events:read', 'events:write', 'pii:read', 'keys:manage', 'audit:read'])
  for (const [method, route] of [
    ['DELETE', 'data'],
    ['PUT', 'hold'],
    ['GET', 'hold'],
    ['DELETE', 'hold'],
  ] as const) {
    const body = method === 'PUT' ? { reason: 'x' } : undefined
    await expect(server.request(method, `${path}/${route}`, body, other), route).rejects.toThrow('403')
  }
  const { api_key: eraser } = await server.key(['data:erase'])
  const second = await server.request('POST', '/v1/workspaces', { name: 'Other', slug: 'other' })
  await expect(server.request('DELETE', `/v1/${second.id}/calls/${CALL}/data`, undefined, eraser)).rejects.toThrow(
    '403',
  )
  await expect(server.request('DELETE', `/v1/${server.workspace}/calls/CA9/data`, undefined, eraser)).rejects.toThrow(
    'call_unknown',
  )
  expect(await whole(server, 'calls')).toContain('+1555KEPT')
  await server.request('DELETE', `${path}/data`, undefined, eraser)
  expect(await whole(server, 'calls')).not.toContain('+1555KEPT')
})

test('a producer cannot say that something was erased', async () => {
  const server = await TestServer.start()
  await expect(server.publish([{ ...started(CALL, '+1'), erased: true }])).rejects.toThrow('/erased')
})

test('kill -9 in the middle of erasures, 5 times: each that was answered is erased, and no other call is harmed', async () => {
  const server = await TestServer.start()
  const calls = Array.from({ length: 200 }, (_, index) => `CA${String(index).padStart(32, '0')}`)
  await server.publish(calls.map((call) => started(call, `+1555${call}`)))
  const answered = new Set<string>()
  const asked = new Set<string>()
  for (let round = 0; round < 5; round++) {
    const erasing = calls.slice(round * 10, round * 10 + 10).map(async (call) => {
      asked.add(call)
      await server.request('DELETE', `/v1/${server.workspace}/calls/${call}/data`)
      answered.add(call)
    })
    await Promise.race(erasing)
    await server.crash()
    await Promise.allSettled(erasing)
  }
  const { items } = await server.request('GET', `/v1/${server.workspace}/events?limit=1000`)
  const events = items as Json[]
  expect(events).toHaveLength(calls.length)
  expect(answered.size).toBeGreaterThanOrEqual(5)
  for (const { call_sid: call, caller_id: caller, erased } of events) {
    if (answered.has(String(call))) expect([caller, erased]).toEqual(['[masked]', true])
    else if (erased !== true) expect(caller).toBe(`+1555${call}`)
    else expect(asked.has(String(call))).toBe(true)
  }
  expect(await readyOf(server)).toBe(200)
})

test('a server with another sealing key refuses to start, and says why', async () => {
  const server = await TestServer.start()
  await server.publish([started(CALL, '+1555KEPT')])
  await server.kill('SIGKILL')
  const other = Buffer.alloc(32, 5).toString('base64')
  const second = TestServer.start({ dir: server.dir, env: { SWITCHBOARD_SEALING_KEY: other } })
  await expect(second).rejects.toThrow(/vault\.keys cannot be opened.*SWITCHBOARD_SEALING_KEY/s)
  await server.run()
  expect(await whole(server, 'calls')).toContain('+1555KEPT')
})

async function readyOf(server: TestServer): Promise<number> {
  return (await fetch(`${server.url}/readyz`)).status
}
