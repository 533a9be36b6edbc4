import { once } from 'node:events'
import { createServer } from 'node:http'
import type { StreamInfo } from '@nats-io/jetstream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { clockFindings } from './clocks.js'
import { serverFindings, streamFindings } from './cluster.js'
import { flushFindings } from './flush.js'
import { accountFindings, payloadFinding } from './limits.js'
import { askMonitors, type Monitored } from './monitor.js'
import { isMountedSync, judgeFlags } from './store-folder.js'
import { featureFinding, versionFindings } from './versions.js'

const seen = (version: string, name = 'n1') => ({ id: name, name, version })

test.each([
  ['2.9.10', 'warn', 'no setting to sync'],
  ['2.10.4', 'warn', 'below 2.10.23'],
  ['2.10.22', 'warn', 'can lose a whole stream'],
  ['2.10.23', 'warn', 'below the advised 2.12'],
  ['2.11.9', 'warn', 'below the advised 2.12'],
  ['2.12.0', 'ok', '2.12.0 (n1)'],
  ['2.14.6', 'ok', '2.14.6 (n1)'],
])('version %s: %s', (version, verdict, words) => {
  expect(versionFindings([seen(version)])).toMatchObject([{ verdict, detail: expect.stringContaining(words) }])
})

test('servers of several versions are told of, and what the oldest lacks is not used', () => {
  const servers = [seen('2.12.1'), seen('2.9.10', 'n2'), seen('2.12.1', 'n3')]
  expect(versionFindings(servers)).toMatchObject([
    { detail: '2.12.1 (n1, n3)' },
    { detail: expect.stringContaining('2.9.10 (n2)') },
    { detail: 'the servers run 2 versions: 2.12.1, 2.9.10' },
  ])
  expect(featureFinding(servers).detail).toContain('no batches')
  expect(featureFinding([seen('2.12.1')]).detail).toContain('batches of direct gets (used')
})

