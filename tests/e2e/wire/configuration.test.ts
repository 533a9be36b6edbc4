import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bin, freePort, TestServer, until } from '../../kit.js'
import { ask, Listening, newCall, Place, sample, Watching } from './outside.js'

/** A folder of this test's own. */
function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-wire-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** Starts the server with nothing set but what is given; what it said, and how it ended if it did. */
function serve(env: Readonly<Record<string, string>>, flags: readonly string[] = [], cwd = folder()) {
  const child = spawn(process.execPath, [bin, 'serve', ...flags], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, XDG_CONFIG_HOME: join(cwd, '.config'), NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const started = { child, cwd, stdout: '', stderr: '', ended: once(child, 'close') }
  child.stdout.on('data', (bytes) => {
    started.stdout += bytes
  })
  child.stderr.on('data', (bytes) => {
    started.stderr += bytes
  })
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await started.ended
  })
  return started
}

describe('a wrong value stops the start with one line that names the variable, the value and what is accepted', () => {
  // One of each kind; the rest of the table is proven beside it, without a process for each.
  const wrong: readonly [variable: string, value: string, shown: string, accepted: RegExp][] = [
    ['PORT', '70000', '"70000"', /0 to 65535/],
    ['SWITCHBOARD_ADMIN_KEY', 'too-short-secret', '16 characters', /32 to/],
    ['SWITCHBOARD_RETENTION', 'a week', '"a week"', /90s/],
    ['SWITCHBOARD_ALLOWED_ORIGINS', '*', '"*"', /https:\/\//],
    ['SWITCHBOARD_CATALOGUE', '/nowhere/types.json', '/nowhere/types.json', /JSON/i],
    ['SWITCHBOARD_LOG_LEVEL', 'loud', '"loud"', /info/],
  ]
  test('each of them', { timeout: 30_000 }, async () => {
    const port = String(await freePort())
    const one = async ([variable, value, shown, accepted]: (typeof wrong)[number]) => {
      const started = serve({ PORT: port, [variable]: value })
      const [code] = await started.ended
      expect(code, variable).not.toBe(0)
      const lines = started.stderr.trimEnd().split('\n')
      expect(lines, variable).toHaveLength(1)
      expect(lines[0]).toContain(variable)
      expect(lines[0]).toContain(shown)
      expect(lines[0]).toMatch(accepted)
      if (variable === 'SWITCHBOARD_ADMIN_KEY') expect(lines[0]).not.toContain(value)
    }
    await Promise.all(wrong.map(one))
  })

  test('also as a flag, which the line then names', async () => {
    const started = serve({}, ['--heartbeat', 'soon'])
    const [code] = await started.ended
    expect(code).not.toBe(0)
    expect(started.stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(/--heartbeat.*"soon".*accepted/)])
  })
})

test('with nothing set it listens on 127.0.0.1 alone, keeps its data in ./data, and prints the key it made once', async () => {
  const port = String(await freePort())
  const first = serve({ PORT: port })
  const url = `http://127.0.0.1:${port}`
  const ready = () =>
    until('the server to be ready', async () => {
      const answer = await fetch(`${url}/readyz`).catch(() => undefined)
      return answer?.status === 200 || undefined
    })
  await ready()
  const key = await until('the key', () => /sb_admin_[A-Za-z0-9]{32,}/.exec(first.stdout + first.stderr)?.[0])
  expect(key.length).toBeGreaterThanOrEqual(32)
  expect((first.stdout + first.stderr).split(key)).toHaveLength(2)
  const headers = { authorization: `Bearer ${key}` }
  expect((await fetch(`${url}/v1/workspaces`, { headers })).status).toBe(200)

  // Nobody outside this machine can connect.
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)
  if (outside !== undefined) {
    const socket = connect(Number(port), outside.address)
    const [error] = await once(socket, 'error')
    expect(error.code).toBe('ECONNREFUSED')
  }

  // It is kept as a hash: no file of the data folder holds it, and only this user can read what is there.
  const data = join(first.cwd, 'data')
  const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  expect(files.length).toBeGreaterThan(0)
  for (const entry of files) {
    const path = join(entry.parentPath, entry.name)
    expect(readFileSync(path).includes(key), entry.name).toBe(false)
  }
  expect(statSync(data).mode & 0o077).toBe(0)

  first.child.kill('SIGTERM')
  expect(await first.ended).toEqual([0, null])
  const second = serve({ PORT: port }, [], first.cwd)
  await ready()
  expect((await fetch(`${url}/v1/workspaces`, { headers })).status).toBe(200)
  await until('the later start to have said where it is', () => second.stderr.includes(url) || undefined)
  expect(second.stdout + second.stderr).not.toContain(key)
})

