import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { tinyDisk, whyNoMounts } from '../../packages/server/testing/disks.js'
import { bin, type Json, TestServer, until } from '../kit.js'
import { acknowledgedBy, expectAll, fourPublishers, stopAll, sync } from '../publishers.js'

const MiB = 2 ** 20

/** A folder of its own, gone with the test. */
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'switchboard-backup-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

interface Ended {
  readonly status: number | null
  readonly said: Json
}

const clean = { ...process.env, SWITCHBOARD_NATS_URL: '' }

/** A command to its end; `said` is its one line of JSON, of success or failure. */
async function run(...args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [bin, ...args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'], env: clean })
  let out = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => void (out += bytes))
  const [status] = await once(child, 'close')
  return { status, said: JSON.parse(out) as Json }
}

const refusal = ({ said }: Ended) => (said.error as { message: string }).message

async function history(server: TestServer, path = 'events'): Promise<string> {
  const answer = await fetch(`${server.url}/v1/${server.workspace}/${path}?limit=1000`, { headers: server.headers() })
  expect(answer.status).toBe(200)
  return answer.text()
}

/** A server that has stopped, with a few events, a call and a key, and its whole back-up. */
async function backedUp() {
  const server = await TestServer.start()
  await server.publish(Array.from({ length: 50 }, (_, n) => sync(n)))
  await server.publish([{ type: 'agent_transcript', transcript: 'One moment.' }], 'CA1')
  const key = await server.key(['events:read'])
  const backup = join(folder(), 'monday')
  expect(await run('backup', backup, '--data-dir', server.dir)).toMatchObject({ status: 0 })
  return { server, key, backup }
}

test('a back-up of a server at work holds, at another place, all that was acknowledged before, once and in order; positions go on', async () => {
  const server = await TestServer.start()
  const publishers = fourPublishers(server)
  await until('some events', () => acknowledgedBy(publishers).size > 300 || undefined)
  const backup = join(folder(), 'monday')
  const before = acknowledgedBy(publishers)
  const { status, said } = await run('backup', backup, '--data-dir', server.dir)
  const after = acknowledgedBy(publishers).size
  expect({ status, said }).toMatchObject({ status: 0, said: { backed_up: { keys: 'included', damage: [] } } })
  // Nobody was held up by it.
  expect(after).toBeGreaterThan(before.size)
  await stopAll(publishers)

  const data = join(folder(), 'deep', 'data')
  expect(await run('restore', backup, '--data-dir', data)).toMatchObject({ status: 0 })
  const restored = await TestServer.start({
    dir: data,
    workspace: server.workspace,
    env: { SWITCHBOARD_ADMIN_KEY: server.adminKey },
  })
  const kept = await expectAll(restored, before)
  // What came later is there up to one instant, and nothing after it: the same bytes up to there.
  const all = await expectAll(server, acknowledgedBy(publishers))
  expect(kept).toEqual(all.slice(0, kept.length))
  expect((said.backed_up as Json).events).toBe(kept.length)
  const page = JSON.parse(await history(restored)) as { items: Json[] }
  const original = JSON.parse(await history(server)) as { items: Json[] }
  expect(page.items).toEqual(original.items)
  const [next] = await restored.publish([sync(-1)])
  expect(Number(next?.split('-')[1])).toBe(Number(kept.at(-1)?.split('-')[1]) + 1)
  console.log(
    `backed up ${kept.length} events under load in ${(said.backed_up as Json).ms} ms; ${before.size} of ${before.size} there`,
  )
})

