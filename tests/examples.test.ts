import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { freePort, type Json, root, TestServer, until } from './kit.js'

const CALL = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'
const started: Json = { event_type: 'call.started', call_sid: CALL, direction: 'inbound', service_id: 'svc-1' }
const ended: Json = {
  event_type: 'call.ended',
  call_sid: CALL,
  direction: 'inbound',
  duration_seconds: 12,
  completion_reason: 'completed',
}

/** An example as a user runs it: from the root of the clone, with the built SDK. It ends with the test. */
class Example {
  stdout = ''
  stderr = ''
  private readonly child: ChildProcess
  private readonly closed: Promise<unknown>

  constructor(command: readonly [string, ...string[]], env: NodeJS.ProcessEnv) {
    const [program, ...args] = command
    this.child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.closed = once(this.child, 'close')
    onTestFinished(() => void this.child.kill('SIGKILL'))
  }

  get lines(): readonly string[] {
    return this.stdout.split('\n').slice(0, -1)
  }

  /** Its standard output, once it has ended by itself, or by `signal`. */
  async end(signal?: NodeJS.Signals): Promise<{ status: number | null; stdout: string }> {
    if (signal !== undefined) this.child.kill(signal)
    await this.closed
    return { status: this.child.exitCode, stdout: this.stdout }
  }

  /** Resolves when it has printed this many lines. */
  printed(count: number): Promise<unknown> {
    return until(`${count} lines`, () => {
      if (this.lines.length >= count) return true
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.stdout}${this.stderr}`)
      return undefined
    })
  }
}

/** A script of examples/, with a key that may just what its header asks for. */
async function script(server: TestServer, permissions: readonly string[], ...args: string[]): Promise<Example> {
  const { api_key } = await server.key(permissions)
  const command = args[0]?.endsWith('.ts') ? [process.execPath, '--import', 'tsx'] : []
  const [first = '', ...rest] = [...command, ...args]
  return new Example([first, ...rest], { ...server.clientEnv, SWITCHBOARD_API_KEY: api_key })
}

test('stream.ts prints each event as it happens, goes on after a position, and ends with Ctrl-C', async () => {
  const server = await TestServer.start({ env: { SWITCHBOARD_CATALOGUE: join(root, 'examples/custom-events.json') } })
  const live = await script(server, ['events:read'], 'examples/stream.ts')
  await until('it to be connected', () => live.stderr.includes('connected') || undefined)
  const order = { event_type: 'acme.order_placed', order_id: 'o-1', total: 24.5 }
  const [first, second, third] = await server.publish([started, order, ended])
  await live.printed(3)
  expect(live.lines).toEqual([
    `${first} call.started ${CALL} inbound, from nobody known`,
    `${second} unknown (acme.order_placed) ${JSON.stringify(order)}`,
    `${third} call.ended ${CALL} completed after 12 s`,
  ])
  expect((await live.end('SIGINT')).status).toBe(0)

  const resumed = await script(server, ['events:read'], 'examples/stream.ts', String(second))
  await resumed.printed(1)
  expect((await resumed.end('SIGINT')).stdout).toBe(`${third} call.ended ${CALL} completed after 12 s\n`)
})

test('publish.ts stores once however often it runs, and observe.ts tells the call that it made', async () => {
  const server = await TestServer.start()
  const may = ['events:write', 'calls:publish']
  const first = await (await script(server, may, 'examples/publish.ts', CALL)).end()
  expect(first).toMatchObject({ status: 0 })
  expect(first.stdout).toMatch(
    /^call CA\w+\nstarted: stored at \S+-1\ntalk: stored at .*\nrefused: \/duration_seconds .*\nended: stored at \S+-2\n$/,
  )
  const second = await (await script(server, may, 'examples/publish.ts', CALL)).end()
  expect(second.stdout).toBe(first.stdout.replaceAll(': stored at', ': stored before at'))

  const observed = await (
    await script(server, ['calls:observe', 'events:read', 'pii:read'], 'examples/observe.ts', CALL)
  ).end()
  expect(observed).toEqual({
    status: 0,
    stdout: `${CALL}, inbound
agent: Harbor Clinic, how can I help?
caller: Is the clinic open on Friday?
  hours-1 opening_hours …
  hours-1 opening_hours done
agent: From eight until noon.
the call is over: completed
`,
  })
})

test('observe.ts finds the active call by itself, and stays until it ends', async () => {
  const server = await TestServer.start()
  const may = ['calls:observe', 'events:read', 'pii:read']
  const nobody = await (await script(server, may, 'examples/observe.ts')).end()
  expect(nobody).toEqual({ status: 1, stdout: '' })

  await server.publish([started])
  const observe = await script(server, may, 'examples/observe.ts')
  await observe.printed(1)
  await server.publish([{ type: 'user_transcript', transcript: 'Good morning.' }], CALL)
  await observe.printed(2)
  await server.publish([ended])
  const { status, stdout } = await observe.end()
  expect(status).toBe(0)
  expect(stdout).toBe(`${CALL}, inbound\ncaller: Good morning.\nthe call is over: completed\n`)
})

test('board.ts begins with the state, follows every change, and misses nothing when the server dies', async () => {
  const server = await TestServer.start()
  await server.publish([started])
  const board = await script(server, ['events:read'], 'examples/board.ts')
  await board.printed(1)
  await server.publish([
    {
      event_type: 'call.escalated',
      call_sid: CALL,
      escalation_id: 'e-1',
      trigger: 'caller',
      reason: 'asks for a person',
    },
  ])
  await board.printed(2)
  await server.crash()
  await server.publish([{ event_type: 'operator.joined_call', call_sid: CALL, operator_id: 'op-1', mode: 'takeover' }])
  await server.publish([{ event_type: 'surface.updated', surface_id: 's-1' }])
  await server.publish([ended])
  await board.printed(4)
  const { status } = await board.end('SIGINT')
  expect(status).toBe(0)
  const row = { direction: 'inbound', needs_person: false, operators: [] as string[] }
  expect(board.lines.map((line) => JSON.parse(line))).toEqual([
    { [CALL]: row },
    { [CALL]: { ...row, needs_person: true } },
    { [CALL]: { ...row, operators: ['op-1'] } },
    {},
  ])
})

test('curl.sh publishes, stores a repeat once, and streams what it has published', async () => {
  const server = await TestServer.start()
  const publish = await (await script(server, ['events:write'], 'examples/curl.sh', 'publish')).end()
  expect(publish.status).toBe(0)
  const ids = publish.stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { ids: string[] }).ids)
  expect(ids.map(({ length }) => length)).toEqual([1, 2, 1, 1])
  expect(ids[3]).toEqual(ids[2])

  const stream = await script(server, ['events:read'], 'examples/curl.sh', 'stream')
  await until('four events', () => (stream.stdout.match(/^data: \{"event_type"/gm) ?? []).length === 4 || undefined)
  const seen = [...stream.stdout.matchAll(/^id: (\S+)\nevent: (\S+)\ndata: \{"event_type"/gm)]
  expect(seen.map(([, id]) => id)).toEqual([...new Set(ids.flat())])

  const refused = await (await script(server, ['events:read'], 'examples/curl.sh', 'publish')).end()
  expect(refused.status).not.toBe(0)
  expect(refused.stdout).toContain('"code":"forbidden"')
})

test.skipIf(!existsSync('/usr/bin/chromium'))(
  'browser: the page never sees an API key, shows events as they happen, and comes back with a new token',
  async () => {
    const port = await freePort()
    const origin = `http://127.0.0.1:${port}`
    const server = await TestServer.start({ env: { SWITCHBOARD_ALLOWED_ORIGINS: origin } })
    const { api_key, key_id } = await server.key(['events:read'])
    const backend = new Example([process.execPath, '--import', 'tsx', 'examples/browser/server.ts'], {
      ...server.clientEnv,
      SWITCHBOARD_API_KEY: api_key,
      PORT: String(port),
      TOKEN_SECONDS: '2',
    })
    await backend.printed(1)
    expect(backend.stdout).toBe(`open ${origin}\n`)

    const browser = await chromium.launch({ executablePath: '/usr/bin/chromium' })
    onTestFinished(() => browser.close())
    const page = await browser.newPage()
    const complaints: string[] = []
    page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())))
    let bodies = ''
    let tokens = 0
    page.on('response', async (response) => {
      if (response.url() === `${origin}/token` && response.ok()) tokens++
      if (!response.url().includes('/events/stream')) bodies += await response.text().catch(() => '')
    })
    await page.goto(origin)
    const state = page.locator('#state')
    await until('the page to be live', async () => (await state.textContent()) === 'live' || undefined)
    expect(complaints).toEqual([])
    await server.publish([started])
    const lines = page.locator('#events li')
    await until('the first event', async () => (await lines.count()) === 1 || undefined)
    expect(await lines.first().textContent()).toBe(`call.started ${JSON.stringify(started)}`)

    // The server is gone for a while; the page comes back by itself and has missed nothing.
    await server.crash()
    await server.publish([ended])
    await until('the second event', async () => (await lines.count()) === 2 || undefined)
    expect(await lines.first().textContent()).toBe(`call.ended ${JSON.stringify(ended)}`)

    // Tokens live two seconds here: the stream has ended with each, and gone on with the next.
    const before = tokens
    await until('a new token', () => tokens > before || undefined)
    await server.publish([{ ...started, call_sid: 'CA2' }])
    await until('the third event', async () => (await lines.count()) === 3 || undefined)
    expect(await lines.allTextContents()).toHaveLength(3)
    expect(bodies).not.toContain(api_key.slice(key_id.length + 4))
  },
  60_000,
)

