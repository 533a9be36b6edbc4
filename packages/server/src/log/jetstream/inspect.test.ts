import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { Finding } from '@switchboard/contract/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startNats } from '../../../testing/nats.js'
import { systemClock } from '../../clock.js'
import { freePorts } from '../../nats/free-ports.js'
import type { LocalNats } from '../../nats/local-nats.js'
import { openJetStreamEngine } from '../jetstream.js'
import { inspectNats } from './inspect.js'

const DAY_MS = 86_400_000
const settings = { clock: systemClock, partitions: 1, replicas: undefined, retentionMs: 7 * DAY_MS }
const about = (findings: readonly Finding[], name: string) => findings.filter((each) => each.name === name)

async function openEngine({ urls }: LocalNats) {
  const { clock, retentionMs } = settings
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-inspect-'))
  const engine = await openJetStreamEngine({ servers: urls, dir, clock, retentionMs })
  onTestFinished(async () => {
    await engine.close()
    rmSync(dir, { recursive: true, force: true })
  })
  return engine
}

function inspect(nats: LocalNats, { sees = false } = {}) {
  const monitors = nats.nodes.map(({ monitorUrl }) => monitorUrl)
  return inspectNats({ servers: nats.urls }, { ...settings, ...(sees && { monitors }) })
}

describe('a single server of Debian', () => {
  test('is told of when a gateway starts: one server, an old version, and a flush that cannot be seen', async () => {
    const nats = await startNats()
    const { findings } = await openEngine(nats)
    const worth = findings.filter(({ verdict }) => verdict !== 'ok').map(({ name }) => name)
    expect(worth).toEqual(['NATS servers', 'NATS version', 'NATS flush'])
    const [flush] = about(findings, 'NATS flush')
    expect(flush?.detail).toContain('cannot be seen from here')
    expect(flush?.advice).toMatch(/chattr \+S \+D.*SWITCHBOARD_NATS_MONITOR/)
    expect(about(findings, 'NATS clocks')).toMatchObject([{ verdict: 'ok' }])
    expect(about(findings, 'stream SB_EVENTS_0')).toMatchObject([{ verdict: 'ok', detail: '1 copy, 0 messages' }])
    expect(about(findings, 'stream KV_sb_records')).toMatchObject([{ verdict: 'ok' }])
  })

  test('that can be monitored is told to lose what it acknowledged', async () => {
    const nats = await startNats()
    expect(about(await inspect(nats, { sees: true }), 'NATS flush')).toMatchObject([
      {
        verdict: 'fail',
        detail: expect.stringMatching(/in the last 120 s.*lsattr shows no S and D/),
        advice: expect.stringContaining('chattr'),
      },
    ])
  })

  test('with a synchronous folder is not', async ({ skip }) => {
    const nats = await startNats({ durable: true })
    if (!nats.durability.synchronous) skip(`no synchronous folder: ${nats.durability.why}`)
    await openEngine(nats)
    expect(about(await inspect(nats, { sees: true }), 'NATS flush')).toMatchObject([
      { verdict: 'ok', detail: expect.stringContaining('synchronous') },
    ])
  })

  test('is looked at without anything being made there', async () => {
    const nats = await startNats()
    const findings = await inspect(nats)
    expect(about(findings, 'stream SB_EVENTS_0')).toMatchObject([{ detail: expect.stringContaining('not there yet') }])
    const connection = await connect({ servers: [...nats.urls] })
    const jsm = await jetstreamManager(connection)
    expect(await jsm.streams.list().next()).toEqual([])
    await connection.close()
  })

  test('with a stream that somebody has made otherwise is told how it differs', async () => {
    const nats = await startNats()
    const connection = await connect({
      servers: [...nats.urls],
      waitOnFirstConnect: true,
    })
    const jsm = await jetstreamManager(connection)
    await jsm.streams.add({ name: 'SB_EVENTS_0', subjects: ['sb.0.ws.>'], storage: 'memory', max_bytes: 1_000_000 })
    await connection.close()
    const findings = await inspect(nats)
    const details = about(findings, 'stream SB_EVENTS_0').map(({ detail }) => detail)
    expect(details).toContain('storage is "memory" and not "file"')
    expect(details.some((detail) => detail.startsWith('it has a limit of its own'))).toBe(true)
  })
})

test('a server without JetStream is told of', async () => {
  const [port] = await freePorts(1)
  const server = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  onTestFinished(async () => {
    const exited = once(server, 'exit')
    server.kill()
    await exited
  })
  const findings = await inspectNats({ servers: [`nats://127.0.0.1:${port}`] }, settings)
  expect(about(findings, 'JetStream')).toMatchObject([{ verdict: 'fail' }])
  expect(about(findings, 'NATS version')).toHaveLength(1)
})

describe('a cluster', () => {
  test('tells its servers, its copies, and which of them does not answer', async () => {
    const nats = await startNats({ nodes: 3 })
    const engine = await openEngine(nats)
    expect(about(engine.findings, 'NATS servers')).toMatchObject([
      { verdict: 'ok', detail: '3: nats-1, nats-2, nats-3' },
    ])
    expect(about(engine.findings, 'stream SB_EVENTS_0')[0]?.detail).toMatch(/^3 copies, all current, led by nats-\d/)
    await nats.nodes[2]?.kill()
    // JetStream itself may have lost its leader just now: the rest is told all the same.
    const findings = await inspect(nats, { sees: true })
    const servers = about(findings, 'NATS servers')
    expect(servers[0]?.detail).toMatch(/^3: nats-1, nats-2/)
    expect(servers.slice(1)).toMatchObject([{ verdict: 'warn', detail: expect.stringContaining('does not answer') }])
    expect(about(findings, 'NATS monitoring')).toMatchObject([{ detail: expect.stringContaining('ECONNREFUSED') }])
    expect(about(findings, 'NATS flush').map(({ verdict }) => verdict)).toEqual(['fail', 'fail'])
  })
})

test('servers that nobody answers for are one finding, without the password in their address', async () => {
  const [port] = await freePorts(1)
  const servers = [`nats://user:canary-password@127.0.0.1:${port}`]
  const findings = await inspectNats({ servers }, { ...settings, clock: { ...systemClock, monotonic: impatient() } })
  expect(findings).toMatchObject([{ name: 'NATS servers', verdict: 'fail' }])
  expect(JSON.stringify(findings)).not.toContain('canary')
})

/** A clock on which every look is a second later. */
function impatient(): () => number {
  let now = 0
  return () => (now += 1_000)
}
