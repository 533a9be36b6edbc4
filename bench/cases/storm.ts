import { setTimeout } from 'node:timers/promises'
import { Audience, faultOf } from '../audience.js'
import type { Case, Result, Row } from '../case.js'
import { inTurn, lostText, medians, ratio } from '../comparison.js'
import { NUMBER_BASE, syncCompleted } from '../events.js'
import { installed } from '../products.js'
import { Publisher } from '../publisher.js'
import { ours } from '../servers/ours.js'
import { type Product, serverCpuSeconds } from '../servers/server.js'
import type { Stage } from '../stage.js'
import { figureOf, type Target, targetLines } from '../target.js'
import { watchMemory } from '../trial.js'

/**
 * Measures a storm: 5,000 subscribers lose their connections, miss 1,000 events, and come back together with the last id
 * they had, while somebody publishes.
 *
 * What would fool it:
 * - Subscribers that come back and hear only what is new: each must have all that it missed, in order, and go on with what is
 *   live.
 * - One that is current soon while others wait: what counts is when the last is.
 * - A publisher that waits for its answers and sends nothing meanwhile: this one has 64 requests under way before it does.
 */
export const storm: Case = {
  name: 'storm',
  summary: '5,000 subscribers come back at once, 1,000 events behind, while somebody publishes',
  run,
}

const SUBSCRIBERS = 5_000
const BEFORE = 20
const BEHIND = 1_000
const PER_SECOND = 20
const CALM_MS = 500
const SILENT_MS_MAX = 15_000
/** One that takes longer to have all back is not waited for. */
const BACK_MS_MAX = 120_000
const DEPTH = 64
const MICROSECONDS = 1_000
const MIB = 1024 * 1024

const targets: readonly Target[] = [
  {
    what: "publishers' p99 meanwhile",
    most: 250,
    unit: 'ms',
    value: (rows) => figureOf(rows, 'ackP99', { server: ours.name }),
  },
  {
    what: 'events that did not come',
    most: 0,
    unit: '',
    value: (rows) => figureOf(rows, 'lost', { server: ours.name }),
  },
]

async function run(stage: Stage): Promise<Result> {
  const products = (await installed()).present.filter(({ resumes }) => resumes)
  const measured = await inTurn(stage, products, (product) => measure(stage, product))
  const rows = medians(measured, products).map((row, _, all) => ({
    ...row,
    ofNchan: ratio(row, all, 'deliveriesPerCpuSecond'),
    lostText: lostText(row),
  }))
  return {
    measured,
    rows,
    columns: [
      { key: 'server', heading: 'server' },
      { key: 'seconds', heading: 'until all are current, s' },
      { key: 'medianSeconds', heading: 'until half are, s' },
      { key: 'deliveriesPerCpuSecond', heading: 'deliveries a CPU second' },
      { key: 'ofNchan', heading: 'of nchan' },
      { key: 'ackP50', heading: 'publisher p50, ms' },
      { key: 'ackP99', heading: 'publisher p99, ms' },
      { key: 'mebibytes', heading: 'memory at most, MiB' },
      { key: 'lostText', heading: 'lost' },
    ],
    notes: [...targetLines(targets, rows), 'Subscribers of Switchboard had every event once and in order.'],
  }
}

async function measure(stage: Stage, product: Product): Promise<Row> {
  const server = await product.start(stage, { protocol: 'sse', event: syncCompleted })
  const audience = await Audience.open(stage, {
    count: SUBSCRIBERS,
    entrance: server.entrance,
    after: NUMBER_BASE,
    remembersId: true,
  })
  const publisher = await Publisher.open(stage, server.desk, { connections: 1, depth: DEPTH })
  const { last: lastBefore } = await publisher.publish({ requests: BEFORE })
  const before = await audience.hears(lastBefore, SILENT_MS_MAX)
  await audience.leave()
  const missed = await publisher.publish({ requests: BEHIND })
  const publishing = publisher.publish({ perSecond: PER_SECOND })
  await setTimeout(CALM_MS)
  const memory = watchMemory(server)
  const cpuBefore = serverCpuSeconds(server)
  const startedAt = performance.now()
  await audience.return()
  const back = await audience.hears(missed.last, SILENT_MS_MAX, BACK_MS_MAX)
  const seconds = (performance.now() - startedAt) / 1000
  publisher.stop()
  const published = await publishing
  const isBack = back.missing === 0
  const heard = isBack ? await audience.hears(published.last, SILENT_MS_MAX) : back
  const cpu = serverCpuSeconds(server) - cpuBefore
  const mebibytes = memory.stop() / MIB
  await Promise.all([audience.close(), publisher.close()])
  await server.end()
  const fault = faultOf(heard)
  if (fault !== undefined && product === ours) throw new Error(`subscribers of ${product.name} ${fault}`)
  stage.say(
    `${product.name}: ${isBack ? `all are current after ${seconds.toFixed(1)} s` : 'not all came back'}${fault === undefined ? '' : `; they ${fault}`}`,
  )
  return {
    server: product.name,
    seconds: isBack ? seconds : `not in ${BACK_MS_MAX / 1000}`,
    medianSeconds: back.current.quantile(0.5) / MICROSECONDS / 1000,
    deliveriesPerCpuSecond: (heard.deliveries - before.deliveries) / cpu,
    ackP50: published.latency.quantile(0.5) / MICROSECONDS,
    ackP99: published.latency.quantile(0.99) / MICROSECONDS,
    mebibytes,
    lost: Math.max(heard.missing, heard.gaps),
    repeats: heard.repeats,
    late: heard.late,
  }
}