test('what is restored is the same to the byte, keys and sources included, and is for its owner alone', async () => {
  const { server, key, backup } = await backedUp()
  const [events, call] = [await history(server), await history(server, 'calls/CA1/events')]
  expect(await run('backup', 'verify', backup)).toMatchObject({
    status: 0,
    said: { verified: { events: 51, channels: 2 } },
  })
  const data = folder()
  expect(await run('restore', backup, '--data-dir', data)).toMatchObject({ status: 0 })
  for (const name of readdirSync(data)) expect(statSync(join(data, name)).mode & 0o777).toBe(0o600)
  expect(readFileSync(join(data, 'sealing.key'))).toEqual(readFileSync(join(server.dir, 'sealing.key')))
  const restored = await TestServer.start({
    dir: data,
    workspace: server.workspace,
    env: { SWITCHBOARD_ADMIN_KEY: server.adminKey },
  })
  expect([await history(restored), await history(restored, 'calls/CA1/events')]).toEqual([events, call])
  expect(await restored.request('GET', `/v1/${server.workspace}/events`, undefined, key.api_key)).toHaveProperty(
    'items',
  )
})

test('a restore refuses what is not whole, altered, of a newer format, or has no place, and says which', async () => {
  const { server, backup } = await backedUp()
  const refused = async (to: string, from = backup) => {
    const ended = await run('restore', from, '--data-dir', to)
    expect(ended.status).not.toBe(0)
    return refusal(ended)
  }
  // No place: a running server's folder, one with something in it.
  expect(await refused(server.dir)).toMatch(/held by another server \(process \d+\)/)
  const other = folder()
  writeFileSync(join(other, 'diary.txt'), '')
  expect(await refused(other)).toContain('is not empty: it holds diary.txt')
  expect(readdirSync(other)).toEqual(['diary.txt'])
  // Not whole, altered.
  const free = join(folder(), 'data')
  expect(await refused(free, other)).toContain('no back-up, or not a whole one')
  const altered = async (name: string, change: (path: string) => void) => {
    const copy = join(folder(), 'copy')
    spawnSync('cp', ['-r', backup, copy])
    change(join(copy, name))
    const said = await refused(free, copy)
    expect(refusal(await run('backup', 'verify', copy))).toBe(said)
    return said
  }
  const flip = (path: string) => {
    const bytes = readFileSync(path)
    const at = bytes.length >> 1
    bytes[at] = (bytes[at] as number) ^ 1
    writeFileSync(path, bytes)
  }
  expect(await altered('log.mdb', flip)).toMatch(/log\.mdb was altered: its SHA-256/)
  expect(await altered('log.mdb', (path) => appendFileSync(path, 'x'))).toMatch(
    /log\.mdb was altered: it has \d+ bytes/,
  )
  expect(await altered('sealing.key', (path) => rmSync(path))).toContain('sealing.key is missing')
  const manifest = (change: (manifest: Json) => void) => (path: string) => {
    const read = JSON.parse(readFileSync(path, 'utf8')) as Json
    change(read)
    writeFileSync(path, JSON.stringify(read))
  }
  expect(
    await altered(
      'manifest.json',
      manifest((m) => void (m.events = 0)),
    ),
  ).toContain('manifest.json was altered')
  expect(
    await altered(
      'manifest.json',
      manifest((m) => void (m.format = 2)),
    ),
  ).toContain('written by a newer Switchboard')
  expect(existsSync(free)).toBe(false)
})

test('a back-up goes nowhere but to a free place, and not out of a gateway', async () => {
  const server = await TestServer.start()
  const target = folder()
  writeFileSync(join(target, 'x'), '')
  expect(refusal(await run('backup', target, '--data-dir', server.dir))).toContain('is not empty')
  expect(refusal(await run('backup', join(server.dir, 'b'), '--data-dir', server.dir))).toContain(
    'in the data folder itself',
  )
  expect(refusal(await run('backup', join(target, 'b'), '--data-dir', target))).toContain('holds no embedded log')
  expect(refusal(await run('backup', join(target, 'b'), '--nats-url', 'nats://127.0.0.1:1'))).toContain(
    'nats account backup',
  )
  mkdirSync(join(target, 'replica-0'))
  expect(refusal(await run('backup', join(target, 'b'), '--data-dir', target))).toContain('nats account backup')
  expect(readdirSync(target).sort()).toEqual(['replica-0', 'x'])
})

