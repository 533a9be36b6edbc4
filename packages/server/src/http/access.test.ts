import { describe, expect, test } from 'vitest'
import { openTestApp } from './server.test-kit.js'

describe('workspaces', () => {
  test('are made and listed by the admin key alone', async () => {
    const server = await openTestApp()
    const made = await server.ask('POST', '/v1/workspaces', { body: { name: 'Acme', slug: 'acme' } })
    expect(made.statusCode).toBe(201)
    expect(made.json()).toEqual({
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      name: 'Acme',
      slug: 'acme',
      extra_fields: 'refuse',
      created_at: expect.any(String),
    })
    const again = await server.ask('POST', '/v1/workspaces', { body: { name: 'Acme', slug: 'acme' } })
    expect([again.statusCode, again.json().code]).toEqual([409, 'conflict'])
    const list = (await server.ask('GET', '/v1/workspaces')).json()
    expect(list.items.map(({ slug }: { slug: string }) => slug)).toEqual(['harbor-clinic', 'acme'])
    const credential = await server.key('keys:manage')
    expect((await server.ask('GET', '/v1/workspaces', { credential })).json().code).toBe('forbidden')
  })

  test('can be read with a key of their own', async () => {
    const server = await openTestApp()
    const credential = await server.key('events:read')
    expect((await server.ask('GET', `/v1/${server.workspace}`, { credential })).json().id).toBe(server.workspace)
  })
})

test('a refusal of a body points into it, is short, and shows what nobody would see', async () => {
  const server = await openTestApp()
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`extra_${index}`, index]))
  const body = { slug: 'acme', 'a/b~c': 1, '\u0007': 1, ['x'.repeat(5000)]: 1, ...many }
  const { errors, detail } = (await server.ask('POST', '/v1/workspaces', { body })).json()
  expect(errors).toHaveLength(20)
  const paths = errors.map(({ path }: { path: string }) => path)
  expect(paths).toEqual(expect.arrayContaining(['/name', '/a~1b~0c', '/\u0007', `/${'x'.repeat(255)}…`]))
  expect(detail.length).toBeLessThan(400)
  const bell = (await server.ask('POST', '/v1/workspaces', { body: { name: 'A', slug: 'a', '\u0007': 1 } })).json()
  expect(bell.detail).toBe('/\\u{7} is not accepted.')
})

describe('a credential', () => {
  test('says what it may do, and where', async () => {
    const server = await openTestApp()
    const who = async (...of: string[]) =>
      (await server.ask('GET', '/v1/credential', of[0] === undefined ? {} : { credential: of[0] })).json()
    const workspace = { id: server.workspace, name: expect.any(String), slug: 'harbor-clinic' }

    expect(await who()).toMatchObject({ kind: 'admin', key_id: null, name: null, workspace: null, expires_at: null })
    const asked = { name: 'desk', permissions: ['events:read', 'calls:observe'], duration_days: 1 }
    const made = (await server.ask('POST', `/v1/${server.workspace}/api-keys`, { body: asked })).json()
    expect(await who(made.api_key)).toEqual({
      kind: 'api-key',
      key_id: made.key_id,
      name: 'desk',
      permissions: asked.permissions,
      call_sids: null,
      expires_at: made.expires_at,
      workspace,
    })
    const body = { permissions: ['calls:observe'], call_sids: ['CA1'], ttl_seconds: 60 }
    const path = `/v1/${server.workspace}/access-tokens`
    const token = (await server.ask('POST', path, { body, credential: made.api_key })).json()
    expect(await who(token.access_token)).toMatchObject({
      kind: 'access-token',
      key_id: made.key_id,
      permissions: ['calls:observe'],
      call_sids: ['CA1'],
      expires_at: token.expires_at,
      workspace,
    })
  })
})

