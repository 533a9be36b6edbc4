import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { bin, eventsOf, type Json, readStream, TestServer, until } from '../kit.js'
import { acknowledgedBy, expectAll, fourPublishers, stopAll, sync } from '../publishers.js'

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
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      out += bytes
    })
  }
  const [status] = await once(child, 'close')
  return { status, said: JSON.parse(out) as Json }
}

const refusal = ({ said }: Ended) => (said.error as { message: string }).message

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
  const { events } = said.backed_up as { events: number }
  const frames = await readStream(restored, (all) => eventsOf(all).length >= events, { query: 'since=1h' })
  // What came later is there up to one instant, and nothing after it: the same up to there.
  const all = await expectAll(server, acknowledgedBy(publishers))
  const kept = eventsOf(frames).map(({ id }) => id)
  expect(kept).toEqual(all.slice(0, events))
  for (const [n, id] of before) expect(kept.includes(id), `event ${n}`).toBe(true)
  // A running server's folder is no place for a restore.
  const refused = await run('restore', backup, '--data-dir', restored.dir)
  expect(refused.status).not.toBe(0)
  expect(refusal(refused)).toMatch(/held by another server \(process \d+\)/)
  const [next] = await restored.publish([sync(1_000_000)])
  expect(Number(next?.split('-')[1])).toBe(Number(kept.at(-1)?.split('-')[1]) + 1)
  const { ms } = said.backed_up as Json
  console.log(`backed up ${events} events under load in ${ms} ms: ${before.size} of ${before.size} there`)
})

test('kill -9 of a back-up, at many places, never leaves one by the final name; the next run takes away what is left', async () => {
  const server = await TestServer.start()
  const text = 'x'.repeat(20_000)
  const event = { event_type: 'pipeline.error', data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05', error: text }
  for (let n = 0; n < 8; n++) await server.publish(Array.from({ length: 100 }, () => event))
  const place = folder()
  const target = join(place, 'nightly')
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
    await ended
    if (existsSync(target)) {
      // The signal came late: then it has to be a whole one.
      expect(await run('backup', 'verify', target)).toMatchObject({ status: 0 })
      rmSync(target, { recursive: true })
    } else killed += 1
  }
  expect(killed).toBeGreaterThan(0)
  expect(await run('backup', target, '--data-dir', server.dir)).toMatchObject({ status: 0 })
  expect(readdirSync(place)).toEqual(['nightly'])
  expect(await run('backup', 'verify', target)).toMatchObject({ status: 0 })
  console.log(`${killed} back-ups killed: none taken for a whole one`)
})
