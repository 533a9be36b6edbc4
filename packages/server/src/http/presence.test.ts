import { expect, test } from 'vitest'
import { openTestApp, type TestApp } from './server.test-kit.js'

const started = (call_sid: string) => ({
  event_type: 'call.started',
  call_sid,
  direction: 'inbound',
  service_id: SERVICE,
})
const SERVICE = '0b1c2d3e-4f50-4617-8829-3a4b5c6d7e8f'

/** Opens the workspace's stream over the network, and answers once its first words have come. */
async function listen(server: TestApp, url: string, credential: string, query = ''): Promise<AbortController> {
  const ended = new AbortController()
  const answer = await fetch(`${url}/v1/${server.workspace}/events/stream${query}`, {
    headers: { authorization: `Bearer ${credential}` },
    signal: ended.signal,
  })
  await answer.body?.getReader().read()
  return ended
}

test('open streams are listed with whose they are and where they stand', async () => {
  const server = await openTestApp()
  const url = await server.app.listen({ port: 0 })
  const credential = await server.key('events:read')
  await listen(server, url, credential, '?types=call.*')
  const path = `/v1/${server.workspace}/streams`
  const list = await server.ask('GET', path)
  expect(list.statusCode).toBe(200)
  expect(list.json()).toMatchObject({ has_more: false, continuation_token: null, position: null })
  expect(list.json().items).toEqual([
    {
      connection_id: expect.any(String),
      kind: 'workspace',
      call_sid: null,
      key_id: expect.stringMatching(/^\w+$/),
      key_name: 'a key',
      credential: 'api-key',
      opened_at: expect.stringMatching(/Z$/),
      position: expect.stringMatching(/^\d+-0$/),
      lag: 0,
      types: ['call.*'],
      masked: true,
    },
  ])
  expect(list.body).not.toContain(credential)
  expect((await server.ask('GET', `${path}?call_sid=CA1`)).json().items).toEqual([])
  expect((await server.ask('GET', `/v1/${server.workspace}/calls/CA1/watchers`)).json().items).toEqual([])
})

test('a list of streams of one name is paged to its end', async () => {
  const server = await openTestApp()
  const url = await server.app.listen({ port: 0 })
  const headers = { authorization: `Bearer ${await server.key('events:read')}`, 'x-request-id': 'one-name' }
  for (let n = 0; n < 3; n++) {
    const answer = await fetch(`${url}/v1/${server.workspace}/events/stream`, { headers })
    await answer.body?.getReader().read()
  }
  let seen = 0
  let token: string | null = ''
  for (let pages = 0; token !== null && pages < 5; pages++) {
    const from: string = token === '' ? '' : `&continuation_token=${encodeURIComponent(token)}`
    const page = (await server.ask('GET', `/v1/${server.workspace}/streams?limit=1${from}`)).json()
    seen += page.items.length
    token = page.continuation_token
  }
  expect([seen, token]).toEqual([3, null])
})

test('activity counts what was published and refused, by code', async () => {
  const server = await openTestApp()
  const credential = await server.key('events:read')
  const events = `/v1/${server.workspace}/events`
  await server.ask('POST', events, { body: started('CA1') })
  await server.ask('POST', events, { body: started('CA2'), credential })
  await server.ask('POST', events, { body: {} })
  await server.ask('GET', events, { credential: 'sb_nobody_knows' })
  const activity = (await server.ask('GET', `/v1/${server.workspace}/activity`)).json()
  const once = (code: string) => ({ code, count: 1, last_at: expect.any(String) })
  expect(activity).toMatchObject({ streams_open: 0, published: 1 })
  expect(activity.refusals).toEqual([once('forbidden'), once('invalid_event')])
})

test.each([
  ['streams', 'calls:observe', 'audit:read'],
  ['activity', 'calls:observe', 'audit:read'],
  ['calls/CA1/watchers', 'audit:read', 'calls:observe'],
] as const)('%s is refused with %s alone, and needs %s', async (path, lacking, needed) => {
  const server = await openTestApp()
  const code = async (workspace: string, credential: string | null) => {
    const answer = await server.ask('GET', `/v1/${workspace}/${path}`, { credential })
    return [answer.statusCode, answer.json().code ?? 'ok']
  }
  expect(await code(server.workspace, null)).toEqual([401, 'unauthenticated'])
  expect(await code(server.workspace, await server.key(lacking))).toEqual([403, 'forbidden'])
  const credential = await server.key(needed)
  expect(await code(server.workspace, credential)).toEqual([200, 'ok'])
  const other = (await server.ask('POST', '/v1/workspaces', { body: { name: 'Acme', slug: 'acme' } })).json().id
  expect(await code(other, credential)).toEqual([403, 'forbidden'])
})
