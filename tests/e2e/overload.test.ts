import { expect, test } from 'vitest'
import { type Json, TestServer, until } from '../kit.js'
import { sync } from '../publishers.js'
import { Pulse } from '../pulse.js'

const LISTENERS = 20
/** More than there are requests of 1,000 events that may wait at two workers. */
const CONNECTIONS = 80
const HEARTBEAT_MS = 100
/** Of a stream that beats ten times a second, beside a busy machine. */
const SILENT_MS_MAX = 1500

async function readiness(server: TestServer): Promise<{ status: number; load?: Json; parent?: Json }> {
  const answer = await fetch(`${server.url}/readyz`)
  const { checks } = (await answer.json()) as { checks: Json[] }
  return { status: answer.status, ...Object.fromEntries(checks.map((check) => [check.name, check])) }
}

async function metric(server: TestServer, series: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `))
  return Number(line?.slice(series.length + 1))
}

test('a writer that stands still lets so much wait and no more: new events are told at once, streams go on, and what waited is stored', async () => {
  const workers = 2
  const server = await TestServer.start({
    env: { SWITCHBOARD_HEARTBEAT: `${HEARTBEAT_MS}ms`, SWITCHBOARD_WORKERS: `${workers}` },
  })
  const pulses = Array.from({ length: LISTENERS }, (_, index) => new Pulse(server, index === 0))
  await server.streamsOpen('workspace', LISTENERS)
  await server.publish([sync(0)])
  await until('it everywhere', () => pulses.every(({ text }) => text.includes('sync_completed')) || undefined)
  // Connections are given out by the parent: these are there before it stands still.
  await Promise.all(Array.from({ length: CONNECTIONS }, () => readiness(server)))
  for (const pulse of pulses) pulse.begin()
  // The parent of the workers, which writes the log for them.
  process.kill(server.pid, 'SIGSTOP')

  let next = 1
  let refusedMs = 0
  const refused: Json[] = []
  const publish = async () => {
    const events = Array.from({ length: 1000 }, () => sync(next++))
    const first = events[0]?.event_count as number
    const began = performance.now()
    const answer = await fetch(`${server.url}/v1/${server.workspace}/events`, {
      method: 'POST',
      headers: { ...server.headers(), 'content-type': 'application/json' },
      body: JSON.stringify({ events }),
    })
    const body = (await answer.json()) as Json
    if (answer.status === 503) {
      refused.push({ code: body.code, after: answer.headers.get('retry-after') })
      refusedMs = Math.max(refusedMs, performance.now() - began)
    }
    return { status: answer.status, first }
  }
  // Nobody answers while it waits, so they are sent until somebody is refused: by then one of the workers is full.
  const sent: ReturnType<typeof publish>[] = []
  await until('a refusal', () => {
    if (refused.length > 0) return true
    sent.push(publish())
    return undefined
  })
  // Its worker has as much waiting as it takes; the other one may have some room.
  expect(refused[0]).toEqual({ code: 'overloaded', after: '1' })
  expect(sent.length).toBeGreaterThan(32)
  expect(sent.length).toBeLessThan(CONNECTIONS)
  expect(refusedMs).toBeLessThan(SILENT_MS_MAX)
  const told = await Promise.all(Array.from({ length: CONNECTIONS - sent.length }, () => readiness(server)))
  const full = told.find(({ status }) => status === 503)
  expect(full?.load?.detail).toMatch(/^\d+ events wait for the storage: publishing is refused\.$/)
  const silentMs = Math.max(...pulses.map((pulse) => pulse.silentMs))
  expect(silentMs).toBeLessThan(SILENT_MS_MAX)

  // Who comes to listen is told as well, once it is known that nobody answers.
  const listened = await until('a stream to be refused', async () => {
    const told = await readiness(server)
    if (told.parent?.ok !== false) return undefined
    const stream = await fetch(`${server.url}/v1/${server.workspace}/events/stream`, { headers: server.headers() })
    return stream.text()
  })
  expect(listened).toMatch(/^retry: \d+\n\nevent: error\ndata: {"code":"overloaded"/)
  expect(Math.max(...pulses.map((pulse) => pulse.silentMs))).toBeLessThan(SILENT_MS_MAX)

  process.kill(server.pid, 'SIGCONT')
  const answers = await Promise.all(sent)
  const stored = answers.filter(({ status }) => status === 201)
  expect(answers.length - stored.length).toBe(refused.length)
  await until('readiness', async () => (await readiness(server)).status === 200 || undefined)
  expect((await publish()).status).toBe(201)
  expect(await metric(server, 'switchboard_refusals_total{code="overloaded"}')).toBe(refused.length + 1)
  // All that was acknowledged has come once, in order, and nothing of what was refused.
  const total = stored.length * 1000 + 1001
  const counts = await until('the last event', () => {
    const text = pulses[0]?.text ?? ''
    if (!text.includes(`"event_count":${next - 1},`)) return undefined
    return [...text.matchAll(/"event_count":(\d+)/g)].map(([, count]) => Number(count))
  })
  expect(counts).toHaveLength(total)
  const firsts = stored.map(({ first }) => first).sort((a, b) => counts.indexOf(a) - counts.indexOf(b))
  const expected = firsts.flatMap((first) => Array.from({ length: 1000 }, (_, index) => first + index))
  expect(counts.slice(1, -1000)).toEqual(expected)
  console.log(
    `writer stopped: ${stored.length}000 events waited, the next were told in ${Math.round(refusedMs)} ms, the longest silence of ${LISTENERS} streams was ${Math.round(silentMs)} ms`,
  )
}, 60_000)

test('a server that has no time takes no new streams and says so; those it has stay, and it takes new ones once it has caught up', async () => {
  const server = await TestServer.start({ env: { SWITCHBOARD_HEARTBEAT: `${HEARTBEAT_MS}ms` } })
  const old = new Pulse(server)
  await server.streamsOpen('workspace', 1)
  // A processor that is taken away again and again, as by a neighbour on the machine.
  await until('it to be overloaded', async () => {
    process.kill(server.pid, 'SIGSTOP')
    await new Promise((resolve) => setTimeout(resolve, 900))
    process.kill(server.pid, 'SIGCONT')
    const { status, load } = await readiness(server)
    if (status === 200) return undefined
    expect(load?.detail).toMatch(/^It has more to do than it can \(\d+ ms late\): no new streams\.$/)
    return true
  })
  const refused = new Pulse(server)
  const told = await until(
    'the refusal',
    () => /retry: (\d+)\n\nevent: error\ndata: {"code":"overloaded"/.exec(refused.text) ?? undefined,
  )
  expect(Number(told[1])).toBeGreaterThanOrEqual(2000)
  await until('readiness', async () => (await readiness(server)).status === 200 || undefined)
  const taken = new Pulse(server)
  await until('a new stream', () => taken.text.includes('stream.opened') || undefined)
  expect(old.isOpen).toBe(true)
  await server.publish([sync(1)])
  await until('the event', () => old.text.includes('pipeline.sync_completed') || undefined)
})
