import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { startNats } from '../../../server/testing/nats.js'
import { build, freePort, type Running, User } from './cli.test-kit.js'

beforeAll(build)

const reason = spawnSync('nats-server', ['--version']).status === 0 ? undefined : 'there is no nats-server on the PATH'
if (reason) console.log(`migrate and doctor over NATS are not tested: ${reason}`)

const TIMELINES = fileURLToPath(new URL('../../../../tests/fixtures/timelines', import.meta.url))
const CALL = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'

type Json = Record<string, unknown>

interface Kept {
  readonly admin_key: string
  readonly api_key: string
  readonly workspace_id: string
}

/** A dozen processes start one after the other, each in a second, or in several on a busy machine. */
const PROCESSES_MS_MAX = 120_000

/** A server, as programs use it. */
class Api {
  constructor(
    private readonly url: string,
    readonly kept: Kept,
  ) {}

  async ask(path: string, { key = this.kept.admin_key, ...init }: RequestInit & { key?: string } = {}): Promise<Json> {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...init.headers }
    const answer = await fetch(`${this.url}/v1/${this.kept.workspace_id}${path}`, { ...init, headers })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as Json
  }

  /** Everything that can be read of the workspace, without sequences, which are others after a move. */
  async everything(): Promise<Json> {
    const history = async (path: string) => {
      const { items } = await this.ask(`${path}?limit=1000`)
      return (items as Json[]).map((item) => ({ ...item, id: String(item.id).split('-')[0] }))
    }
    const lists = ['/calls', '/operators', '/surfaces', '/pipeline/sources', '/api-keys']
    const state = await Promise.all(lists.map(async (path) => [path, (await this.ask(path)).items]))
    const [calls] = state as unknown as [[string, Json[]]]
    const isKnown = calls[1].some(({ call_sid }) => call_sid === CALL)
    return { workspace: await history('/events'), call: isKnown && (await history(`/calls/${CALL}/events`)), state }
  }
}

async function served(user: User, args: readonly string[] = []): Promise<{ server: Running; api: Api; url: string }> {
  const port = await freePort()
  const server = await user.serve(port, ...args)
  const kept = JSON.parse(readFileSync(user.credentials, 'utf8')) as { servers: Record<string, Kept> }
  const url = `http://127.0.0.1:${port}`
  const [own] = Object.values(kept.servers)
  return { server, url, api: new Api(url, kept.servers[url] ?? (own as Kept)) }
}

/** A user whose server has lived a little, and is stopped. */
async function lived(fill: (user: User, api: Api) => Promise<void>): Promise<{ user: User; api: Api; before: Json }> {
  const user = new User()
  const { server, api } = await served(user)
  await fill(user, api)
  const before = await api.everything()
  expect((await server.kill('SIGTERM')).status).toBe(0)
  return { user, api, before }
}

async function timelines(user: User): Promise<void> {
  for (const name of [
    'call-escalation-takeover',
    'operator-shift',
    'pipeline-failing-then-well',
    'surfaces-review-cycle',
  ]) {
    const played = await user.run('replay', join(TIMELINES, `${name}.jsonl`), '--speed', 'max')
    expect(played.status, played.stderr).toBe(0)
  }
}

const move = (user: User, urls: readonly string[], ...args: readonly string[]): readonly string[] => [
  ...['migrate', '--from', 'lmdb', '--to', 'jetstream', '--data-dir', user.data],
  ...['--nats-url', urls.join(','), ...args],
]

