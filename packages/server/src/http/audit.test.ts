import { once } from 'node:events'
import { get } from 'node:http'
import { type AuditList, type AuditRecord, auditBreak, routeList } from '@switchboard/contract'
import { expect, test } from 'vitest'
import { SetClock } from '../../testing/clock.js'
import { reckon } from '../audit/processes.js'
import { READS } from '../audit/reads.js'
import { sha256 } from '../log/ledger.js'
import { openTestApp, type TestApp } from './server.test-kit.js'

const STARTED = {
  event_type: 'call.started',
  call_sid: 'CA1',
  direction: 'inbound',
  service_id: 's',
  caller_id: '+15550100',
}

async function trail(server: TestApp, query = '', credential?: string): Promise<AuditList> {
  const path = `/v1/${server.workspace}/audit?${query}`
  const answer = await server.ask('GET', path, credential === undefined ? {} : { credential })
  expect(answer.statusCode, answer.body).toBe(200)
  return answer.json()
}

/** The trail once it has what is waited for: reads and streams are answered before they are noted. */
async function noted(server: TestApp, enough: (records: readonly AuditRecord[]) => boolean): Promise<AuditRecord[]> {
  for (;;) {
    const { items } = await trail(server, 'limit=1000')
    if (enough(items)) return items
    await new Promise(setImmediate)
  }
}

const actions = (records: readonly AuditRecord[]) => records.map(({ action }) => action)

test('what is changed is noted before it is answered: who, what, from where, and by which request', async () => {
  const server = await openTestApp()
  const path = `/v1/${server.workspace}`
  const body = { name: 'app of Ada', permissions: ['events:read', 'keys:manage'], duration_days: 1 }
  const created = await server.ask('POST', `${path}/api-keys`, { body })
  const { key_id: keyId, api_key: credential } = created.json()
  const after = async (action: string) => (await trail(server, `action=${action}`)).items
  expect(await after('key.created')).toEqual([
    expect.objectContaining({
      actor: { kind: 'admin', key_id: 'admin', token_id: null },
      target: { kind: 'key', id: keyId },
      personal_data: 'none',
      request_id: created.headers['x-request-id'],
      address: '127.0.0.1',
      workspace_id: server.workspace,
      details: { permissions: ['events:read', 'keys:manage'], expires_at: expect.any(String) },
    }),
  ])
  const token = await server.ask('POST', `${path}/access-tokens`, {
    credential,
    body: { permissions: ['events:read'] },
  })
  await server.ask('GET', `${path}/events`, { credential: token.json().access_token })
  const [issued] = await after('token.issued')
  expect(issued?.actor).toEqual({ kind: 'api-key', key_id: keyId, token_id: null })
  // A token's own reads lead back to it, and to its key.
  const [read] = await noted(server, (records) => actions(records).includes('history.read')).then((records) =>
    records.filter(({ action }) => action === 'history.read'),
  )
  expect(read?.actor).toEqual({ kind: 'access-token', key_id: keyId, token_id: issued?.target.id })
  await server.ask('POST', `${path}/api-keys/${keyId}/rotate`)
  await server.ask('DELETE', `${path}/api-keys/${keyId}`)
  expect((await after('key.rotated')).length + (await after('key.revoked')).length).toBe(2)
  // A refusal has changed nothing.
  expect((await server.ask('DELETE', `${path}/api-keys/${keyId}`)).statusCode).toBe(404)
  expect(await after('key.revoked')).toHaveLength(1)
  const secret = { auth_token: 'a-secret-of-twilio-that-is-long' }
  expect((await server.ask('PUT', `${path}/sources/twilio/secret`, { body: secret })).statusCode).toBeLessThan(300)
  await server.ask('DELETE', `${path}/sources/twilio/secret`)
  expect((await after('secret.set')).concat(await after('secret.deleted'))).toHaveLength(2)
  const text = JSON.stringify((await trail(server, 'limit=1000')).items)
  for (const hidden of [credential, token.json().access_token, secret.auth_token, 'Ada'])
    expect(text).not.toContain(hidden)
})

test('a workspace that is made begins its own trail', async () => {
  const server = await openTestApp()
  const { id } = (await server.ask('POST', '/v1/workspaces', { body: { name: 'Other', slug: 'other' } })).json()
  const { items } = (await server.ask('GET', `/v1/${id}/audit`)).json() as AuditList
  expect(items[0]).toMatchObject({ sequence: 1, action: 'workspace.created', workspace_id: id })
  expect(actions((await trail(server)).items)).not.toContain('workspace.created')
})

