import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { type Clock, systemClock } from './clock.js'
import { flipAll } from './log/damage.test-kit.js'
import { openEnvironment } from './log/environment.js'
import { channelKey, storeKey, type TableName } from './log/keys.js'
import { type RunningServer, startServer } from './main.js'
import { ConfigError, readConfig } from './ops/config.js'
import { createLogger } from './ops/logging.js'

/** How often the owner of a data folder shows that it lives (log/lock.ts). */
const LOCK_BEAT_MS = 5000
const ADMIN_KEY = 'an-admin-key-that-is-long-enough-for-this'
const service = '9e8d7c6b-5a49-4382-b716-05f4e3d2c107'
const started = (callSid: string): object => ({
  event_type: 'call.started',
  call_sid: callSid,
  direction: 'inbound',
  service_id: service,
  caller_id: '+15550100',
})
const failed = (error: string): object => ({
  event_type: 'pipeline.error',
  data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05',
  error,
})
const said = (transcript: string): object => ({
  type: 'user_transcript',
  transcript,
  state: 'greeting',
  speaker_id: 'spk_0',
  speaker_role: 'caller',
})

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'main-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  return dir
}

/** A server on a free port, silent but for what the test collects. It stops with the test. */
async function serve(
  dir: string,
  env: Readonly<Record<string, string>> = {},
  clock: Clock = systemClock,
): Promise<RunningServer & { readonly lines: string[] }> {
  const config = readConfig({
    PORT: '0',
    SWITCHBOARD_DATA_DIR: dir,
    SWITCHBOARD_ADMIN_KEY: ADMIN_KEY,
    SWITCHBOARD_DRAIN: '2s',
    ...env,
  })
  const lines: string[] = []
  const logger = createLogger({ level: 'trace', sink: { write: (line) => lines.push(line) } })
  const server = await startServer(config, { logger, clock })
  onTestFinished(() => server.close())
  return Object.assign(server, { lines })
}

async function ask(
  server: RunningServer,
  method: string,
  path: string,
  body?: unknown,
  key = ADMIN_KEY,
): Promise<Response> {
  return fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

async function workspaceOf(server: RunningServer): Promise<string> {
  const answer = await ask(server, 'POST', '/v1/workspaces', { name: 'Harbor Clinic', slug: 'harbor-clinic' })
  return ((await answer.json()) as { id: string }).id
}

/** Reads a stream until it holds a text, or ends. */
async function readUntil(stream: ReadableStreamDefaultReader<Uint8Array>, wanted: string | undefined): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const { done, value } = await stream.read()
    if (done) return text
    text += decoder.decode(value, { stream: true })
    if (wanted !== undefined && text.includes(wanted)) return text
  }
}

async function openStream(
  server: RunningServer,
  workspace: string,
  init: RequestInit = {},
): Promise<{
  answer: Response
  reader: ReadableStreamDefaultReader<Uint8Array>
}> {
  const answer = await fetch(`${server.url}/v1/${workspace}/events/stream`, {
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    ...init,
  })
  const reader = answer.body?.getReader()
  if (reader === undefined) throw new Error('no body')
  return { answer, reader }
}

