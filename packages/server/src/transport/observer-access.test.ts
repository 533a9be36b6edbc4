import { limits, permissionNames, SwitchboardError } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { connect, type ObserveOptions, observe, SID, say, withCall } from './observer.test-kit.js'
import { principal, startServer, type TestServer, until } from './server.test-kit.js'

describe('a refusal', () => {
  const refused = async (server: TestServer, query = '', options: ObserveOptions = {}) => {
    const client = connect(server, query, options)
    await until(() => client.closed !== undefined)
    expect(Buffer.byteLength(client.closed?.reason ?? '')).toBeLessThanOrEqual(limits.closeReasonBytesMax)
    expect(server.sessions.counts().observer).toBe(0)
    return client
  }

  test.for([
    ['an unknown token', ['auth', 'nobody'], 4403, 'unauthenticated'],
    ['no token', ['auth'], 4403, 'unauthenticated'],
    ['the wrong order', ['all', 'auth'], 4403, 'unauthenticated'],
    ['three values', ['auth', 'all', 'masked'], 4403, 'unauthenticated'],
    ['a token of 8 KB', ['auth', 'x'.repeat(8192)], 4403, 'unauthenticated'],
    ['a missing permission', ['auth', 'publisher'], 4403, 'forbidden'],
  ] as const)('of %s selects auth, and closes with a code', async ([, protocols, code, reason], t) => {
    const server = await startServer(t)
    await withCall(server)
    const client = await refused(server, '', { protocols: [...protocols] })
    expect(client.closed?.code).toBe(code)
    expect(client.closed?.reason).toMatch(new RegExp(`^${reason}: `))
    expect(client.ws.protocol).toBe('auth')
    for (const token of protocols) if (token !== 'auth') expect(JSON.stringify(client.headers)).not.toContain(token)
    expect(client.messages).toEqual([])
  })

  test('of another workspace is the same as of one that is not there', async (t) => {
    const server = await startServer(t)
    const client = await refused(server, '', { path: `/v1/another/observers/${SID}/ws` })
    expect(client.closed).toEqual({ code: 4403, reason: 'forbidden: the credential does not allow this' })
  })

  test('of an unknown call is 4004', async (t) => {
    const server = await startServer(t)
    const client = await refused(server)
    expect(client.closed).toEqual({ code: 4004, reason: expect.stringMatching(/^call_unknown: /) })
  })

  test.for([
    ['?after=garbage', 'invalid_position'],
    ['?history=some', 'invalid_parameter'],
    ['?types=user_transcrpt', 'invalid_parameter'],
    ['?access_token=all', 'invalid_parameter'],
  ] as const)('of the query %s is 4001', async ([query, reason], t) => {
    const server = await startServer(t)
    await withCall(server)
    const client = await refused(server, query)
    expect(client.closed?.code).toBe(4001)
    expect(client.closed?.reason).toMatch(new RegExp(`^${reason}: `))
  })

  test('of a token in the address does not let it in', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    const client = await refused(server, '?access_token=all', { protocols: [] })
    expect(client.closed?.code).toBe(4403)
  })

  test('of an address that failed too often is 1013: later, not now', async (t) => {
    const server = await startServer(t)
    server.gate.authenticate = async () => {
      throw new SwitchboardError('rate_limited', 'too many failed credentials')
    }
    const client = await refused(server)
    expect(client.closed).toEqual({ code: 1013, reason: 'rate_limited: too many failed credentials' })
  })

  test('of one stream too many is 4029', async (t) => {
    const server = await startServer(t, { maxStreamsPerWorkspace: 1 })
    await withCall(server)
    await observe(server)
    const client = connect(server)
    await until(() => client.closed !== undefined)
    expect(client.closed).toEqual({ code: 4029, reason: expect.stringMatching(/^too_many_streams: /) })
    expect(server.counted).toEqual(['too_many_streams'])
  })

  test.for([
    'https://evil.test',
    'null',
    'https://good.test.evil.test',
    'http://good.test',
    'https://good.test:444',
    'HTTPS://GOOD.TEST',
  ])('of the origin %s is 4403', async (origin, t) => {
    const server = await startServer(t, { allowedOrigins: ['https://good.test'] })
    await withCall(server)
    const client = await refused(server, '', { headers: { origin } })
    expect(client.closed).toEqual({ code: 4403, reason: expect.stringMatching(/^forbidden: /) })
  })

  test('does not meet an allowed origin, the same origin, or a program', async (t) => {
    const server = await startServer(t, { allowedOrigins: ['https://good.test'] })
    await withCall(server)
    for (const headers of [{ origin: 'https://good.test' }, { origin: `http://127.0.0.1:${server.port}` }, {}]) {
      const client = await observe(server, '', { headers })
      expect(client.types).toEqual(['session_info'])
    }
  })
})

describe('a credential', () => {
  test('may be in the Authorization header: then no subprotocol is selected', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    const client = await observe(server, '', { protocols: [], headers: { authorization: 'Bearer all' } })
    expect(client.types).toEqual(['session_info'])
    expect(client.ws.protocol).toBe('')
  })

  test('that is revoked closes its observers at once with 4100, and no others', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    const [revoked, other] = [await observe(server, '', { protocols: ['auth', 'masked'] }), await observe(server)]
    server.gate.revoke('masked')
    await say(server, 'after')
    await until(() => revoked.closed !== undefined && other.texts.length === 1)
    expect(revoked.closed).toEqual({ code: 4100, reason: expect.stringMatching(/^credential_revoked/) })
    expect(revoked.texts).toEqual([])
  })

  test('that expires closes its observer with 4100', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    server.gate.principals.set('brief', principal('brief', permissionNames, server.clock.now() + 3000))
    const client = await observe(server, '', { protocols: ['auth', 'brief'] })
    server.clock.advance(3000)
    await until(() => client.closed !== undefined)
    expect(client.closed).toEqual({ code: 4100, reason: expect.stringMatching(/^credential_expired/) })
  })
})
