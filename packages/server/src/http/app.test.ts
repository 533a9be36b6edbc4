import { type AddressInfo, connect } from 'node:net'
import { failures, routeList, routes, SwitchboardError } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { methodsOf } from './not-found.js'
import { problemOf } from './problems.js'
import { openTestApp, type TestApp } from './server.test-kit.js'

/** A request to a server that listens, byte by byte. */
async function raw(server: TestApp, request: string): Promise<string> {
  if (!server.app.server.listening) await server.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  socket.write(request)
  let text = ''
  for await (const bytes of socket) text += String(bytes)
  return text
}

/** A path of the table with its parameters filled in. */
function filled(path: string, workspace: string): string {
  return path.replace('{workspace_id}', workspace).replace('{call_sid}', 'CA1').replace('{key_id}', 'abcdefghijkl')
}

describe('the table of routes', () => {
  test('is what is registered, and nothing more but pages', async () => {
    const { app } = await openTestApp()
    const said = new Set(routeList.map(({ method, path }) => `${method} ${path}`))
    const registered = app
      .printRoutes({ commonPrefix: false, includeHooks: false })
      .split('\n')
      .filter((line) => line.trim() !== '')
    expect(registered.length).toBeGreaterThan(10)
    for (const { method, path } of routeList) {
      expect(app.hasRoute({ method, url: path.replaceAll(/\{([a-z_]+)\}/g, ':$1') }), `${method} ${path}`).toBe(true)
    }
    const api = registeredPaths(app.printRoutes({ commonPrefix: false })).filter((path) => path.startsWith('/v1'))
    for (const path of new Set(api)) {
      const inTable = [...said].some((route) => route.endsWith(` ${path.replaceAll(/:([a-z_]+)/g, '{$1}')}`))
      expect(inTable, path).toBe(true)
    }
  })

  test.each(routeList.filter(({ permission }) => permission !== 'none' && permission !== 'signature'))(
    '$operationId asks for a credential',
    async ({ method, path }) => {
      const server = await openTestApp()
      for (const credential of [null, 'garbage', 'sb_abcdefghijkl_0123456789012345678901234567890123456789012']) {
        const answer = await server.ask(method, filled(path, server.workspace), { credential })
        expect(answer.statusCode).toBe(401)
        expect(answer.headers['www-authenticate']).toMatch(/^Bearer /)
        if (method !== 'HEAD') expect(answer.json().code).toBe('unauthenticated')
      }
    },
  )

  test.each(
    // `any` asks what a credential is, and names no workspace.
    routeList.filter(({ permission }) => permission !== 'none' && permission !== 'signature' && permission !== 'any'),
  )('$operationId tells a key of another workspace nothing about this one', async ({ method, path }) => {
    const server = await openTestApp()
    const { id: other } = await server.access.workspaces.create({ name: 'Other', slug: 'other' })
    const credential = await server.key(
      'events:read',
      'events:write',
      'calls:observe',
      'calls:publish',
      'keys:manage',
      'audit:read',
    )
    const nobody = '00000000-0000-7000-8000-000000000000'
    const [existing, missing] = await Promise.all(
      [other, nobody].map((id) => server.ask(method, filled(path, id), { credential })),
    )
    expect(existing?.statusCode).toBe(403)
    expect(withoutRequest(existing)).toEqual(withoutRequest(missing))
  })

  test('refuses a key without the permission, and says which', async () => {
    const server = await openTestApp()
    const credential = await server.key('events:read')
    const answer = await server.ask('POST', `/v1/${server.workspace}/events`, { credential, body: {} })
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'forbidden'])
    expect(answer.json().detail).toContain('events:write')
  })

  test('tells the admin key that there is no such workspace', async () => {
    const server = await openTestApp()
    for (const id of ['00000000-0000-7000-8000-000000000000', 'nonsense', '__proto__', '%2e%2e']) {
      expect((await server.ask('GET', `/v1/${id}/events`)).json().code).toBe('not_found')
    }
  })
})