describe('API keys', () => {
  test('are made, used, rotated and revoked', async () => {
    const server = await openTestApp()
    const keys = `/v1/${server.workspace}/api-keys`
    const made = await server.ask('POST', keys, { body: { name: 'desk', permissions: ['events:read'] } })
    expect(made.statusCode).toBe(201)
    const { key_id: keyId, api_key: first } = made.json()
    const reads = async (credential: string): Promise<string> => {
      const answer = await server.ask('GET', `/v1/${server.workspace}/events`, { credential })
      return answer.json().code ?? 'ok'
    }
    expect(await reads(first)).toBe('ok')
    const rotated = await server.ask('POST', `${keys}/${keyId}/rotate`)
    expect(rotated.statusCode).toBe(200)
    expect([await reads(first), await reads(rotated.json().api_key)]).toEqual(['credential_revoked', 'ok'])
    const list = (await server.ask('GET', keys)).json()
    expect(list.items).toEqual([expect.objectContaining({ key_id: keyId, name: 'desk', permissions: ['events:read'] })])
    expect(JSON.stringify(list)).not.toContain('api_key')
    const gone = await server.ask('DELETE', `${keys}/${keyId}`)
    expect([gone.statusCode, gone.body]).toEqual([204, ''])
    expect(await reads(rotated.json().api_key)).toBe('credential_revoked')
    expect((await server.ask('DELETE', `${keys}/${keyId}`)).json().code).toBe('not_found')
  })

  test('that are asked for wrongly are refused, with the place', async () => {
    const server = await openTestApp()
    const bad = async (body: unknown): Promise<string[]> => {
      const answer = await server.ask('POST', `/v1/${server.workspace}/api-keys`, { body })
      expect([answer.statusCode, answer.json().code]).toEqual([422, 'invalid_request'])
      return answer.json().errors.map(({ path }: { path: string }) => path)
    }
    expect(await bad({ permissions: ['events:read'] })).toEqual(['/name'])
    expect(await bad({ name: 'x', permissions: ['events:raed'] })).toEqual(['/permissions/0'])
    expect(await bad({ name: 'x', permissions: [] })).toEqual(['/permissions'])
    expect(await bad({ name: 'x', permissions: ['events:read'], duration_days: '7' })).toEqual(['/duration_days'])
    expect(await bad([])).toEqual([''])
  })

  test('never arrive in the address', async () => {
    const server = await openTestApp()
    const credential = await server.key('events:read')
    for (const path of ['events', 'events/stream']) {
      const answer = await server.ask('GET', `/v1/${server.workspace}/${path}?access_token=${credential}`, {
        credential: null,
      })
      expect(answer.statusCode).toBe(401)
      expect(answer.body).not.toContain(credential)
    }
  })
})

test('access tokens are asked for with a key, and not with a token', async () => {
  const server = await openTestApp()
  const tokens = `/v1/${server.workspace}/access-tokens`
  const body = { permissions: ['events:read'], ttl_seconds: 60 }
  const credential = await server.key('events:read')
  const made = await server.ask('POST', tokens, { body, credential })
  expect(made.statusCode).toBe(201)
  const { access_token: token } = made.json()
  expect((await server.ask('GET', `/v1/${server.workspace}/events`, { credential: token })).statusCode).toBe(200)
  expect((await server.ask('POST', tokens, { body, credential: token })).json().code).toBe('forbidden')
  const wide = await server.ask('POST', tokens, { body: { permissions: ['events:write'] }, credential })
  expect([wide.statusCode, wide.json().code]).toEqual([403, 'forbidden'])
})

test('the secret of a source is set, told to be set, and forgotten, and never shown', async () => {
  const server = await openTestApp()
  const path = `/v1/${server.workspace}/sources/twilio/secret`
  expect((await server.ask('GET', path)).json()).toEqual({ is_set: false, service_id: null, updated_at: null })
  const body = { auth_token: '0123456789abcdef0123456789abcdef' }
  const set = await server.ask('PUT', path, { body })
  expect([set.statusCode, set.json().is_set]).toEqual([200, true])
  const told = await server.ask('GET', path)
  expect(told.json()).toMatchObject({ is_set: true, updated_at: expect.any(String) })
  expect(set.body + told.body).not.toContain(body.auth_token)
  expect((await server.ask('DELETE', path)).statusCode).toBe(204)
  expect((await server.ask('GET', path)).json().is_set).toBe(false)
})

test('a callback without a fitting signature is refused alike for every workspace', async () => {
  const server = await openTestApp()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  for (const workspace of [server.workspace, '00000000-0000-7000-8000-000000000000']) {
    const path = `/v1/${workspace}/sources/twilio`
    const answer = await server.ask('POST', path, { body: 'CallSid=CA1', headers, credential: null })
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'invalid_signature'])
  }
})

test('the catalogue tells what is personal', async () => {
  const server = await openTestApp()
  const path = `/v1/${server.workspace}/event-types`
  const { items } = (await server.ask('GET', `${path}?channel=observer`)).json()
  const transcript = items.find(({ type }: { type: string }) => type === 'user_transcript')
  expect(transcript).toMatchObject({ personal_data: ['transcript'], custom: false, channel: 'observer' })
  expect((await server.ask('GET', path)).json().items.length).toBeGreaterThan(items.length)
})
