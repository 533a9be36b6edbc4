import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { tinyDisk, whyNoMounts } from '../../testing/disks.js'

const HERE = fileURLToPath(new URL('../../testing', import.meta.url))
const ADMIN_KEY = 'an-admin-key-that-is-long-enough-for-this'
const MiB = 1024 * 1024

/** A server of two workers, run from source as it is here, on a free port. */
async function serve(dir: string): Promise<string> {
  const child = spawn(process.execPath, ['-C', '@switchboard/source', '--import', 'tsx', 'served.ts'], {
    cwd: HERE,
    env: {
      ...process.env,
      PORT: '0',
      SWITCHBOARD_WORKERS: '2',
      SWITCHBOARD_DATA_DIR: dir,
      SWITCHBOARD_ADMIN_KEY: ADMIN_KEY,
      SWITCHBOARD_LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  for await (const line of createInterface(child.stdout)) {
    const url = /^serving (\S+)/.exec(line)?.[1]
    if (url !== undefined) return url
  }
  throw new Error('the server ended before it served')
}

/** Over a connection of its own, so that the workers take turns. */
function ask(url: string, path: string, body?: object): Promise<Response> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', connection: 'close' }
  return fetch(url + path, body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) })
}

const readiness = async (url: string) =>
  (await Promise.all(Array.from({ length: 6 }, () => ask(url, '/readyz')))).map(({ status }) => status)

const event = (text: string) => ({
  event_type: 'pipeline.error',
  data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05',
  error: text,
})

test('a server of several workers runs from source, on a port that is free', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-source-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const url = await serve(dir)
  expect(await readiness(url)).toEqual(Array.from({ length: 6 }, () => 200))
  const { id } = (await (await ask(url, '/v1/workspaces', { name: 'a', slug: 'a' })).json()) as { id: string }
  for (let n = 0; n < 6; n++) expect((await ask(url, `/v1/${id}/events`, event(`${n}`))).status).toBe(201)
  for (let n = 0; n < 4; n++) {
    const { items } = (await (await ask(url, `/v1/${id}/events`)).json()) as { items: unknown[] }
    expect(items).toHaveLength(6)
  }
}, 120_000)

test('streams of every worker are told of by each of them, and what all have published is one sum', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-presence-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const url = await serve(dir)
  const { id } = (await (await ask(url, '/v1/workspaces', { name: 'a', slug: 'a' })).json()) as { id: string }
  for (let n = 0; n < 6; n++) {
    await ask(url, `/v1/${id}/events`, event(`${n}`))
    const stream = await ask(url, `/v1/${id}/events/stream`)
    await stream.body?.getReader().read()
  }
  for (let n = 0; n < 4; n++) {
    const { items } = (await (await ask(url, `/v1/${id}/streams`)).json()) as { items: { credential: string }[] }
    expect(items.map(({ credential }) => credential)).toEqual(Array.from({ length: 6 }, () => 'admin'))
    const activity = await (await ask(url, `/v1/${id}/activity`)).json()
    expect(activity).toMatchObject({ streams_open: 6, published: 6, refusals: [] })
  }
}, 120_000)

const reason = whyNoMounts()
if (reason) console.log(`full disks under workers are not tested: ${reason}`)

describe.skipIf(reason)('on a disk that gets full', () => {
  test('every worker says that it is not ready, and that it is again when there is space', async () => {
    const disk = tinyDisk(12 * MiB)
    onTestFinished(() => disk.end())
    disk.fill(4 * MiB)
    const url = await serve(join(disk.folder, 'data'))
    const { id } = (await (await ask(url, '/v1/workspaces', { name: 'a', slug: 'a' })).json()) as { id: string }
    const batch = { events: Array.from({ length: 100 }, () => event('x'.repeat(4000))) }
    const statuses: number[] = []
    while (statuses.at(-1) !== 507 && statuses.length < 100) {
      statuses.push((await ask(url, `/v1/${id}/events`, batch)).status)
    }
    expect(statuses.at(-1)).toBe(507)
    await expect.poll(() => readiness(url), { timeout: 5000 }).toEqual(Array.from({ length: 6 }, () => 503))
    expect(await (await ask(url, '/readyz')).text()).toContain('The disk is full')
    expect(await (await ask(url, '/metrics')).text()).toMatch(/^switchboard_log_writable 0$/m)
    expect((await ask(url, `/v1/${id}/events`)).status).toBe(200)
    disk.free()
    await expect.poll(() => readiness(url), { timeout: 10_000 }).toEqual(Array.from({ length: 6 }, () => 200))
    expect((await ask(url, `/v1/${id}/events`, batch)).status).toBe(201)
  }, 120_000)
})