describe('a failure', () => {
  test.each(Object.keys(failures) as (keyof typeof failures)[])('%s has the shape of a problem', (code) => {
    const { status, headers, body } = problemOf(new SwitchboardError(code, 'why'), 'r1')
    expect(status).toBe(failures[code].status)
    expect(headers['content-type']).toBe('application/problem+json')
    expect(body).toEqual({
      type: `/docs#failure-${code}`,
      title: failures[code].title,
      status,
      detail: 'why',
      code,
      error_code: code,
      request_id: 'r1',
    })
  })

  test('nobody foresaw is told without its words', () => {
    const { body } = problemOf(new Error('secret of the house'), 'r1')
    expect(body.code).toBe('internal')
    expect(JSON.stringify(body)).not.toContain('secret')
  })

  test.each([
    ['GET', '/nothing', 404, 'not_found'],
    ['POST', '/nothing', 404, 'not_found'],
    ['DELETE', '/v1/workspaces', 405, 'method_not_allowed'],
    ['GET', '/%zz', 400, 'bad_request'],
    ['GET', '/v1/workspaces/', 404, 'not_found'],
    ['GET', '/v1/..%2f..%2fetc', 404, 'not_found'],
  ])('of %s %s is a problem with an id', async (method, path, status, code) => {
    const { ask } = await openTestApp()
    const answer = await ask(method, path, method === 'POST' ? { body: 'x', headers: { 'content-type': 'a/b' } } : {})
    expect([answer.statusCode, answer.json().code]).toEqual([status, code])
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(answer.json().request_id).toBe(answer.headers['x-request-id'])
    expect(answer.headers['cache-control']).toBe('no-store')
  })

  test('of a method names those that are answered', async () => {
    const { ask, workspace } = await openTestApp()
    const answer = await ask('PATCH', `/v1/${workspace}/events`)
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'POST, GET, HEAD'])
    expect(methodsOf('/healthz')).toEqual(['GET', 'HEAD'])
  })

  test('of a path, a query or a body names the place', async () => {
    const server = await openTestApp()
    const events = `/v1/${server.workspace}/events`
    const bad = async (path: string): Promise<[string, string]> => {
      const { code, detail } = (await server.ask('GET', path)).json()
      return [code, detail]
    }
    expect(await bad(`${events}?limit=0`)).toEqual(['invalid_parameter', expect.stringContaining('limit')])
    expect(await bad(`${events}?limit=1001`)).toEqual(['invalid_parameter', expect.stringContaining('1000')])
    expect(await bad(`${events}?limit=many`)).toEqual(['invalid_parameter', expect.stringContaining('integer')])
    expect(await bad(`${events}?tpyes=call.started`)).toEqual(['invalid_parameter', expect.stringContaining('types')])
    expect(await bad(`${events}?types=call.startd`)).toEqual(['invalid_parameter', expect.stringContaining('types')])
    expect(await bad(`${events}?after=yesterday`)).toEqual(['invalid_position', expect.stringContaining('after')])
    expect(await bad(`${events}?since=yesterday`)).toEqual(['invalid_parameter', expect.stringContaining('since')])
    expect(await bad(`${events}?continuation_token=x`)).toEqual(['invalid_parameter', expect.any(String)])
    expect(await bad(`${events}?after=1-1&after=2-1`)).toEqual([
      'invalid_parameter',
      'The query parameter after is given more than once; give it once.',
    ])
    const wrong = ['tpyes=call.started', 'types=call.startd', 'after=x', 'since=x', 'continuation_token=x', 'limit=0']
    for (const query of wrong) {
      const { errors } = (await server.ask('GET', `${events}?${query}`)).json()
      expect(errors, query).toEqual([{ path: `/${query.split('=')[0]}`, message: expect.any(String) }])
    }
    expect(await bad(`/v1/${server.workspace}/calls/a%20b/events`)).toEqual([
      'invalid_parameter',
      expect.stringContaining('call_sid'),
    ])
    const answer = await server.ask('POST', '/v1/workspaces', { body: { name: 7, slug: 'ok', color: 'red' } })
    expect([answer.statusCode, answer.json().code]).toEqual([422, 'invalid_request'])
    const paths = answer.json().errors.map(({ path }: { path: string }) => path)
    expect(paths.sort()).toEqual(['/color', '/name'])
    const secret = `/v1/${server.workspace}/sources/twilio/secret`
    const spaced = await server.ask('PUT', secret, { body: { auth_token: 'with spaces in it' } })
    expect(spaced.json().detail).toBe('/auth_token must be 8 to 256 visible ASCII characters without spaces.')
  })

  test('of a request that is no HTTP is a problem too', async () => {
    const server = await openTestApp()
    const answer = await raw(server, 'NONSENSE\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('"code":"bad_request"')
    const large = await raw(server, `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`)
    expect(large).toMatch(/^HTTP\/1\.1 431 /)
  })
})

describe('a request id', () => {
  test('is the one that was sent when it is sane', async () => {
    const { ask } = await openTestApp()
    const answer = await ask('GET', '/healthz', { headers: { 'x-request-id': 'trace-7.a:b' } })
    expect(answer.headers['x-request-id']).toBe('trace-7.a:b')
  })

  test.each(['a b', 'x'.repeat(129), '"quoted"', '{}'])('is a new one instead of %j', async (id) => {
    const { ask } = await openTestApp()
    const answer = await ask('GET', '/healthz', { headers: { 'x-request-id': id } })
    expect(answer.headers['x-request-id']).toMatch(/^[\da-f-]{36}$/)
  })
})