describe('a server', () => {
  test('carries what is published to a stream and to an observer, and keeps it across a restart', async () => {
    const dir = await folder()
    const first = await serve(dir)
    const workspace = await workspaceOf(first)

    const { answer, reader } = await openStream(first, workspace)
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    expect(answer.headers.get('x-request-id')).toBeTruthy()
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    await readUntil(reader, 'stream.opened')
    const published = await ask(first, 'POST', `/v1/${workspace}/events`, started('CA1'))
    expect(published.status).toBe(201)
    const { ids } = (await published.json()) as { ids: string[] }
    const frame = `id: ${ids[0]}\nevent: call.started\ndata: ${JSON.stringify(started('CA1'))}\n\n`
    expect(await readUntil(reader, '\n\n')).toBe(frame)
    await reader.cancel()

    const socket = new WebSocket(`${first.url.replace('http', 'ws')}/v1/${workspace}/observers/CA1/ws?history=all`, [
      'auth',
      ADMIN_KEY,
    ])
    const messages: { type?: string; transcript?: string }[] = []
    const heard = new Promise<void>((resolve) => {
      socket.on('message', (data) => {
        messages.push(JSON.parse(String(data)))
        if (messages.some(({ type }) => type === 'user_transcript')) resolve()
      })
    })
    await new Promise((resolve) => socket.once('open', resolve))
    await ask(first, 'POST', `/v1/${workspace}/calls/CA1/events`, said('hello'))
    await heard
    expect(messages[0]).toMatchObject({ type: 'session_info', call_sid: 'CA1', caller_id: '+15550100' })
    socket.terminate()

    await first.close()
    const second = await serve(dir)
    const history = await ask(second, 'GET', `/v1/${workspace}/events`)
    expect(((await history.json()) as { items: unknown[] }).items).toEqual([{ id: ids[0], ...started('CA1') }])
  })

  test('answers a HEAD of its stream with the headers alone', async () => {
    const server = await serve(await folder())
    const workspace = await workspaceOf(server)
    const answer = await ask(server, 'HEAD', `/v1/${workspace}/events/stream`)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    expect(await answer.text()).toBe('')
    expect((await ask(server, 'HEAD', `/v1/${workspace}/events/stream?tpyes=x`)).status).toBe(400)
  })

  test('opens its stream to a browser of an allowed origin, with a token in the address', async () => {
    const origin = 'https://console.example.com'
    const server = await serve(await folder(), { SWITCHBOARD_ALLOWED_ORIGINS: origin })
    const workspace = await workspaceOf(server)
    const asked = await ask(server, 'POST', `/v1/${workspace}/access-tokens`, { permissions: ['events:read'] })
    const { access_token: token } = (await asked.json()) as { access_token: string }
    const answer = await fetch(`${server.url}/v1/${workspace}/events/stream?access_token=${token}`, {
      headers: { origin },
    })
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, origin])
    await answer.body?.cancel()
    const elsewhere = await fetch(`${server.url}/v1/${workspace}/events?access_token=${token}`)
    expect(elsewhere.status).toBe(401)
    expect(server.lines.join('')).not.toContain(token.slice(-20))
  })

  test('refuses an upgrade that is no observer’s', async () => {
    const server = await serve(await folder())
    const socket = connect(server.port, '127.0.0.1')
    socket.write(
      'GET /chat HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    let text = ''
    for await (const bytes of socket) text += String(bytes)
    expect(text).toMatch(/^HTTP\/1\.1 404 /)
  })

  test('answers requests that come one behind the other on a connection, in order', async () => {
    const server = await serve(await folder())
    const workspace = await workspaceOf(server)
    const socket = connect(server.port, '127.0.0.1')
    const count = 20
    for (let index = 0; index < count; index++) {
      const body = JSON.stringify(started(`CA${index}`))
      socket.write(
        `POST /v1/${workspace}/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ADMIN_KEY}\r\ncontent-type: application/json\r\nx-request-id: r${index}\r\ncontent-length: ${body.length}\r\n${index === count - 1 ? 'connection: close\r\n' : ''}\r\n${body}`,
      )
    }
    let text = ''
    for await (const bytes of socket) text += String(bytes)
    expect([...text.matchAll(/x-request-id: (r\d+)/g)].map((match) => match[1])).toEqual(
      Array.from({ length: count }, (_, index) => `r${index}`),
    )
    expect(text.match(/HTTP\/1\.1 201/g)).toHaveLength(count)
  })

  test('tells how it is, in numbers too', async () => {
    const server = await serve(await folder())
    const workspace = await workspaceOf(server)
    await ask(server, 'POST', `/v1/${workspace}/events`, started('CA1'))
    await ask(server, 'POST', `/v1/${workspace}/events`, {})
    expect(await (await fetch(`${server.url}/readyz`)).json()).toMatchObject({ status: 'ready' })
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    expect(metrics).toContain('switchboard_events_appended_total{kind="workspace"} 1')
    expect(metrics).toContain('switchboard_refusals_total{code="invalid_event"} 1')
    expect(metrics).toMatch(
      /switchboard_http_requests_total\{.*route="\/v1\/:workspace_id\/events".*status="201".*\} 1/,
    )
    expect(metrics).not.toMatch(new RegExp(`${workspace}|CA1|15550100`))
    expect(metrics).toMatch(/switchboard_log_bytes [1-9]/)
  })

  test('knows event types of its own', async () => {
    const dir = await folder()
    const file = join(dir, 'types.json')
    const type = {
      channel: 'workspace',
      type: 'acme.order_placed',
      title: 'Order placed',
      meaning: 'A customer has placed an order.',
      fields: { order_id: { type: 'string', description: 'The order.' } },
      required: ['order_id'],
      example: { event_type: 'acme.order_placed', order_id: 'o_1' },
    }
    await writeFile(file, JSON.stringify({ prefix: 'acme', events: [type] }))
    const server = await serve(join(dir, 'data'), { SWITCHBOARD_CATALOGUE: file })
    const workspace = await workspaceOf(server)
    expect((await ask(server, 'POST', `/v1/${workspace}/events`, type.example)).status).toBe(201)
    const document = await (await fetch(`${server.url}/openapi.json`)).text()
    expect(document).toContain('acme.order_placed')
  })

  test('forgets events once they are older than it keeps them', async () => {
    const server = await serve(await folder(), { SWITCHBOARD_RETENTION: '1s' })
    const workspace = await workspaceOf(server)
    await ask(server, 'POST', `/v1/${workspace}/events`, started('CA1'))
    await expect
      .poll(
        async () =>
          ((await (await ask(server, 'GET', `/v1/${workspace}/events`)).json()) as { items: [] }).items.length,
        {
          timeout: 10_000,
        },
      )
      .toBe(0)
  })
})