test('without keys there are none in it, and the restore says what that means', async () => {
  const { server } = await backedUp()
  const backup = join(folder(), 'bare')
  const ended = await run('backup', backup, '--without-keys', '--data-dir', server.dir)
  expect(ended).toMatchObject({ status: 0, said: { backed_up: { keys: 'left_out' } } })
  expect(readdirSync(backup).sort()).toEqual(['log.mdb', 'manifest.json'])
  const data = join(folder(), 'data')
  const { stdout } = spawnSync(process.execPath, [bin, 'restore', backup, '--data-dir', data], { encoding: 'utf8' })
  expect(stdout).toContain('The back-up is without keys')
  expect(stdout).toContain('What was erased after')
})

test('kill -9 of a back-up, at many places, never leaves one by the final name; the next run takes away what is left', async () => {
  const server = await TestServer.start()
  const text = 'x'.repeat(20_000)
  const event = { event_type: 'pipeline.error', data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05', error: text }
  for (let n = 0; n < 8; n++) await server.publish(Array.from({ length: 100 }, () => event))
  const place = folder()
  const target = join(place, 'nightly')
  const partial = `${target}.partial`
  let killed = 0
  // Each is killed when the next of these is to be seen, so in the middle of another step.
  const moments = ['nightly.partial', 'draft', 'log.mdb', 'log.mdb-lock', 'sealing.key']
  for (const moment of moments) {
    const child = spawn(process.execPath, [bin, 'backup', target, '--data-dir', server.dir], {
      stdio: 'ignore',
      env: clean,
    })
    const ended = once(child, 'exit')
    await until(moment, () => {
      const seen =
        existsSync(place) && readdirSync(place, { recursive: true }).some((name) => `/${name}`.endsWith(`/${moment}`))
      return seen || child.exitCode !== null || undefined
    })
    child.kill('SIGKILL')
    const [code] = await ended
    if (code === 0) rmSync(target, { recursive: true })
    else {
      killed += 1
      expect(existsSync(target)).toBe(false)
      expect(existsSync(partial)).toBe(true)
      expect(refusal(await run('backup', 'verify', join(partial, 'draft')))).toMatch(/no back-up, or not a whole one/)
    }
  }
  expect(killed).toBeGreaterThanOrEqual(3)
  expect(await run('backup', target, '--data-dir', server.dir)).toMatchObject({ status: 0 })
  expect(readdirSync(place)).toEqual(['nightly'])
  expect(await run('backup', 'verify', target)).toMatchObject({ status: 0 })
  console.log(`${killed} back-ups killed: none taken for a whole one`)
})

test('a restore that was broken off keeps servers away, and can be made again', async () => {
  const { backup } = await backedUp()
  const data = folder()
  // As kill -9 in the middle leaves it.
  writeFileSync(join(data, 'restore.unfinished'), '')
  writeFileSync(join(data, 'log.mdb'), 'half of it')
  const serve = spawnSync(process.execPath, [bin, 'serve', '--data-dir', data, '--port', '0'], { encoding: 'utf8' })
  expect(serve.status).not.toBe(0)
  expect(serve.stderr).toContain('a restore into')
  expect(await run('restore', backup, '--data-dir', data)).toMatchObject({ status: 0 })
  expect(readdirSync(data).sort()).toEqual(['log.mdb', 'sealing.key'])
})

const reason = whyNoMounts()
if (reason) console.log(`back-ups to full disks are not tested: ${reason}`)

describe.skipIf(reason)('a full disk', () => {
  test('at the target fails the back-up, and the restore, and leaves nothing there', async () => {
    const { server, backup } = await backedUp()
    const disk = tinyDisk(128 * 1024)
    try {
      const ended = await run('backup', join(disk.folder, 'b'), '--data-dir', server.dir)
      expect(ended).toMatchObject({ status: 75, said: { error: { code: 'storage_full' } } })
      expect(readdirSync(disk.folder)).toEqual([])
      expect(await run('restore', backup, '--data-dir', disk.folder)).toMatchObject({
        said: { error: { code: 'storage_full' } },
      })
      expect(readdirSync(disk.folder)).toEqual([])
      expect(statSync(join(backup, 'log.mdb')).size).toBeLessThan(4 * MiB)
    } finally {
      disk.end()
    }
  })
})