describe('browsers', () => {
  const good = 'https://console.example.com'

  test('of an allowed origin may read, and send what the API takes', async () => {
    const { ask, workspace } = await openTestApp({ allowedOrigins: [good] })
    const answer = await ask('GET', '/healthz', { headers: { origin: good } })
    expect(answer.headers['access-control-allow-origin']).toBe(good)
    expect(answer.headers.vary).toContain('Origin')
    expect(answer.headers['access-control-expose-headers']).toContain('x-request-id')
    const preflight = await ask('OPTIONS', `/v1/${workspace}/events`, {
      credential: null,
      headers: { origin: good, 'access-control-request-method': 'POST' },
    })
    expect(preflight.statusCode).toBe(204)
    expect(preflight.headers['access-control-allow-headers']).toContain('idempotency-key')
    expect(preflight.headers['access-control-allow-origin']).toBe(good)
    const refused = await ask('GET', `/v1/${workspace}/events`, { credential: 'x', headers: { origin: good } })
    expect([refused.statusCode, refused.headers['access-control-allow-origin']]).toEqual([401, good])
  })

  test.each([
    'https://evil.example',
    'null',
    'https://console.example.com.evil.example',
    'http://console.example.com',
    'https://console.example.com:444',
    'HTTPS://CONSOLE.EXAMPLE.COM',
  ])('of the origin %s are told nothing', async (origin) => {
    const { ask } = await openTestApp({ allowedOrigins: [good] })
    for (const method of ['GET', 'OPTIONS']) {
      const headers = { origin, 'access-control-request-method': 'POST' }
      const answer = await ask(method, '/healthz', { headers })
      expect(answer.headers['access-control-allow-origin']).toBeUndefined()
      expect(answer.headers.vary).toContain('Origin')
    }
  })

  test('may neither sniff nor frame an answer, nor tell others where it came from', async () => {
    const { ask } = await openTestApp()
    for (const path of ['/healthz', '/nothing']) {
      const { headers } = await ask('GET', path)
      expect(headers['x-content-type-options']).toBe('nosniff')
      expect(headers['referrer-policy']).toBe('no-referrer')
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'")
    }
  })
})

test('while the process goes away requests are sent elsewhere, and whoever asks how it is gets an answer', async () => {
  let draining = false
  const { ask, workspace } = await openTestApp({ isDraining: () => draining })
  draining = true
  const answer = await ask('GET', `/v1/${workspace}/events`)
  expect([answer.statusCode, answer.json().code, answer.headers.connection]).toEqual([503, 'server_draining', 'close'])
  expect(answer.headers['retry-after']).toBe('1')
  expect((await ask('GET', '/healthz')).statusCode).toBe(200)
})

test('the documents, the pages and the metrics are served to everybody', async () => {
  const { ask } = await openTestApp()
  const openapi = await ask('GET', '/openapi.json', { credential: null })
  expect(openapi.headers['content-type']).toContain('application/json')
  expect(openapi.json().openapi).toBe('3.1.1')
  for (const { path } of Object.values(routes)) expect(openapi.json().paths[path], path).toBeDefined()
  expect((await ask('GET', '/asyncapi.json', { credential: null })).json().asyncapi).toBe('3.0.0')
  expect((await ask('GET', '/metrics', { credential: null })).body).toBe('up 1\n')
  expect((await ask('GET', '/docs', { credential: null })).statusCode).toBe(200)
  expect((await ask('HEAD', '/healthz', { credential: null })).body).toBe('')
  expect((await ask('GET', '/', { credential: null })).headers.location).toBe('docs')
})

function withoutRequest(answer: { json(): unknown; headers: object; body: string } | undefined): unknown {
  if (answer === undefined) return undefined
  const { 'x-request-id': _, date: __, ...headers } = answer.headers as Record<string, unknown>
  const body = answer.body === '' ? '' : { ...(answer.json() as object), request_id: '' }
  return { headers, body }
}

/** Paths in Fastify's drawing of its routes, which indents each below its beginning. */
function registeredPaths(drawing: string): readonly string[] {
  const stack: string[] = []
  const paths: string[] = []
  for (const line of drawing.split('\n')) {
    const match = /^([│ ├└─]*)(\S.*?)(?: \(([A-Z, ]+)\))?$/.exec(line)
    if (match === null) continue
    const depth = (match[1] ?? '').length / 4
    stack.length = depth
    stack[depth] = match[2] ?? ''
    if (match[3] !== undefined) paths.push(stack.join(''))
  }
  return paths
}