describe('newer servers, as their monitoring answers', () => {
  async function monitored(config: object, version = '2.12.3'): Promise<Monitored> {
    const server = createServer(({ url }, response) => {
      const now = new Date().toISOString()
      const varz = {
        server_id: 'ID',
        server_name: 'n1',
        version,
        now,
        jetstream: { config: { store_dir: '/nowhere/x', ...config } },
      }
      response.end(JSON.stringify(url === '/varz' ? varz : { meta_cluster: { leader: 'n1', cluster_size: 3 } }))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    const [answer] = await askMonitors([`http://127.0.0.1:${port}`], Date.now)
    if (answer === undefined || !('id' in answer)) throw new Error(JSON.stringify(answer))
    return answer
  }

  test.each([
    [{ sync_interval: 120_000_000_000 }, 'fail', 'in the last 120 s'],
    [{ sync_interval: 5_000_000_000 }, 'fail', 'in the last 5 s'],
    [{ sync_interval: 120_000_000_000, sync_always: true }, 'ok', 'sync_interval is always'],
  ])('%j: %s', async (config, verdict, words) => {
    const server = await monitored(config)
    const findings = flushFindings([seen('2.12.3', 'ID')], [{ server, folder: undefined }], [])
    expect(findings).toMatchObject([{ verdict, detail: expect.stringContaining(words) }])
  })

  test('that are old, on another machine: nobody can tell', async () => {
    const server = await monitored({}, '2.9.10')
    const [finding] = flushFindings([seen('2.9.10', 'ID')], [{ server, folder: undefined }], [])
    expect(finding).toMatchObject({ verdict: 'warn', advice: expect.stringContaining('lsattr -d') })
  })

  test('one that is not monitored is named', async () => {
    const server = await monitored({ sync_always: true })
    const servers = [seen('2.12.3', 'ID'), seen('2.12.3', 'n2')]
    const [, unseen] = flushFindings(servers, [{ server, folder: undefined }], [])
    expect(unseen).toMatchObject({
      detail: expect.stringMatching(/^whether n2 syncs/),
      advice: expect.stringContaining('sync_interval: always'),
    })
  })

  test('without a leader: nothing works', async () => {
    const server = await monitored({})
    const meta = { size: 3, leader: undefined, offline: ['n2', 'n3'] }
    const lost: Monitored = { ...server, jetstream: server.jetstream && { ...server.jetstream, meta } }
    expect(serverFindings([seen('2.12.3')], [], [lost]).map(({ detail }) => detail)).toEqual([
      '3: n1',
      'n2 is offline, say the others',
      'n3 is offline, say the others',
      'JetStream has no leader',
    ])
  })
})

test.each([
  [1, 'warn'],
  [2, 'warn'],
  [3, 'ok'],
  [4, 'warn'],
  [5, 'ok'],
])('%d servers: %s', (count, verdict) => {
  const servers = Array.from({ length: count }, (_, index) => seen('2.12.3', `n${index}`))
  expect(serverFindings(servers, [], [])).toMatchObject([{ verdict }])
})

test('copies of a stream that are offline or behind are named, and a stream without a leader', () => {
  const info = (replicas: object[], leader?: string) =>
    ({
      config: { name: 'SB_EVENTS_0', num_replicas: 3, max_bytes: -1, max_msgs: -1 },
      state: { messages: 5, bytes: 100 },
      cluster: { leader, replicas },
    }) as unknown as StreamInfo
  const well = { name: 'n2', current: true, active: 1_000_000, lag: 0 }
  expect(streamFindings(info([well], 'n1'))).toMatchObject([{ verdict: 'ok' }])
  const findings = streamFindings(
    info([
      { ...well, offline: true },
      { ...well, name: 'n3', current: false, lag: 9 },
    ]),
  )
  expect(findings.map(({ verdict, detail }) => [verdict, detail])).toEqual([
    ['warn', 'its copy at n2 is offline'],
    ['warn', 'its copy at n3 is behind (9 operations, heard of 1 ms ago)'],
    ['fail', 'it has no leader: nothing can be published'],
  ])
})

test('an account that is nearly full is told of, in each of its tiers', () => {
  const usage = (storage: number) => ({
    storage,
    consumers: 1,
    limits: { max_storage: 1000 * 1024 * 1024, max_consumers: -1 },
  })
  const stats = (more: object) => ({ ...usage(0), ...more }) as unknown as Parameters<typeof accountFindings>[0]
  expect(accountFindings(stats({}))).toMatchObject([{ verdict: 'ok' }])
  expect(accountFindings(stats({ tiers: { R1: usage(0), R3: usage(900 * 1024 * 1024) } }))).toMatchObject([
    { verdict: 'warn', detail: '900 MiB of 1000 MiB file storage of R3 used; at the limit nothing more is stored' },
  ])
})

test('clocks may be five seconds apart', () => {
  const reading = (apart: number) => [{ server: 'n1', theirs: 1_000_000 + apart, ours: 1_000_000 }]
  expect(clockFindings(reading(4_900))).toMatchObject([{ verdict: 'ok' }])
  expect(clockFindings(reading(-61_000))).toMatchObject([{ verdict: 'warn', detail: 'the clock of n1 is 61 s behind' }])
})

test('a small max_payload is no fault', () => {
  expect(payloadFinding(1024 * 1024).detail).toBe('max_payload is 1024 KiB')
  expect(payloadFinding(65_536)).toMatchObject({ verdict: 'ok', detail: expect.stringContaining('below 1 MiB') })
})

test('flags and mounts tell whether a folder is synchronous', () => {
  expect(
    judgeFlags('--S-D---------e------- /s/jetstream\n--S-D---------e------- /s/jetstream/$G/streams/X/msgs\n')?.is,
  ).toBe(true)
  expect(judgeFlags('--S-D---------e------- /s/jetstream\n--------------e------- /s/x/msgs\n')).toEqual({
    is: false,
    why: '/s/x/msgs is not synchronous (lsattr shows no S and D)',
  })
  const mounts = '/dev/a / ext4 rw,relatime 0 0\n/dev/b /srv ext4 rw,sync,dirsync 0 0\n/dev/c /srv/x ext4 rw,sync 0 0\n'
  expect(isMountedSync('/srv/nats', mounts)).toBe(true)
  expect(isMountedSync('/srv/x/nats', mounts)).toBe(false)
  expect(isMountedSync('/srvx', mounts)).toBe(false)
})
