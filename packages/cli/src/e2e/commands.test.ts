import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { build, freePort, User } from './cli.test-kit.js'

beforeAll(build)

const CALL = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'
const fixture = fileURLToPath(
  new URL('../../../../tests/fixtures/timelines/call-escalation-takeover.jsonl', import.meta.url),
)

const sync = (count: number): readonly string[] => [
  'publish',
  'pipeline.sync_completed',
  'data_source_id=ehr',
  `event_count=${count}`,
  'duration_ms=1',
]
const countsOf = (lines: readonly string[]): readonly number[] =>
  lines.map((line) => JSON.parse(line).event.event_count)

describe('a first start on an empty folder', () => {
  test('makes a workspace and keys, says what to do next, and the next command just works', async () => {
    const user = new User()
    const port = await freePort()
    const server = await user.serve(port)
    const said = server.stderr
    expect(said).toContain('Welcome to Switchboard')
    expect(said).toContain('switchboard tail')
    expect(said).toContain('switchboard simulate')
    const curl = /curl -N -H 'Authorization: Bearer (sb_\w+)' (http:\S+)/.exec(said)
    expect(curl?.[2]).toMatch(new RegExp(`^http://127.0.0.1:${port}/v1/[0-9a-f-]{36}/events/stream$`))
    expect(said.match(/Admin key/g)).toHaveLength(1)
    expect(said).toContain(user.credentials)
    expect(statSync(user.credentials).mode & 0o777).toBe(0o600)

    const answer = await fetch(curl?.[2] ?? '', { method: 'HEAD', headers: { authorization: `Bearer ${curl?.[1]}` } })
    expect(answer.status).toBe(200)

    // No address, no key, no workspace: all of it comes from the credentials file.
    const published = await user.run(...sync(12))
    expect(published).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+-\d+\n$/) })
    const tailed = await user.run('tail', '--since', '1h', '--count', '1')
    expect(tailed).toMatchObject({ status: 0, stderr: '' })
    expect(tailed.stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}pipeline\.sync_completed {3}ehr 12 events in 1 ms\n$/)
  })

  test('happens once: a later start says little and keeps the keys, on another port too', async () => {
    const user = new User()
    const first = await user.serve(await freePort())
    expect((await user.run(...sync(1))).status).toBe(0)
    expect((await first.kill('SIGTERM')).status).toBe(0)
    const key = JSON.parse(readFileSync(user.credentials, 'utf8'))

    const port = await freePort()
    const second = await user.serve(port)
    expect(second.stderr).not.toContain('Welcome')
    expect(second.stderr).not.toContain('Admin key')
    const kept = JSON.parse(readFileSync(user.credentials, 'utf8'))
    expect(Object.keys(kept.servers)).toEqual([`http://127.0.0.1:${port}`])
    expect(Object.values(kept.servers)).toEqual(Object.values(key.servers))
    expect(
      countsOf((await user.run('tail', '--since', '1h', '--count', '1', '--json')).stdout.trim().split('\n')),
    ).toEqual([1])
  })

  test('by somebody else is told to whoever starts it without their credentials', async () => {
    const owner = new User()
    const first = await owner.serve(await freePort())
    await first.kill('SIGTERM')
    const stranger = new User()
    const port = await freePort()
    const server = stranger.start('serve', '--port', String(port), '--data-dir', owner.data, '--log-level', 'warn')
    await server.until(({ stderr }) => stderr.includes('its keys are not in'))
    expect(server.stderr).toContain('set up by another user, or from another home folder')
    const tried = await stranger.run('tail', '--url', `http://127.0.0.1:${port}`)
    expect(tried.status).toBe(3)
  })

  test('with --json tells programs all of it in one line', async () => {
    const user = new User()
    const port = await freePort()
    const server = await user.serve(port, '--json')
    const line = server.lines.map((each) => JSON.parse(each)).find((each) => 'first_start' in each)
    expect(line?.first_start).toMatchObject({
      url: `http://127.0.0.1:${port}`,
      workspace_slug: 'default',
      credentials: user.credentials,
      api_key: expect.stringMatching(/^sb_/),
      admin_key: expect.any(String),
    })
    expect(server.stderr).toBe('')
  })
})

test('a command loads nothing that it does not need: --help no schema, no SDK and no server', async () => {
  const coverage = join(new User().home, 'coverage')
  // Node writes here which modules it has run.
  const { status } = await new User({ NODE_V8_COVERAGE: coverage }).run('--help')
  expect(status).toBe(0)
  const [file] = readdirSync(coverage)
  const { result } = JSON.parse(readFileSync(join(coverage, String(file)), 'utf8')) as { result: { url: string }[] }
  const loaded = result.map(({ url }) => url).join('\n')
  expect(loaded).toContain('/cli/dist/program.js')
  expect(loaded).not.toMatch(/ajv|typebox|contract\/dist\/index|sdk\/dist|server\/dist/)
})

