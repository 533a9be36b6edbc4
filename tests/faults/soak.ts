/**
 * `npm run soak`: a server that is used all the time, for a long time: steady publishing, streams that come and go, calls that
 * begin and end, and a retention that removes what is old. Ends with status 1 when something of it grows that must not.
 */

import { readdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { TestServer } from '../kit.js'
import { End } from './end.js'
import { callEvent, workspaceEvent } from './events.js'
import { grows, RULE, type Series } from './growth.js'
import { whole } from './options.js'

const USAGE = `npm run soak -- [options]

  --minutes N    how long (default: 60)
  --help         this

${RULE}`
const MINUTES_MAX = 7 * 24 * 60
const SAMPLE_MS = 10_000
const EVERY_MS = 20
const BATCH = 10
/** Steps of publishing that a call and a stream live. */
const CALL_STEPS = 100
const RETENTION = '1m'
const MIB = 1024 * 1024
const ENDED = {
  event_type: 'call.ended',
  direction: 'inbound',
  duration_seconds: 2,
  completion_reason: 'completed',
  escalated: false,
}

/** What is watched: its unit, and how much more of it is within its usual coming and going. */
const watched = {
  'resident MiB': 24,
  'heap MiB': 16,
  descriptors: 8,
  'log MiB': 8,
  'late ms': 20,
  'answer ms': 20,
} as const
type Watched = keyof typeof watched

const end = new End()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void end.all().then(() => process.exit(1)))
}
try {
  await main()
} catch (error) {
  console.error(`error: ${(error as Error).message}`)
  process.exitCode = 1
} finally {
  await end.all()
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { minutes: { type: 'string', default: '60' }, help: { type: 'boolean', default: false } },
  })
  if (values.help) {
    console.log(USAGE)
    return
  }
  const minutes = whole('--minutes', values.minutes, 1, MINUTES_MAX)
  console.log(RULE)
  const server = await TestServer.start({
    env: { SWITCHBOARD_RETENTION: RETENTION },
    onEnd: (each) => end.add(each),
  })
  const series: Record<Watched, Series> = {
    'resident MiB': [],
    'heap MiB': [],
    descriptors: [],
    'log MiB': [],
    'late ms': [],
    'answer ms': [],
  }
  const until = performance.now() + minutes * 60_000
  let sampleAt = performance.now() + SAMPLE_MS
  let stream = new AbortController()
  end.add(() => stream.abort())
  let answerMs = 0
  for (let step = 0; performance.now() < until; step++) {
    if (step % CALL_STEPS === 0) {
      stream.abort()
      stream = new AbortController()
      void listen(server, stream.signal)
    }
    const call = `CA${Math.floor(step / CALL_STEPS)
      .toString(16)
      .padStart(32, '0')}`
    const since = performance.now()
    await server.publish(Array.from({ length: BATCH }, (_, n) => workspaceEvent(`${step}/${n}`)))
    answerMs = Math.max(answerMs, performance.now() - since)
    await server.publish([callEvent(`${step}`)], call)
    if (step % CALL_STEPS === CALL_STEPS - 1) {
      await server.publish([{ ...ENDED, call_sid: call }])
    }
    if (performance.now() >= sampleAt) {
      sampleAt += SAMPLE_MS
      const sample = await sampleOf(server, answerMs)
      answerMs = 0
      for (const [name, value] of Object.entries(sample)) series[name as Watched].push(value)
      console.log(
        Object.entries(sample)
          .map(([name, value]) => `${name} ${value.toFixed(1)}`)
          .join('  '),
      )
    }
    await pause(EVERY_MS)
  }
  for (const [name, slack] of Object.entries(watched)) {
    const { isSo, text } = grows(series[name as Watched], slack)
    console.log(`${name.padEnd(14)}${text}${isSo ? '  GROWS' : ''}`)
    if (isSo) process.exitCode = 1
  }
}

/** Reads until it is told to go. */
async function listen(server: TestServer, signal: AbortSignal): Promise<void> {
  const url = `${server.url}/v1/${server.workspace}/events/stream`
  try {
    const answer = await fetch(url, { headers: server.headers(), signal })
    if (answer.status !== 200) throw new Error(`a stream was refused with ${answer.status}`)
    for await (const _ of answer.body ?? []) if (signal.aborted) return
  } catch (error) {
    if (signal.aborted) return
    console.error(`error: ${(error as Error).message}`)
    process.exitCode = 1
  }
}

async function sampleOf(server: TestServer, answerMs: number): Promise<Record<Watched, number>> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  const metric = (name: string): number => {
    const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(text) ?? []
    if (value === undefined) throw new Error(`/metrics has no ${name}`)
    return Number(value)
  }
  return {
    'resident MiB': server.residentBytes() / MIB,
    'heap MiB': metric('nodejs_heap_size_used_bytes') / MIB,
    descriptors: readdirSync(`/proc/${server.pid}/fd`).length,
    'log MiB': metric('switchboard_log_bytes') / MIB,
    'late ms': metric('switchboard_event_loop_late_seconds') * 1000,
    'answer ms': answerMs,
  }
}
