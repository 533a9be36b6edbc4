import { eventStream } from '../../packages/server/src/log/jetstream/names.js'
import { pollUntil } from '../../packages/server/src/nats/poll.js'
import { streamAt } from '../../packages/server/testing/node-streams.js'
import { type Case, median, type Result, type Row } from '../case.js'
import { Deployment, ONE_NODE } from '../deployment.js'
import { Ledger } from '../ledger.js'
import { Load } from '../load.js'
import { replay } from '../replay.js'
import type { Stage } from '../stage.js'

/**
 * Measures how fast a new gateway with an empty folder reads what the stream holds: from the start of its process until it
 * is ready and misses nothing, less what the same takes with an empty stream.
 *
 * What would fool it:
 * - Big batches. A message is an append, and most of the work is by the message: so it is measured with one event in each,
 *   and with a hundred.
 * - A server on the same machine, whose disk has everything in memory still: over a network, or from a cold disk, those set
 *   the pace.
 * - A gateway that calls itself ready too early: what it then serves must be what the first one serves, byte for byte.
 */
export const catchUp: Case = {
  name: 'catch-up',
  summary: 'a new gateway with an empty folder reads 100,000 events',
  run,
}

const EVENTS = 100_000
const BATCHES = [1, 100]
const IN_FLIGHT = 64
const FILL_MS_MAX = 300_000

async function run(stage: Stage): Promise<Result> {
  const rows: Row[] = []
  for (const batch of BATCHES) {
    const deployment = await Deployment.start(stage, ONE_NODE)
    const { gateway } = deployment
    const empty: Cost[] = []
    for (let round = 0; round < stage.rounds; round++) empty.push(await costOfStart(stage, deployment))
    stage.say(`publishing ${EVENTS} events, ${batch} an append`)
    const ledger = new Ledger()
    const load = await Load.start({ gateway, ledger, inFlight: IN_FLIGHT, batch })
    await pollUntil('events to be published', FILL_MS_MAX, async () =>
      ledger.size >= EVENTS ? { answer: true } : { missing: `${ledger.size} are` },
    )
    await load.stop()
    await ledger.check(gateway)
    const wanted = await replay(gateway, ledger.size)
    const full: Cost[] = []
    for (let round = 0; round < stage.rounds; round++) {
      full.push(await costOfStart(stage, deployment, { ...wanted, count: ledger.size }))
    }
    const more = (of: (cost: Cost) => number) => median(full.map(of)) - median(empty.map(of))
    const seconds = more((cost) => cost.seconds)
    rows.push({
      batch: String(batch),
      events: ledger.size.toLocaleString('en-US'),
      seconds,
      eventsPerSecond: ledger.size / seconds,
      eventsPerCpuSecond: ledger.size / more((cost) => cost.cpuSeconds),
      appendsPerSecond: ledger.size / batch / seconds,
      megabytesPerSecond: wanted.bytes / seconds / 1e6,
      streamBytes: (await bytesOfStream(deployment)) / ledger.size,
      copyBytes: (await gateway.metric('switchboard_log_bytes')) / ledger.size,
    })
  }
  return {
    measured: rows,
    rows,
    columns: [
      { key: 'batch', heading: 'events an append' },
      { key: 'events', heading: 'events' },
      { key: 'seconds', heading: 'seconds' },
      { key: 'eventsPerSecond', heading: 'events/s' },
      { key: 'eventsPerCpuSecond', heading: 'events a CPU second of the gateway' },
      { key: 'appendsPerSecond', heading: 'appends/s' },
      { key: 'megabytesPerSecond', heading: 'MB/s, as subscribers get them' },
      { key: 'streamBytes', heading: 'bytes an event at a NATS server' },
      { key: 'copyBytes', heading: 'bytes an event in a copy' },
    ],
    notes: ['What the new gateway serves is what the first one serves, byte for byte.'],
  }
}

async function bytesOfStream({ nats }: Deployment): Promise<number> {
  const [node] = nats?.nodes ?? []
  const bytes = node && (await streamAt(node, eventStream(0)))?.bytes
  if (bytes === undefined) throw new Error('the NATS server does not say how large the stream is')
  return bytes
}

interface Wanted {
  readonly count: number
  readonly digest: string
}

interface Cost {
  readonly seconds: number
  readonly cpuSeconds: number
}

/** From the start of a gateway's process until it has all that there is. */
async function costOfStart(stage: Stage, deployment: Deployment, wanted?: Wanted): Promise<Cost> {
  const newcomer = await deployment.add(stage)
  await pollUntil('a newcomer to have caught up', FILL_MS_MAX, async () => {
    const behind = await newcomer.metric('switchboard_log_behind_appends')
    return behind === 0 ? { answer: true } : { missing: `it is ${behind} appends behind` }
  })
  const cost = { seconds: (performance.now() - newcomer.startedAt) / 1000, cpuSeconds: newcomer.cpuSeconds() }
  stage.say(`a new gateway had ${wanted?.count ?? 0} events after ${cost.seconds.toFixed(2)} s`)
  if (wanted) {
    const { digest } = await replay(newcomer, wanted.count)
    if (digest !== wanted.digest) throw new Error('the new gateway serves other bytes than the first')
  }
  await newcomer.kill()
  return cost
}