test('reads say whether personal data were shown, and streams how much of them', async () => {
  const server = await openTestApp()
  const url = await server.app.listen({ port: 0 })
  const path = `/v1/${server.workspace}`
  await server.ask('POST', `${path}/events`, { body: STARTED })
  const [masked, clear] = [
    await server.key('events:read', 'calls:observe'),
    await server.key('events:read', 'pii:read'),
  ]
  await server.ask('GET', `${path}/calls/CA1`, { credential: masked })
  await server.ask('GET', `${path}/events`, { credential: clear })
  const asked = `${path}/events/stream?since=1h&entity_id=ada-lovelace&call_sid=CA1&types=call.*`
  const stream = get(`${url}${asked}`, { agent: false, headers: { authorization: `Bearer ${masked}` } })
  const [answer] = await once(stream, 'response')
  await once(answer, 'data')
  stream.destroy()
  const records = await noted(server, (all) => actions(all).includes('stream.ended'))
  const of = (action: string) => records.find((record) => record.action === action)
  expect(of('state.read')).toMatchObject({ personal_data: 'masked', target: { kind: 'call', id: 'CA1' } })
  expect(of('history.read')).toMatchObject({ personal_data: 'clear', details: { route: 'readEvents', count: 1 } })
  expect(of('stream.opened')).toMatchObject({
    personal_data: 'masked',
    details: { stream: 1, types: ['call.*'], filters: expect.arrayContaining(['call_sid', 'entity_id']) },
  })
  expect(of('stream.ended')?.details).toMatchObject({ stream: 1, delivered: 0, reason: 'client' })
  // Neither what was published nor what was looked for is among it.
  for (const hidden of ['+15550100', 'ada-lovelace']) expect(JSON.stringify(records)).not.toContain(hidden)
})

test('pages in both directions hold every record once, and filters pass what they say', async () => {
  const server = await openTestApp()
  for (let n = 0; n < 25; n++)
    await server.ask('POST', `/v1/${server.workspace}/access-tokens`, { body: { permissions: ['events:read'] } })
  const all = (await trail(server, 'limit=1000')).items
  for (const order of ['oldest', 'newest']) {
    const seen: number[] = []
    for (let token = ''; ; ) {
      const page = await trail(server, `order=${order}&limit=7&action=token.issued${token}`)
      seen.push(...page.items.map(({ sequence }) => sequence))
      if (!page.has_more) break
      token = `&continuation_token=${page.continuation_token}`
    }
    const issued = all.filter(({ action }) => action === 'token.issued').map(({ sequence }) => sequence)
    expect(seen).toEqual(order === 'oldest' ? issued : issued.reverse())
  }
  expect((await trail(server, 'after=20&limit=1')).items[0]?.sequence).toBe(21)
  expect((await trail(server, 'actor=nobody')).items).toEqual([])
  expect((await trail(server, 'actor=admin&action=token.issued&action=key.used')).items).toHaveLength(26)
  expect((await trail(server, `since=${all[10]?.time}`)).items[0]?.time).toBe(all[10]?.time)
  const path = `/v1/${server.workspace}/audit`
  for (const wrong of ['action=stream.closed', 'continuation_token=x', 'order=best', 'after=-1'])
    expect((await server.ask('GET', `${path}?${wrong}`)).json().code, wrong).toBe('invalid_parameter')
})

test('the answer is a chain, and says where it ends and what retention has removed', async () => {
  const clock = new SetClock()
  const server = await openTestApp({ clock })
  for (let n = 0; n < 5; n++) {
    await server.key('events:read')
    await server.ask('GET', `/v1/${server.workspace}/state`)
    await server.ask('POST', `/v1/${server.workspace}/access-tokens`, { body: { permissions: ['events:read'] } })
    clock.time += 60_000
  }
  const { items, head, anchor } = await trail(server, 'limit=1000')
  let before: AuditRecord | undefined
  for (const record of items) {
    expect(auditBreak(record, before, sha256)).toBeUndefined()
    before = record
  }
  expect(anchor).toBeNull()
  expect(items.find(({ sequence }) => sequence === head?.sequence)?.hash).toBe(head?.hash)
  await server.engine.ledger.retain(server.workspace, clock.time - 120_000)
  const kept = await trail(server, 'limit=1000')
  const [oldest] = kept.items
  expect(oldest?.sequence).toBeGreaterThan(1)
  expect(kept.anchor).toEqual({ sequence: (oldest?.sequence ?? 0) - 1, hash: oldest?.previous })
})