describe.skipIf(reason)('migrate', { timeout: PROCESSES_MS_MAX }, () => {
  test('a gateway has what the single server had, for the same keys', async () => {
    const nats = await startNats()
    const publish = ['publish', 'pipeline.sync_completed', 'data_source_id=ehr', 'event_count=1', 'duration_ms=1']
    const { user, api, before } = await lived(async (user, api) => {
      await timelines(user)
      expect((await user.run(...publish, '--idempotency-key', 'once')).status).toBe(0)
      await api.ask('/sources/twilio/secret', {
        method: 'PUT',
        body: JSON.stringify({ auth_token: 'canary-twilio-token-of-32-letters' }),
      })
    })
    const map = join(user.home, 'map.tsv')
    const moved = await user.run(...move(user, nats.urls, '--all', '--map', map))
    expect(moved.stdout + moved.stderr).not.toContain('canary')
    expect(moved.status, moved.stderr).toBe(0)
    expect(moved.stdout).toContain('Both sides are the same. The admin key is the same as before.')

    const { api: after, url } = await served(user, ['--nats-url', nats.urls.join(',')])
    const gateway = new Api(url, api.kept)
    expect(await gateway.everything()).toEqual(before)
    expect(await gateway.ask('/sources/twilio/secret')).toMatchObject({ updated_at: expect.anything() })
    expect(await gateway.ask('/events?limit=1', { key: api.kept.api_key })).toMatchObject({ has_more: true })
    expect(after.kept).toEqual(api.kept)

    // The repeat is known, and answered with the position that the map tells.
    const again = await user.run(...publish, '--idempotency-key', 'once')
    const pairs = readFileSync(map, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split('\t'))
    expect(statSync(map).mode & 0o777).toBe(0o600)
    expect(pairs.filter(([channel]) => channel === api.kept.workspace_id).at(-1)?.[2]).toBe(again.stdout.trim())
    expect(pairs.some(([channel]) => channel === `${api.kept.workspace_id}/${CALL}`)).toBe(true)
    expect(await gateway.everything()).toEqual(before)
  })

  test('killed in the middle, again and again, leaves nothing out and nothing twice', async () => {
    const nats = await startNats()
    const { user, api, before } = await lived(async (user) => {
      const made = await user.run(
        'simulate',
        '--seed',
        '3',
        '--duration',
        '2m',
        '--speed',
        'max',
        '--calls-per-minute',
        '60',
      )
      expect(made.status, made.stderr).toBe(0)
    })
    const stored = async (): Promise<number> => {
      const answer = await fetch(`${nats.nodes[0]?.monitorUrl}/jsz`)
      return ((await answer.json()) as { messages: number }).messages
    }
    for (let kill = 0; kill < 3; kill++) {
      const enough = (await stored()) + 20
      const running = user.start(...move(user, nats.urls, '--all'))
      let ended = false
      void running.ended.then(() => {
        ended = true
      })
      while ((await stored()) < enough && !ended);
      expect(await running.kill('SIGKILL')).toMatchObject({
        status: null,
        stderr: expect.not.stringContaining('error'),
      })
    }
    const map = join(user.home, 'map.tsv')
    const last = await user.run(...move(user, nats.urls, '--all', '--json', '--map', map))
    expect(last.status, last.stderr).toBe(0)
    const said = last.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(said[0]).toMatchObject({ planned: { standing: 'unfinished' } })
    expect(said.at(-1)).toMatchObject({ moved: { is_same: true, events: said[0].planned.events } })
    const lines = readFileSync(map, 'utf8').trim().split('\n')
    expect(lines).toHaveLength(said[0].planned.events)
    expect(new Set(lines).size).toBe(lines.length)
    const { url } = await served(user, ['--nats-url', nats.urls.join(',')])
    expect(await new Api(url, api.kept).everything()).toEqual(before)
  })

  test('a dry run says what would be moved, and moves nothing', async () => {
    const nats = await startNats()
    const { user, api } = await lived(timelines)
    const dry = await user.run(...move(user, nats.urls, '-w', 'default', '--dry-run'))
    expect(dry).toMatchObject({ status: 0, stderr: '' })
    expect(dry.stdout).toMatch(
      new RegExp(`^default {2}${api.kept.workspace_id} {2}\\(not at the target yet\\)\\n {2}would move \\d+ events`),
    )
    const again = await user.run(...move(user, nats.urls, '--all', '--dry-run', '--json'))
    expect(JSON.parse(again.stdout)).toMatchObject({
      planned: { workspace_slug: 'default', standing: 'new', api_keys: 1 },
    })
  })

  test('says what is wrong, and what to do', async () => {
    const nats = await startNats()
    const { user } = await lived(async () => {})
    const refused = async (status: number, words: string, ...args: readonly string[]) => {
      const { stderr, ...ended } = await user.run(...args)
      expect(stderr).toContain(words)
      expect(ended).toEqual({ status, stdout: '' })
    }
    await refused(5, 'did you mean default?', ...move(user, nats.urls, '-w', 'defalt'))
    await refused(2, 'either --workspace, once or more, or --all', ...move(user, nats.urls))
    await refused(2, 'the other way is not offered', 'migrate', '--from', 'jetstream', '--to', 'lmdb', '--all')
    await refused(2, "required option '--to <engine>'", 'migrate', '--from', 'lmdb', '--all')
    await refused(
      2,
      'SWITCHBOARD_NATS_URL must name',
      'migrate',
      '--from',
      'lmdb',
      '--to',
      'jetstream',
      '--all',
      '--data-dir',
      user.data,
    )
    await served(user)
    await refused(75, 'is held by another server', ...move(user, nats.urls, '--all'))
  })
})

describe.skipIf(reason)('doctor', () => {
  test('looks at the NATS servers of a cluster, when they are named', async () => {
    const nats = await startNats()
    const user = new User({ SWITCHBOARD_NATS_URL: nats.urls.join(','), PORT: 'nonsense' })
    const { stdout, status } = await user.run('doctor', '--json')
    const findings = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(findings.find(({ name }) => name === 'NATS version')).toMatchObject({
      detail: expect.stringContaining('nats-1'),
    })
    expect(findings.find(({ name }) => name === 'NATS flush')).toMatchObject({ verdict: 'warn' })
    // No server answers here: that is the one failure.
    expect(status).toBe(75)
    const monitor = nats.nodes.map(({ monitorUrl }) => monitorUrl).join(',')
    const monitored = await user.run('doctor', '--nats-monitor', monitor)
    expect(monitored.stdout).toMatch(/fail {2}NATS flush .*acknowledges before it syncs/)
    expect(monitored.stdout).toContain('2 of these must be put right.')
  })
})