describe('a start that cannot be', () => {
  test('because the port is taken says so in one line', async () => {
    const user = new User()
    const port = await freePort()
    await user.serve(port)
    const other = new User()
    const { status, stderr } = await other.run('serve', '--port', String(port), '--data-dir', other.data)
    expect(status).toBe(2)
    expect(stderr).toContain(`${port}`)
    expect(stderr).not.toMatch(/^\s+at /m)
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2)
  })

  test.each([
    ['a port that is none', ['--port', '99999'], 2, /99999/],
    ['a retention that is none', ['--retention', 'soon'], 2, /soon/],
    ['a data folder that is a file', ['--data-dir', '/etc/hostname'], 75, /\/etc\/hostname/],
  ])('because of %s names it', async (_, args, expected, said) => {
    const user = new User()
    const { status, stderr } = await user.run('serve', ...args)
    expect(status).toBe(expected)
    expect(stderr).toMatch(said)
    expect(stderr).not.toMatch(/^\s+at /m)
  })
})

describe('with a server', () => {
  test('tail goes on across a killed and restarted server without a gap', async () => {
    const user = new User()
    const port = await freePort()
    let server = await user.serve(port)
    expect((await user.run(...sync(1))).status).toBe(0)
    const tail = user.start('tail', '--since', '1h', '--json', '--count', '4')
    await tail.until(({ lines }) => lines.length === 1)
    expect((await user.run(...sync(2))).status).toBe(0)
    await tail.until(({ lines }) => lines.length === 2)

    await server.kill('SIGKILL')
    await tail.until(({ stderr }) => stderr.includes('connection lost'))
    server = await user.serve(port)
    expect((await user.run(...sync(3))).status).toBe(0)
    expect((await user.run(...sync(4))).status).toBe(0)

    const { status, stderr } = await tail.ended
    expect(countsOf(tail.lines)).toEqual([1, 2, 3, 4])
    expect(stderr.match(/connection lost/g)).toHaveLength(1)
    expect(stderr).toContain('connected again')
    expect(stderr).not.toContain('gap')
    expect(status).toBe(0)
  })

  test('observe goes on across a killed and restarted server, and ends with the call', async () => {
    const user = new User()
    const port = await freePort()
    const server = await user.serve(port)
    const say = async (words: string): Promise<void> => {
      const { status } = await user.run(
        'publish',
        '--call',
        CALL,
        'user_transcript',
        `transcript=${words}`,
        'speaker_role=caller',
      )
      expect(status).toBe(0)
    }
    await say('one')
    const observer = user.start('observe', CALL)
    await observer.until(({ stdout }) => stdout.includes('one'))
    await say('two')
    await observer.until(({ stdout }) => stdout.includes('two'))
    await server.kill('SIGKILL')
    await observer.until(({ stderr }) => stderr.includes('connection lost'))
    await user.serve(port)
    await say('three')
    await user.run(
      ...['publish', 'call.ended', `call_sid=${CALL}`, 'direction=inbound', 'duration_seconds=9'],
      ...['completion_reason=completed', 'escalated=false'],
    )
    const { status, stdout, stderr } = await observer.ended
    expect([...stdout.matchAll(/caller {4}(\w+)/g)].map(([, word]) => word)).toEqual(['one', 'two', 'three'])
    expect(stdout.match(/ call {6}/g)).toHaveLength(1)
    expect(stdout.trim().split('\n').at(-1)).toContain('end       completed')
    expect(stderr).toContain('connected again')
    expect(status).toBe(0)
  })

  test('wrong input ends with the status of the failure table, and says what is wrong where', async () => {
    const user = new User()
    await user.serve(await freePort())
    const other = (await user.run('workspaces', 'create', 'Other', '--json')).stdout
    const { id: otherId } = JSON.parse(other)
    const key = (await user.run('keys', 'create', '--name', 'reader', '-p', 'events:read')).stdout.trim()

    const missing = await user.run('publish', 'call.ended', 'call_sid=CA1', 'direction=inbound')
    expect(missing).toMatchObject({ status: 7, stdout: '' })
    expect(missing.stderr).toMatch(/duration_seconds/)
    expect(missing.stderr).toMatch(/completion_reason/)
    const batch = await user.pipe(
      '{"event_type":"surface.updated","surface_id":"s"}\n{"event_type":"surface.updated"}\n',
      'publish',
      '-',
      '--json',
    )
    expect(batch.status).toBe(7)
    expect(JSON.parse(batch.stderr).error.errors[0].path).toContain('1')
    expect(await user.pipe('{oops', 'publish', '-')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('line 1'),
    })
    expect((await user.run('publish', 'call.endd')).status).toBe(7)
    expect((await user.run('tail', '--key', 'sb_nobody_nothing')).status).toBe(3)
    expect((await user.run('tail', '--key', key, '--workspace', otherId)).status).toBe(4)
    expect((await user.run(...sync(1), '--key', key)).status).toBe(4)
    expect((await user.run('observe', 'CA00000000000000000000000000000000')).status).toBe(5)
    expect((await user.run('workspaces', 'create', 'Other')).status).toBe(6)
    expect((await user.run('tail', '--since', 'soon')).status).toBe(2)
    expect(
      await user.run('publish', '--url', `http://127.0.0.1:${await freePort()}`, '--key', key, '-w', otherId, 'x.y'),
    ).toMatchObject({
      status: 75,
    })
  })

  test('a recorded call replays, is observed as it was spoken, and is found by the beginning of its id', async () => {
    const user = new User()
    await user.serve(await freePort())
    const replayed = await user.run('replay', fixture, '--speed', 'max')
    expect(replayed).toMatchObject({ status: 0, stderr: expect.stringContaining('25 events published.') })
    const { status, stdout, stderr } = await user.run('observe', CALL.slice(0, 10))
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain('agent     Harbor Clinic, how can I help?')
    expect(stdout).toContain('operator  This is')
    expect(stdout).toContain('tool      find_appointment done in 871 ms')
    expect(stdout.trim().split('\n').at(-1)).toContain('end       completed after 1 min 37 s')

    const recorded = await user.run('observe', CALL, '--json')
    const again = await user.run('tail', '--since', '1h', '--json', '--count', '9')
    const copy = await user.pipe(`${again.stdout}`, 'replay', '-', '--speed', 'max')
    expect(copy).toMatchObject({ status: 0, stderr: expect.stringContaining('9 events published.') })
    expect(
      recorded.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).event.type)
        .at(-1),
    ).toBe('session_end')
  })

  test('a simulation leaves a believable workspace, and no call is left open', async () => {
    const user = new User()
    const port = await freePort()
    await user.serve(port)
    const { status, stderr } = await user.run('simulate', '--seed', '7', '--duration', '3m', '--speed', 'max')
    expect({ status, stderr }).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/events of \d+ calls published/),
    })
    const { servers, current } = JSON.parse(readFileSync(user.credentials, 'utf8'))
    const { api_key, workspace_id } = servers[current]
    const state = async (what: string): Promise<{ items: readonly Record<string, unknown>[] }> =>
      (await fetch(`${current}/v1/${workspace_id}/${what}`, { headers: { authorization: `Bearer ${api_key}` } })).json()
    expect((await state('calls?status=active')).items).toEqual([])
    expect((await state('calls?status=ended')).items.length).toBeGreaterThan(20)
    expect((await state('surfaces')).items.length).toBeGreaterThan(5)
    const operators = (await state('operators')).items
    expect(operators.length).toBeGreaterThan(2)
    expect(new Set(operators.map((operator) => operator.status))).toEqual(new Set(['offline']))
  })

  test('a simulation that is interrupted hangs up what it has begun', async () => {
    const user = new User()
    await user.serve(await freePort())
    const simulation = user.start('simulate', '--speed', '20', '--calls-per-minute', '60')
    const tail = await user.run('tail', '--since', '1h', '--types', 'call.started', '--count', '5')
    expect(tail.status).toBe(0)
    const { status, stderr } = await simulation.kill('SIGINT')
    expect(status).toBe(0)
    expect(stderr).toContain('Hanging up open calls')
    expect((await user.run('observe')).stderr).toContain('No call is active.')
  })

  test('a simulation waits for a server that is restarted, and loses and repeats nothing', async () => {
    const user = new User()
    const port = await freePort()
    const server = await user.serve(port)
    const simulation = user.start('simulate', '--seed', '5', '--speed', '40', '--duration', '90s')
    expect((await user.run('tail', '--since', '1h', '--types', 'call.ended', '--count', '2')).status).toBe(0)
    await server.kill('SIGKILL')
    await simulation.until(({ stderr }) => stderr.includes('trying again until it works'))
    await user.serve(port)
    const { status, stderr } = await simulation.ended
    expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.stringContaining('the server is back') })
    const count = Number(/([\d ]+) events? of/.exec(stderr)?.[1]?.replaceAll(' ', ''))
    const printed = await user.run('simulate', '--seed', '5', '--duration', '90s', '--print')
    const story = printed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(count).toBe(story.length)
    const types = story.flatMap(({ ws }) => (ws === undefined ? [] : [`${ws.event_type} ${ws.call_sid}`]))
    const stored = await user.run('tail', '--since', '1h', '--json', '--count', String(types.length))
    const seen = stored.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).event)
    expect(seen.map((event) => `${event.event_type} ${event.call_sid}`)).toEqual(types)
  })

  test('whoever stops reading, as head does, is not scolded', async () => {
    const user = new User()
    await user.serve(await freePort())
    await user.run('simulate', '--seed', '1', '--duration', '2m', '--speed', 'max')
    const tail = user.start('tail', '--since', '1h')
    await tail.until(({ lines }) => lines.length > 1)
    tail.stopReading()
    // Something more must be written for it to notice.
    const noticed = tail.ended
    let over = false
    void noticed.then(() => {
      over = true
    })
    while (!over) await user.run(...sync(1))
    expect(await noticed).toMatchObject({ status: 0, stderr: '' })
  })

  test('Ctrl-C ends a tail as its natural end', async () => {
    const user = new User()
    await user.serve(await freePort())
    await user.run(...sync(1))
    const tail = user.start('tail', '--since', '1h')
    await tail.until(({ lines }) => lines.length === 1)
    expect(await tail.kill('SIGINT')).toMatchObject({ status: 0, stderr: '' })
  })

  test('keys are made, used, renewed and ended', async () => {
    const user = new User()
    await user.serve(await freePort())
    const { key_id, api_key } = JSON.parse((await user.run('keys', 'create', '--name', 'app', '--json')).stdout)
    expect((await user.run(...sync(1), '--key', api_key)).status).toBe(0)
    const renewed = (await user.run('keys', 'rotate', key_id)).stdout.trim()
    expect((await user.run(...sync(2), '--key', api_key)).status).toBe(3)
    expect((await user.run(...sync(2), '--key', renewed)).status).toBe(0)
    expect((await user.run('keys', 'list')).stdout).toContain(key_id)
    expect((await user.run('keys', 'revoke', renewed)).status).toBe(0)
    expect((await user.run(...sync(3), '--key', renewed)).status).toBe(3)

    // Rotating the key that commands use themselves does not lock them out.
    const own = (await user.run('keys', 'list', '--json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .find(({ name }) => name === 'switchboard command line')
    expect((await user.run('keys', 'rotate', own.key_id)).status).toBe(0)
    expect((await user.run(...sync(4))).status).toBe(0)

    const lines = (await user.run('keys', 'create', '--name', 'app', '--env')).stdout.trim().split('\n')
    const env = Object.fromEntries(lines.map((line) => /^export (\w+)='([^']*)'$/.exec(line)?.slice(1) ?? []))
    expect(Object.keys(env)).toEqual(['SWITCHBOARD_URL', 'SWITCHBOARD_WORKSPACE', 'SWITCHBOARD_API_KEY'])
    expect((await new User(env).run(...sync(5))).status).toBe(0)

    const token = (await user.run('token', 'create', '--ttl', '1m')).stdout.trim()
    expect((await user.run('tail', '--key', token, '--since', '1h', '--count', '1')).status).toBe(0)
    const link = async (...more: string[]) => (await user.run('token', 'create', '--link', ...more)).stdout.trim()
    expect(await link()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/console\/#token=[\w.-]+$/)
    expect(await link('--call-sid', 'CA1')).toMatch(/\/console\/calls\/CA1#token=/)
  })

  test('doctor finds nothing that fails, and measures a round trip', async () => {
    const user = new User()
    await user.serve(await freePort())
    const { status, stdout } = await user.run('doctor', '--round-trip', '--json')
    const findings = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(findings.filter(({ verdict }) => verdict === 'fail')).toEqual([])
    const names = findings.map(({ name }) => name)
    for (const name of [
      'server',
      'ready',
      'clocks',
      'credentials file',
      'key',
      'publish → receive',
      'data folder',
      'disk',
      'Node.js',
    ]) {
      expect(names).toContain(name)
    }
    expect(status).toBe(0)
  })

  test('doctor without a server says so and exits with 75', async () => {
    const user = new User({ SWITCHBOARD_URL: `http://127.0.0.1:${await freePort()}` })
    const { status, stdout } = await user.run('doctor')
    expect(status).toBe(75)
    expect(stdout).toContain('fail  server')
    expect(stdout).toContain('switchboard serve')
  })
})