test('nobody reads the trail of another workspace, or without audit:read, and nobody writes one', async () => {
  const server = await openTestApp()
  const mine = await server.key('audit:read')
  const admin = await server.access.authenticate('an-admin-key-that-is-long-enough-for-this', '127.0.0.1')
  const { id: other } = await server.access.workspaces.create({ name: 'Other', slug: 'other' })
  const foreign = (
    await server.access.apiKeys.create(admin, other, { name: 'x', permissions: ['audit:read', 'pii:read'] })
  ).api_key
  const path = `/v1/${server.workspace}/audit`
  expect((await server.ask('GET', path, { credential: mine })).statusCode).toBe(200)
  expect((await server.ask('GET', path, { credential: foreign })).statusCode).toBe(403)
  const without = await server.key(
    'events:read',
    'events:write',
    'calls:publish',
    'calls:observe',
    'pii:read',
    'keys:manage',
  )
  expect((await server.ask('GET', path, { credential: without })).statusCode).toBe(403)
  const before = (await trail(server)).head
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
    for (const at of [path, `${path}/1`, `${path}?sequence=1`]) {
      const answer = await server.ask(method, at, { credential: mine, body: { action: 'key.used' } })
      expect([404, 405, 415], `${method} ${at}`).toContain(answer.statusCode)
    }
  // No route takes records in: of all that name the trail there is one, and it reads.
  expect(routeList.filter((route) => /audit/.test(route.path)).map(({ method }) => method)).toEqual(['GET'])
  // What it was before is what the trail still begins with.
  const now = await trail(server, 'limit=1000')
  expect(now.items.find(({ sequence }) => sequence === before?.sequence)?.hash).toBe(before?.hash)
})

test('streams that a process has left open by dying are noted to have ended, once, by whoever finds it', async () => {
  const server = await openTestApp()
  const { engine, workspace } = server
  const clock = new SetClock(Date.now())
  await engine.store.put('audit-process', 'dead', { started_at: clock.time - 1000, seen_at: clock.time - 500 })
  const fields = (action: string, stream: number) => ({
    actor: { kind: 'api-key', key_id: 'k1', token_id: null },
    action,
    target: { kind: 'call', id: 'CA1' },
    personal_data: 'clear',
    request_id: `r${stream}`,
    address: '192.0.2.1',
    server: 'dead',
    details: { stream },
  })
  const opened = [1, 2, 3].map((stream) => ({ time: clock.time - 900, fields: fields('observer.opened', stream) }))
  await engine.ledger.append(workspace, [...opened, { time: clock.time - 800, fields: fields('observer.ended', 2) }])
  const found = () =>
    reckon({ engine, clock, server: undefined, workspaces: async () => [{ id: workspace }] }, () => true)
  await Promise.all([found(), found()])
  await found()
  const ends = (await trail(server, 'action=observer.ended&limit=1000')).items
  expect(ends.map(({ details }) => [details.stream, details.reason])).toEqual([
    [2, undefined],
    [1, 'unknown'],
    [3, 'unknown'],
  ])
  expect(ends[1]).toMatchObject({
    actor: { key_id: 'k1' },
    target: { id: 'CA1' },
    personal_data: 'clear',
    request_id: 'r1',
  })
  expect((await engine.store.all('audit-process')).map(({ key }) => key)).not.toContain('dead')
})

test('every route that shows what was published is noted, or has its reason not to be', () => {
  const shows = routeList.filter(
    ({ method, permission }) => method === 'GET' && (permission === 'events:read' || permission === 'calls:observe'),
  )
  const unnoted = shows.map(({ operationId }) => operationId).filter((id) => !Object.hasOwn(READS, id))
  expect(unnoted.sort()).toEqual([
    // Of the workspace and its catalogue nothing was published; who watches now is no event.
    'getWorkspace',
    'listEventTypes',
    'listWatchers',
    // Streams are noted when they have their seat.
    'observeCall',
    'streamEvents',
  ])
})
