import { Audience } from '../audience.js'
import { type Case, median, type Result, type Row } from '../case.js'
import { Deployment, LMDB, ONE_NODE, type Storage } from '../deployment.js'
import { publishPaced } from '../load.js'
import { residentBytes } from '../processor.js'
import type { Stage } from '../stage.js'

/**
 * Measures what one gateway takes of a processor to deliver: 1,000 subscribers of one workspace by server-sent events, 200
 * events a second for some seconds, on LMDB and on JetStream.
 *
 * What would fool it:
 * - Rates by the clock, on a machine with other work. Processor time hardly changes with it.
 * - A client that is too slow: it would make the gateway send less often, and more at a time. This one has a process of its
 *   own, takes what has come every 50 ms, and says how much of a processor it took.
 * - Events that come close together go in one write, and a delivery costs less; those that come singly cost most. A machine
 *   that is busy with other work, or a disk that is slow, brings them together: so the two take turns, round by round.
 * - Loopback: the kernel does the receiver's part of the work in the sender's time.
 */
export const gateway: Case = {
  name: 'gateway',
  summary: 'deliveries for a second of processor time: 1,000 subscribers, 200 events a second',
  run,
}

const STORAGES = [LMDB, ONE_NODE]
const SUBSCRIBERS = 1_000
/** As many as it takes that a slow answer does not slow the pace. */
const PUBLISHERS = 16
const PACE = { perSecond: 200, publishers: PUBLISHERS }
const WARM_UP = 400
const EVENTS = 1_600
const READ_EVERY_MS = 50
const MIB = 1024 * 1024

async function run(stage: Stage): Promise<Result> {
  const stands: Stand[] = []
  for (const storage of STORAGES) stands.push(await open(stage, storage))
  const measured: Row[] = []
  for (let round = 1; round <= stage.rounds; round++) {
    for (const stand of stands) measured.push(await measure(stage, stand, round))
  }
  const of = (storage: Storage, key: string) =>
    median(measured.filter((row) => row.storage === storage.name).map((row) => Number(row[key])))
  const rows = STORAGES.map((storage) => ({
    storage: storage.name,
    deliveriesPerCpuSecond: of(storage, 'deliveriesPerCpuSecond'),
    ofLmdb: storage === LMDB ? '' : of(storage, 'deliveriesPerCpuSecond') / of(LMDB, 'deliveriesPerCpuSecond'),
    deliveriesPerSecond: of(storage, 'deliveriesPerSecond'),
    gatewayMebibytes: of(storage, 'gatewayMebibytes'),
    natsCores: storage === LMDB ? '' : of(storage, 'natsCores'),
    clientCores: of(storage, 'clientCores'),
  }))
  return {
    measured,
    rows,
    columns: [
      { key: 'storage', heading: 'storage' },
      { key: 'deliveriesPerCpuSecond', heading: 'deliveries a CPU second of the gateway' },
      { key: 'ofLmdb', heading: 'of LMDB' },
      { key: 'deliveriesPerSecond', heading: 'deliveries/s by the clock' },
      { key: 'gatewayMebibytes', heading: 'memory of the gateway, MiB' },
      { key: 'natsCores', heading: 'cores taken by NATS' },
      { key: 'clientCores', heading: 'cores taken by the client' },
    ],
    notes: ['Every subscriber had every event once and in order. An event is about 250 bytes on the stream.'],
  }
}

interface Stand {
  readonly deployment: Deployment
  readonly audience: Audience
  published: number
}

async function open(stage: Stage, storage: Storage): Promise<Stand> {
  const deployment = await Deployment.start(stage, storage)
  const at = deployment.gateway
  const options = { count: SUBSCRIBERS, entrance: at.entrance(), publishers: PUBLISHERS, readEveryMs: READ_EVERY_MS }
  const audience = await Audience.open(stage, options)
  await publishPaced(at, { ...PACE, first: 1, count: WARM_UP })
  return { deployment, audience, published: WARM_UP }
}

async function measure(stage: Stage, stand: Stand, round: number): Promise<Row> {
  const { deployment, audience, published } = stand
  const { gateway: at, storage } = deployment
  const before = await audience.reached(published)
  const cpuBefore = at.cpuSeconds()
  const natsBefore = deployment.natsCpuSeconds()
  const startedAt = performance.now()
  await publishPaced(at, { ...PACE, first: published + 1, count: EVENTS })
  stand.published += EVENTS
  const heard = await audience.reached(stand.published)
  const seconds = (performance.now() - startedAt) / 1000
  const deliveries = heard.deliveries - before.deliveries
  if (deliveries !== EVENTS * SUBSCRIBERS) throw new Error(`${deliveries} deliveries, not ${EVENTS * SUBSCRIBERS}`)
  const cpu = at.cpuSeconds() - cpuBefore
  stage.say(`${storage.name}, round ${round}: ${Math.round(deliveries / cpu)} deliveries a CPU second`)
  return {
    storage: storage.name,
    round,
    deliveriesPerCpuSecond: deliveries / cpu,
    deliveriesPerSecond: deliveries / seconds,
    natsCores: (deployment.natsCpuSeconds() - natsBefore) / seconds,
    gatewayMebibytes: residentBytes(at.pid) / MIB,
    clientCores: (heard.cpuSeconds - before.cpuSeconds) / seconds,
  }
}