describe('a stop', () => {
  test('tells open streams and observers, and ends them', async () => {
    const server = await serve(await folder())
    const workspace = await workspaceOf(server)
    await ask(server, 'POST', `/v1/${workspace}/events`, started('CA1'))
    const { reader } = await openStream(server, workspace)
    await readUntil(reader, 'stream.opened')
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/${workspace}/observers/CA1/ws`, [
      'auth',
      ADMIN_KEY,
    ])
    await new Promise((resolve) => socket.once('message', resolve))
    const closed = new Promise<number>((resolve) => socket.once('close', (code) => resolve(code)))
    const [rest, code] = await Promise.all([readUntil(reader, undefined), closed, server.close()])
    expect(rest).toContain('"code":"server_draining"')
    expect(code).toBe(1012)
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow()
  })

  test('does not wait for a connection that says nothing, nor for a body that never ends', async () => {
    const server = await serve(await folder(), { SWITCHBOARD_DRAIN: '500ms' })
    const workspace = await workspaceOf(server)
    const silent = connect(server.port, '127.0.0.1')
    const endless = connect(server.port, '127.0.0.1')
    endless.write(
      `POST /v1/${workspace}/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ADMIN_KEY}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
    )
    for (const socket of [silent, endless]) socket.on('error', () => {})
    await new Promise((resolve) => silent.once('connect', resolve))
    const began = performance.now()
    await server.close()
    expect(performance.now() - began).toBeLessThan(2000)
  })

  test('lets another start on the same folder at once', async () => {
    const dir = await folder()
    await (await serve(dir)).close()
    await (await serve(dir)).close()
    const third = await serve(dir)
    expect((await fetch(`${third.url}/readyz`)).status).toBe(200)
  })
})

describe('readiness', () => {
  test('turns red for good when another server has taken the folder, and so do publishes; what is kept is still read', async () => {
    const dir = await folder()
    const beats: (() => void)[] = []
    const clock: Clock = {
      ...systemClock,
      after(ms, task) {
        if (ms === LOCK_BEAT_MS) beats.push(task)
        return systemClock.after(ms, task)
      },
    }
    const server = await serve(dir, {}, clock)
    const workspace = await workspaceOf(server)
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    await writeFile(join(dir, 'lock'), '{}')
    for (const beat of beats) beat()
    const ready = await fetch(`${server.url}/readyz`)
    expect([ready.status, await ready.text()]).toEqual([
      503,
      expect.stringContaining('The storage failed: look at the log'),
    ])
    const refused = await ask(server, 'POST', `/v1/${workspace}/events`, failed('x'))
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([503, 'storage_fault'])
    expect((await ask(server, 'GET', `/v1/${workspace}/events`)).status).toBe(200)
  })

  test('says that it goes away, to a load balancer that asks in the middle of it', async () => {
    const server = await serve(await folder())
    const socket = connect(server.port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    // Begun before and ended after, so that its connection is not one that nobody uses.
    socket.write('GET /readyz HTTP/1.1\r\nHost: x\r\n')
    await ask(server, 'GET', '/healthz')
    const closed = server.close()
    socket.write('Connection: close\r\n\r\n')
    let text = ''
    for await (const bytes of socket) text += String(bytes)
    expect(text).toMatch(/^HTTP\/1\.1 503 /)
    expect(text).toContain('It is going away.')
    await closed
  })
})

describe('a start after damage', () => {
  /** A folder that a server has left, with sixty events of a workspace. */
  async function left(): Promise<{ dir: string; workspace: string }> {
    const dir = await folder()
    const server = await serve(dir)
    const workspace = await workspaceOf(server)
    for (let n = 0; n < 60; n += 5) {
      const events = Array.from({ length: 5 }, (_, index) => failed(`<<${String(n + index).padStart(4, '0')}>>`))
      await ask(server, 'POST', `/v1/${workspace}/events`, { events })
    }
    await server.close()
    return { dir, workspace }
  }

  async function flipRecord(dir: string, table: TableName, key: Buffer): Promise<void> {
    const environment = await openEnvironment(dir, () => {})
    const value = Buffer.from(environment.get(table, key) ?? [])
    value[9] = (value[9] ?? 0) ^ 1
    await environment.commit([{ table, key, value }])
    await environment.close()
  }

  test.each<[what: string, damage: (dir: string, workspace: string) => Promise<void> | void, detail: RegExp]>([
    ['of a block', (dir) => flipAll(join(dir, 'log.mdb'), '<<0057>>'), /^entries 56 to 60 cannot be read$/],
    [
      "of a channel's head",
      (dir, workspace) => flipRecord(dir, 'heads', channelKey({ workspace })),
      /^the head of a channel$/,
    ],
    [
      "of a workspace's record",
      (dir, workspace) => flipRecord(dir, 'store', storeKey('workspace', workspace)),
      /^a record of the kind workspace$/,
    ],
  ])('%s tells it in one line, with what to do, and is not ready; the rest is served', async (what, damage, detail) => {
    const { dir, workspace } = await left()
    await damage(dir, workspace)
    const server = await serve(dir)
    const told = server.lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'the storage has a fault')
    expect(told).toMatchObject([
      {
        level: 'error',
        code: 'damaged',
        detail: expect.stringMatching(detail),
        advice: expect.stringContaining('switchboard restore'),
      },
    ])
    if (!what.includes('record')) expect(told[0].workspace).toBe(workspace)
    const ready = await fetch(`${server.url}/readyz`)
    expect(ready.status).toBe(503)
    expect(await ready.text()).toContain('1 damaged place in what is stored')
    expect((await ask(server, 'GET', `/v1/${workspace}/events`)).status).toBe(200)
    expect(await (await fetch(`${server.url}/metrics`)).text()).toMatch(/^switchboard_log_faults 1$/m)
  })

  test('that nothing meets is found all the same, and named', async () => {
    const { dir, workspace } = await left()
    // Not at the end of a channel, which every start reads.
    flipAll(join(dir, 'log.mdb'), '<<0017>>')
    const server = await serve(dir)
    await vi.waitFor(async () => expect((await fetch(`${server.url}/readyz`)).status).toBe(503), 20_000)
    const told = server.lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'the storage has a fault')
    expect(told).toMatchObject([{ workspace, detail: 'entries 16 to 20 cannot be read' }])
  })

  test.each([
    [
      'of a page',
      /damaged beyond use: page \d+ of it .* `switchboard restore`/,
      (bytes: Buffer) => bytes.lastIndexOf('<<0007>>') & ~4095,
    ],
    ['of the head of the file', /not a log, or its first pages are damaged\. .* `switchboard restore`/, () => 0],
  ])('%s is refused with what is lost and what to do', async (_, said, at) => {
    const { dir } = await left()
    const path = join(dir, 'log.mdb')
    const bytes = await readFile(path)
    const from = at(bytes)
    await writeFile(path, bytes.fill(0, from, from + 4096))
    await expect(serve(dir)).rejects.toThrow(said)
  })
})

