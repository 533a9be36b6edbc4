import { Audience } from '../audience.js'
import type { Case, Result, Row } from '../case.js'
import { inTurn, medianRow, ratio } from '../comparison.js'
import { NUMBER_BASE, syncCompleted } from '../events.js'
import { installed } from '../products.js'
import { Publisher } from '../publisher.js'
import { ours } from '../servers/ours.js'
import { type Product, type Server, serverCpuSeconds } from '../servers/server.js'
import type { Stage } from '../stage.js'
import { figureOf, type Target, targetLines } from '../target.js'

/**
 * Measures what it takes to take events, with nobody listening: one event a request on 64 connections, a request at a time
 * on each; and a hundred events a request, which ours alone can take.
 *
 * What would fool it:
 * - Different work. Ours checks the credential and the event and has it on the disk before it answers; nchan puts it into
 *   memory; the Node.js programs forget it at once; Pushpin is asked on a port where it closes every connection.
 * - One connection with many requests under way: a server reads them all at once, and a request costs less than from real
 *   publishers.
 * - The disk, by the clock. Processor time does not count the wait.
 * - A server that says yes and keeps nothing: what ours has acknowledged is read back, each event once and in order.
 */
export const ingest: Case = {
  name: 'ingest',
  summary: 'publishing alone: 64 connections with one event a request, and batches of 100',
  run,
}

const CONNECTIONS = 64
const BATCHES = [1, 100]
const WARM_UP_MS = 4_000
const MEASURE_MS = 2_000
const MICROSECONDS = 1_000

const targets: readonly Target[] = [
  {
    what: 'acknowledgements a CPU second, one event each',
    least: 0.35,
    unit: "× nchan's",
    value: (rows) => single(rows, ours.name) / single(rows, 'nchan'),
  },
  {
    what: 'events a CPU second in batches of 100',
    least: 100_000,
    unit: 'events',
    value: (rows) => figureOf(rows, 'eventsPerCpuSecond', { server: ours.name, batch: '100' }),
  },
]

function single(rows: readonly Row[], server: string): number {
  return figureOf(rows, 'eventsPerCpuSecond', { server, batch: '1' })
}

async function run(stage: Stage): Promise<Result> {
  const { present } = await installed()
  const measured: Row[] = []
  const rows: Row[] = []
  for (const batch of BATCHES) {
    const products = batch === 1 ? present : [ours]
    const some = await inTurn(stage, products, (product) => measure(stage, product, batch))
    measured.push(...some)
    for (const { name } of products) {
      const row = medianRow(some.filter(({ server }) => server === name))
      if (row) rows.push(row)
    }
  }
  const shown = rows.map((row) => ({ ...row, ofNchan: ratio(row, rows, 'eventsPerCpuSecond') }))
  return {
    measured,
    rows: shown,
    columns: [
      { key: 'server', heading: 'server' },
      { key: 'batch', heading: 'events a request' },
      { key: 'eventsPerCpuSecond', heading: 'events a CPU second' },
      { key: 'ofNchan', heading: 'of nchan' },
      { key: 'eventsPerSecond', heading: 'events/s by the clock' },
      { key: 'ackP50', heading: 'answer p50, ms' },
      { key: 'ackP99', heading: 'answer p99, ms' },
    ],
    notes: [
      ...targetLines(targets, shown),
      'What Switchboard acknowledged was read back: every event once, and in order of its connection. The others keep nothing on a disk.',
    ],
  }
}

async function measure(stage: Stage, product: Product, batch: number): Promise<Row> {
  const server = await product.start(stage, { protocol: 'sse', event: syncCompleted, batch })
  const publisher = await Publisher.open(stage, server.desk, { connections: CONNECTIONS, depth: 1 })
  await publisher.publish({ ms: WARM_UP_MS })
  const cpuBefore = serverCpuSeconds(server)
  const published = await publisher.publish({ ms: MEASURE_MS })
  const { events, seconds, refusals, refusal, latency, last } = published
  const cpu = serverCpuSeconds(server) - cpuBefore
  if (refusals > 0) throw new Error(`${product.name} has refused ${refusals} requests, the first with ${refusal}`)
  await publisher.close()
  if (product === ours) await readBack(stage, server, batch, last)
  await server.end()
  stage.say(`${product.name}, ${batch} a request: ${Math.round(events / cpu)} events a CPU second`)
  return {
    server: product.name,
    batch: String(batch),
    eventsPerCpuSecond: events / cpu,
    eventsPerSecond: events / seconds,
    ackP50: latency.quantile(0.5) / MICROSECONDS,
    ackP99: latency.quantile(0.99) / MICROSECONDS,
  }
}

async function readBack(stage: Stage, { entrance }: Server, batch: number, last: number): Promise<void> {
  const routes = entrance.routes.map((route) => ({ ...route, path: `${route.path}?last_event_id=0` }))
  const audience = await Audience.open(stage, {
    count: 1,
    entrance: { ...entrance, routes },
    after: NUMBER_BASE,
    // Those of a connection come in order, and so do those of a request.
    publishers: CONNECTIONS * batch,
  })
  await audience.reached(last)
  await audience.close()
}
