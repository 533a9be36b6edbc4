/**
 * `npm run soak`: a server that is used all the time, for a long time: steady publishing, streams and observers that come and
 * go, calls that begin, end and are erased, history read, and a retention that removes what is old. Ends with status 1 when
 * something of it grows that must not, and when a stream misses an event.
 */

import { readdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { TestServer } from '../kit.js'
import { End } from './end.js'
import { grows, RULE, type Series } from './growth.js'
import { whole } from './options.js'
import { Use } from './use.js'

const USAGE = `npm run soak -- [options]

  --minutes N    how long (default: 60)
  --help         this

${RULE}`
const MINUTES_MAX = 7 * 24 * 60
const SAMPLE_MS = 10_000
const EVERY_MS = 20
const RETENTION = '1m'
const MIB = 1024 * 1024

/** What is watched: its unit, and how much more of it is within its usual coming and going. */
const watched = {
  'resident MiB': 24,
  'heap MiB': 16,
  descriptors: 8,
  'log MiB': 8,
  'late ms': 20,
  'answer ms': 20,
  'lag ms': 20,
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
  const use = new Use(server)
  end.add(() => use.end())
  const series = Object.fromEntries(Object.keys(watched).map((name) => [name, [] as Series])) as Record<Watched, Series>
  const until = performance.now() + minutes * 60_000
  let sampleAt = performance.now() + SAMPLE_MS
  for (let step = 0; performance.now() < until; step++) {
    await use.step(step)
    if (performance.now() >= sampleAt) {
      sampleAt += SAMPLE_MS
      const sample = { ...(await sampleOf(server)), ...use.worst() }
      for (const [name, value] of Object.entries(sample)) series[name as Watched].push(value)
      console.log(
        Object.entries(sample)
          .map(([name, value]) => `${name} ${value.toFixed(1)}`)
          .join('  '),
      )
      // Read as a dashboard that is opened does: what happened last, and how things are.
      await server.request('GET', `/v1/${server.workspace}/events?limit=100`)
      await server.request('GET', `/v1/${server.workspace}/state`)
    }
    await pause(EVERY_MS)
  }
  for (const [name, slack] of Object.entries(watched)) {
    const { isSo, text } = grows(series[name as Watched], slack)
    console.log(`${name.padEnd(14)}${text}${isSo ? '  GROWS' : ''}`)
    if (isSo) process.exitCode = 1
  }
  const { published, delivered, observed, erased, failures } = use
  console.log(`${published} published, ${delivered} at streams, ${observed} at observers, ${erased} calls erased`)
  for (const failure of failures) console.log(`VIOLATION ${failure}`)
  if (failures.length > 0) process.exitCode = 1
}

async function sampleOf(server: TestServer): Promise<Omit<Record<Watched, number>, 'answer ms' | 'lag ms'>> {
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
  }
}
