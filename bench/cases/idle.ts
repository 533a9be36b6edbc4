import { setTimeout } from 'node:timers/promises'
import { Audience } from '../audience.js'
import type { Case, Result, Row } from '../case.js'
import { inTurn, medians, ratio } from '../comparison.js'
import { NUMBER_BASE, syncCompleted } from '../events.js'
import { installed } from '../products.js'
import { Publisher } from '../publisher.js'
import { ours } from '../servers/ours.js'
import { type Product, serverBytes, serverCpuSeconds } from '../servers/server.js'
import type { Stage } from '../stage.js'
import { figureOf, type Target, targetLines } from '../target.js'

/**
 * Measures what a subscriber costs that hears nothing: memory of all processes of a server with 10,000 of them, less what
 * they had with none; and how fast they were taken.
 *
 * What would fool it:
 * - The kernel's memory for sockets, 7 or 8 kB for both ends, which belongs to no process and is the same for all.
 * - A collector that has not run. It is given some seconds, but not told to.
 * - A server that has taken a connection and not subscribed it: all are sent an event in the end, and must have it.
 * - Connections opened by one client: its core may be what limits the rate. Those for a second of the server's processor time
 *   do not depend on it.
 * - A server that compiles as it runs: who comes first pays. The rate is that of 10,000 who come when others have been there.
 */
export const idle: Case = {
  name: 'idle',
  summary: '10,000 subscribers that hear nothing: memory of each, and how fast they connect',
  run,
}

const SUBSCRIBERS = 10_000
const SETTLE_MS = 3_000
const SILENT_MS_MAX = 3_000
const KIB = 1024

const targets: readonly Target[] = [
  {
    what: 'memory of a connection',
    most: 10.3,
    unit: 'kB',
    value: (rows) => figureOf(rows, 'kilobytes', { server: ours.name }),
  },
  {
    what: 'connections taken',
    least: 8_000,
    unit: 'a CPU second',
    value: (rows) => figureOf(rows, 'connectsPerCpuSecond', { server: ours.name }),
  },
]

async function run(stage: Stage): Promise<Result> {
  const { present } = await installed()
  const measured = await inTurn(stage, present, (product) => measure(stage, product))
  const rows = medians(measured, present).map((row, _, all) => ({ ...row, ofNchan: ratio(row, all, 'kilobytes') }))
  return {
    measured,
    rows,
    columns: [
      { key: 'server', heading: 'server' },
      { key: 'kilobytes', heading: 'memory of a connection, kB' },
      { key: 'ofNchan', heading: 'of nchan' },
      { key: 'connectsPerSecond', heading: 'connections taken a second' },
      { key: 'connectsPerCpuSecond', heading: 'a CPU second' },
      { key: 'emptyMebibytes', heading: 'memory with none, MiB' },
    ],
    notes: [...targetLines(targets, rows), 'Every subscriber had the event that was published in the end.'],
  }
}

async function measure(stage: Stage, product: Product): Promise<Row> {
  const server = await product.start(stage, { protocol: 'sse', event: syncCompleted })
  await setTimeout(SETTLE_MS)
  const emptyBytes = serverBytes(server)
  const { entrance } = server
  const audience = await Audience.open(stage, { count: SUBSCRIBERS, entrance, after: NUMBER_BASE })
  await setTimeout(SETTLE_MS)
  const kilobytes = (serverBytes(server) - emptyBytes) / SUBSCRIBERS / KIB
  const publisher = await Publisher.open(stage, server.desk, { connections: 1, depth: 1 })
  const { last } = await publisher.publish({ requests: 1 })
  const { missing } = await audience.hears(last, SILENT_MS_MAX)
  if (missing > 0) throw new Error(`${missing} of ${SUBSCRIBERS} subscribers of ${product.name} did not have the event`)
  await Promise.all([audience.close(), publisher.close()])
  await setTimeout(SETTLE_MS)
  const cpuBefore = serverCpuSeconds(server)
  const again = await Audience.open(stage, { count: SUBSCRIBERS, entrance, after: last })
  const cpu = serverCpuSeconds(server) - cpuBefore
  await again.close()
  await server.end()
  stage.say(`${product.name}: ${kilobytes.toFixed(1)} kB a connection`)
  return {
    server: product.name,
    kilobytes,
    connectsPerSecond: SUBSCRIBERS / again.openSeconds,
    connectsPerCpuSecond: SUBSCRIBERS / cpu,
    emptyMebibytes: emptyBytes / KIB / KIB,
  }
}