describe('a start', () => {
  test('makes an admin key once, and takes it ever after', async () => {
    const dir = await folder()
    const first = await serve(dir, { SWITCHBOARD_ADMIN_KEY: '' })
    const { adminKey = '' } = first
    expect(adminKey).not.toBe('')
    expect((await ask(first, 'GET', '/v1/workspaces', undefined, adminKey)).status).toBe(200)
    expect(first.lines.join('')).not.toContain(adminKey)
    await first.close()
    const second = await serve(dir, { SWITCHBOARD_ADMIN_KEY: '' })
    expect(second.adminKey).toBeUndefined()
    expect((await ask(second, 'GET', '/v1/workspaces', undefined, adminKey)).status).toBe(200)
  })

  test('on a port that is taken says so, and leaves nothing open', async () => {
    const running = await serve(await folder())
    const dir = await folder()
    const failing = serve(dir, { PORT: String(running.port) })
    await expect(failing).rejects.toThrow(ConfigError)
    await expect(failing).rejects.toThrow(/another program listens/)
    expect((await readdir(dir)).length).toBeGreaterThan(0)
    await serve(dir)
  })

  test('that failed after it made an admin key leaves the key to the next start, which can tell it', async () => {
    const running = await serve(await folder())
    const dir = await folder()
    await expect(serve(dir, { SWITCHBOARD_ADMIN_KEY: '', PORT: String(running.port) })).rejects.toThrow(ConfigError)
    const { adminKey } = await serve(dir, { SWITCHBOARD_ADMIN_KEY: '' })
    expect(adminKey).toBeDefined()
  })

  test.each([
    ['{', /line 1, column 2/],
    ['{"prefix":"acme"}', /events/],
    [undefined, /ENOENT/],
  ])('with the catalogue file %j says what is wrong with it', async (content, message) => {
    const dir = await folder()
    const file = join(dir, 'types.json')
    if (content !== undefined) await writeFile(file, content)
    const failing = serve(join(dir, 'data'), { SWITCHBOARD_CATALOGUE: file })
    await expect(failing).rejects.toThrow(ConfigError)
    await expect(failing).rejects.toThrow(message)
  })
})
