import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bin, freePort, TestServer, until } from '../kit.js'
import { sync } from '../publishers.js'
import { childrenOf, isAlive, whyNoProcesses } from '../worker-processes.js'
import { keptAlive, oneAtEach, replaced, Stream } from '../worker-streams.js'

const reason = whyNoProcesses()
if (reason) console.log(`worker processes are not tested: ${reason}`)

const start = (workers: number, env: Record<string, string> = {}) =>
  TestServer.start({ env: { SWITCHBOARD_WORKERS: String(workers), ...env } })

describe.skipIf(reason)('several workers together', () => {
  test('ends the streams of a revoked key at all of them within 2 s', async () => {
    const server = await start(3)
    const { key_id, api_key } = await server.key(['events:read'])
    const streams = [...(await oneAtEach(server, api_key)).values()]
    const began = performance.now()
    await server.request('DELETE', `/v1/${server.workspace}/api-keys/${key_id}`)
    await until('all to end', () => streams.every(({ over }) => over), 2000)
    console.log(`3 workers: a revoked key's streams ended within ${Math.round(performance.now() - began)} ms`)
    for (const { said } of streams) expect(said).toContain('credential_revoked')
  }, 120_000)

  test('has no more streams of a workspace than it may, however they come, and gives free what a killed worker had', async () => {
    const server = await start(2, { SWITCHBOARD_MAX_STREAMS_PER_WORKSPACE: '7' })
    const tried = await Promise.all(Array.from({ length: 30 }, () => Stream.open(server)))
    const opened = tried.filter(({ said }) => said.includes('stream.opened'))
    const refused = tried.filter(({ said }) => said.includes('too_many_streams'))
    expect([opened.length, refused.length]).toEqual([7, 23])
    await server.streamsOpen('workspace', 7)
    const [first, second] = opened
    for (const stream of [first, second]) stream?.socket.destroy()
    await server.streamsOpen('workspace', 5)
    const again = await Promise.all(Array.from({ length: 4 }, () => Stream.open(server)))
    expect(again.filter(({ said }) => said.includes('stream.opened'))).toHaveLength(2)

    const open = [...opened.slice(2), ...again.filter(({ said }) => said.includes('stream.opened'))]
    const [victim = 0] = childrenOf(server.pid)
    const had = open.filter(({ worker }) => worker === victim).length
    process.kill(victim, 'SIGKILL')
    await replaced(server, victim, 2)
    const later = await Promise.all(Array.from({ length: 10 }, () => Stream.open(server)))
    expect(later.filter(({ said }) => said.includes('stream.opened'))).toHaveLength(had)
  }, 120_000)

  test('counts what a key publishes and who fails to prove a credential over all of them', async () => {
    const server = await start(2, { SWITCHBOARD_PUBLISH_RATE: '50' })
    const [first = 0, second = 0] = childrenOf(server.pid)
    const [one, other] = [await keptAlive(server, first), await keptAlive(server, second)]
    expect(await one(Array.from({ length: 500 }, (_, n) => sync(n)))).toBe(201)
    expect(await other([sync(500)])).toBe(429)

    const strangers = await Promise.all([keptAlive(server, first, 'wrong'), keptAlive(server, second, 'wrong')])
    // What one has counted the others hear a moment later: a few more may be told 401 than one process would tell.
    const answers: number[] = []
    const ask = async (): Promise<number[]> => {
      const both = [await strangers[0]([]), await strangers[1]([])]
      answers.push(...both)
      return both
    }
    await until('both to refuse', async () => (await ask()).every((status) => status === 429))
    const told = answers.filter((status) => status === 401).length
    expect(told).toBeGreaterThanOrEqual(60)
    expect(told).toBeLessThan(70)
  }, 120_000)

  test('ends in order when the whole terminal is interrupted', async () => {
    const server = await detached({ SWITCHBOARD_WORKERS: '2', SWITCHBOARD_DRAIN: '3s' })
    const workers = childrenOf(server.pid)
    const ended = once(server.child, 'exit')
    process.kill(-server.pid, 'SIGINT')
    const [code] = await ended
    expect(code).toBe(0)
    expect(workers.some(isAlive)).toBe(false)
    expect(server.output()).not.toContain('a worker has ended')
    expect(server.output()).toContain('"msg":"stopped"')
  }, 120_000)

  test('that one cannot join, because there is JetStream, is refused in one line', async () => {
    const server = await detached({ SWITCHBOARD_WORKERS: '2', SWITCHBOARD_NATS_URL: 'nats://127.0.0.1:1' }, false)
    const [code] = await once(server.child, 'exit')
    expect(code).not.toBe(0)
    expect(server.output()).toContain('SWITCHBOARD_WORKERS is 2, and SWITCHBOARD_NATS_URL is set')
  }, 120_000)
})

/** A server that leads a process group of its own, as one that was started in a terminal. */
async function detached(env: Record<string, string>, isReady = true) {
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-workers-'))
  const port = await freePort()
  const child = spawn(process.execPath, [bin, 'serve', '--json'], {
    detached: true,
    env: {
      ...process.env,
      HOME: dir,
      XDG_CONFIG_HOME: join(dir, '.config'),
      PORT: String(port),
      SWITCHBOARD_DATA_DIR: join(dir, 'data'),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += String(bytes)))
  onTestFinished(() => {
    if (child.exitCode === null) child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  })
  const url = `http://127.0.0.1:${port}`
  if (isReady) {
    await until('it to be ready', async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200)
  }
  return { child, url, pid: child.pid ?? 0, output: () => output }
}