test('the flags of serve are the table of variables', async () => {
  const started = serve({}, ['--help'])
  await started.ended
  for (const variable of [
    'PORT',
    'HOST',
    'SWITCHBOARD_DATA_DIR',
    'SWITCHBOARD_NATS_URL',
    'SWITCHBOARD_NATS_REPLICAS',
    'SWITCHBOARD_ADMIN_KEY',
    'SWITCHBOARD_RETENTION',
    'SWITCHBOARD_MAX_STREAMS_PER_WORKSPACE',
    'SWITCHBOARD_HEARTBEAT',
    'SWITCHBOARD_ALLOWED_ORIGINS',
    'SWITCHBOARD_CATALOGUE',
    'SWITCHBOARD_PUBLISH_RATE',
    'SWITCHBOARD_LOG_LEVEL',
  ]) {
    expect(started.stdout).toContain(variable)
  }
  expect(started.stdout).toMatch(/SWITCHBOARD_HEARTBEAT, default: 15s/)
  expect(started.stdout).toMatch(/SWITCHBOARD_RETENTION, default: 7d/)
})

describe('on one server with much set', () => {
  test('a taken port is told, origins are allowed, a custom type is carried, publishing is paced, and logs tell no secrets', async () => {
    const catalogue = join(folder(), 'types.json')
    writeFileSync(
      catalogue,
      JSON.stringify({
        prefix: 'parcels',
        events: [
          {
            channel: 'workspace',
            type: 'parcels.arrived',
            title: 'Parcel arrived',
            meaning: 'A parcel has come.',
            fields: { parcel_id: { type: 'string', description: 'The parcel.' } },
            required: ['parcel_id'],
            example: { event_type: 'parcels.arrived', parcel_id: 'p1' },
          },
        ],
      }),
    )
    const server = await TestServer.start({
      env: {
        SWITCHBOARD_ALLOWED_ORIGINS: 'https://console.example.com',
        SWITCHBOARD_CATALOGUE: catalogue,
        SWITCHBOARD_PUBLISH_RATE: '5',
        SWITCHBOARD_LOG_LEVEL: 'trace',
      },
    })
    const intruder = serve({ PORT: String(server.port) })
    const place = await Place.make(server)
    const { api_key } = await place.key(['events:write', 'events:read', 'pii:read'])
    const listening = await Listening.open(place)
    const parcel = { event_type: 'parcels.arrived', parcel_id: 'p1' }
    const said = await place.ask('POST', '/events', { body: parcel, credential: api_key })
    expect(said.status, said.text).toBe(201)
    expect(await listening.first('parcels.arrived')).toMatchObject({ data: parcel })

    // 429 with Retry-After once a key has published more than its rate.
    const events = Array.from({ length: 5 }, (_, count) => sample.sync(count))
    await place.ask('POST', '/events', { body: { events }, credential: api_key })
    const refused = await until('a refusal', async () => {
      const answer = await place.ask('POST', '/events', { body: { events }, credential: api_key })
      return answer.status === 429 ? answer : undefined
    })
    expect(refused.json).toMatchObject({ code: 'rate_limited', error_code: 'rate_limited' })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    // Another key is not slowed down by it.
    const other = await place.key(['events:write'])
    expect((await place.ask('POST', '/events', { body: parcel, credential: other.api_key })).status).toBe(201)

    // CORS: the origin that is set, with what a script needs to read; no other.
    const asked = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' }
    for (const [origin, allowed] of [
      ['https://console.example.com', true],
      ['https://evil.example.com', false],
    ] as const) {
      const shown = allowed ? origin : null
      const preflight = await ask(server, 'OPTIONS', place.path('/events'), {
        credential: null,
        headers: { origin, ...asked },
      })
      expect(preflight.headers.get('access-control-allow-origin')).toBe(shown)
      const read = await place.ask('GET', '/events?limit=1', { headers: { origin } })
      expect(read.headers.get('access-control-allow-origin')).toBe(shown)
      if (allowed) expect(read.headers.get('access-control-expose-headers')).toMatch(/x-request-id/i)
    }
    const stream = await Listening.open(place, { headers: { origin: 'https://console.example.com' } })
    expect(stream.headers.get('access-control-allow-origin')).toBe('https://console.example.com')
    const call = newCall()
    await place.say(sample.userSaid('canary-transcript'), call)
    const allowed = await Watching.open(place, call, { headers: { origin: 'https://console.example.com' } })
    await allowed.first('session_info')
    const foreign = await Watching.open(place, call, { headers: { origin: 'https://evil.example.com' } })
    expect(await foreign.over()).toMatchObject({ code: 4403, reason: expect.stringMatching(/^forbidden/) })

    // A second server on the same port says so in one line, and the first never notices.
    const [code] = await intruder.ended
    expect(code).not.toBe(0)
    const errors = intruder.stderr.trimEnd().split('\n')
    expect(errors).toHaveLength(1)
    expect(errors[0]).toContain(String(server.port))

    // Nothing of all that may be in the log, even at its most talkative.
    const token = await place.token(['events:read'])
    const byToken = await Listening.open(place, { credential: null, query: `access_token=${token}` })
    await byToken.first('stream.opened')
    await place.say(sample.started(newCall(), { caller_id: '+15550177' }))
    await until('the log to have told of requests', () => server.output.includes('/events') || undefined)
    const { output } = server
    for (const secret of [api_key, server.adminKey, token, 'canary-transcript', '+15550177']) {
      expect(output.includes(secret), secret.slice(0, 6)).toBe(false)
    }
    for (const line of output.split('\n').filter((text) => text.startsWith('{'))) JSON.parse(line)
  })
})