test('custom-events.json adds types that are checked, filtered and masked as built-in ones are', async () => {
  const server = await TestServer.start({ env: { SWITCHBOARD_CATALOGUE: join(root, 'examples/custom-events.json') } })
  const file = JSON.parse(readFileSync(join(root, 'examples/custom-events.json'), 'utf8')) as {
    events: { channel: string; example: Json }[]
  }
  for (const { channel, example } of file.events) {
    await server.publish([example], channel === 'observer' ? CALL : undefined)
  }
  await expect(server.publish([{ event_type: 'acme.order_placed', order_id: 'o-1', total: -1 }])).rejects.toThrow(
    '/events/0/total',
  )
  const { api_key } = await server.key(['events:read'])
  const page = await server.request('GET', `/v1/${server.workspace}/events?types=acme.*`, undefined, api_key)
  expect(page.items).toMatchObject([{ event_type: 'acme.order_placed', order_id: 'o-1001', email: '[masked]' }])
})

test('each example begins by saying what it shows and how to run it', () => {
  const files = ['', 'browser/'].flatMap((folder) =>
    readdirSync(join(root, 'examples', folder))
      .filter((name) => /\.(ts|sh)$/.test(name))
      .map((name) => folder + name),
  )
  expect(files).toContain('stream.ts')
  for (const file of files) {
    const header = readFileSync(join(root, 'examples', file), 'utf8').split(/\n(?!\/\/|#)/)[0]
    expect(header, file).toContain('Shows: ')
    expect(header, file).toContain(file.endsWith('.ts') ? `node --import tsx examples/${file}` : `examples/${file}`)
  }
})
