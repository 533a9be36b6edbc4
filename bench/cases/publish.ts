import { pollUntil } from '../../packages/server/src/nats/poll.js'
import { type Case, type Column, median, type Result, type Row } from '../case.js'
import {
  Deployment,
  LMDB,
  ONE_NODE,
  ONE_NODE_SYNCHRONOUS,
  type Storage,
  THREE_NODES,
  THREE_NODES_SYNCHRONOUS,
} from '../deployment.js'
import { Ledger } from '../ledger.js'
import { Load } from '../load.js'
import type { Stage } from '../stage.js'

/**
 * Measures how many appends a second one gateway acknowledges over HTTP, and what it and the NATS servers take of the
 * processors for it: one event a request and a hundred, with 1, 16 and 64 requests in flight.
 *
 * What would fool it:
 * - Everything runs on one machine, the client too. With few cores the rates of three NATS servers are those of a machine
 *   that does the work of three: look at the processor time, which others take nothing from.
 * - The disk. One that flushes in a tenth of a millisecond, or says so, makes whatever waits for it look fast. How long it
 *   takes is printed above the table.
 * - Other work at the same time. All storages stand side by side and are visited in turn, so that it hits them alike: trust
 *   the ratios more than the rates.
 * - A storage that is not as safe as another: synchronous means that what was acknowledged survives a power cut of all.
 */
export const publish: Case = {
  name: 'publish',
  summary:
    'acknowledged appends a second and processor time, LMDB beside JetStream with and without synchronous storage',
  run,
}

const STORAGES = [LMDB, ONE_NODE, ONE_NODE_SYNCHRONOUS, THREE_NODES, THREE_NODES_SYNCHRONOUS]
const BATCHES = [1, 100]
const IN_FLIGHT = [1, 16, 64]
const MEASURE_MS = 1_000
/** A process is slow until what it does often has been compiled. */
const WARM_UP_APPENDS = 4_000
const WARM_UP_IN_FLIGHT = 64
const WARM_UP_MS_MAX = 120_000

interface Stand {
  readonly deployment: Deployment
  readonly ledger: Ledger
}

interface Measured {
  readonly appendsPerSecond: number
  readonly gatewayMsPerAppend: number
  readonly natsMsPerAppend: number
}

async function run(stage: Stage): Promise<Result> {
  const stands: Stand[] = []
  for (const storage of STORAGES) {
    stands.push({ deployment: await Deployment.start(stage, storage), ledger: new Ledger() })
  }
  for (const stand of stands) await warmUp(stage, stand)
  const all = new Map<string, Measured[]>()
  for (let round = 1; round <= stage.rounds; round++) {
    for (const batch of BATCHES) {
      for (const inFlight of IN_FLIGHT) {
        stage.say(`round ${round} of ${stage.rounds}: ${batch} an append, ${inFlight} in flight`)
        for (const stand of stands) {
          const name = keyOf(stand.deployment.storage, batch, inFlight)
          all.set(name, [...(all.get(name) ?? []), await measure(stand, batch, inFlight, MEASURE_MS)])
        }
      }
    }
  }
  for (const { deployment, ledger } of stands) {
    stage.say(`reading back ${ledger.size} events: ${deployment.storage.name}`)
    await ledger.check(deployment.gateway)
  }
  return resultOf(new Map([...all].map(([name, measured]) => [name, medianOf(measured)])), stands)
}

async function warmUp(stage: Stage, { deployment, ledger }: Stand): Promise<void> {
  stage.say(`warming up ${deployment.storage.name}`)
  const load = await Load.start({ gateway: deployment.gateway, ledger, inFlight: WARM_UP_IN_FLIGHT, batch: 1 })
  await pollUntil('a gateway to be warm', WARM_UP_MS_MAX, async () =>
    ledger.size >= WARM_UP_APPENDS ? { answer: true } : { missing: `${ledger.size} appends so far` },
  )
  await load.stop()
}

async function measure(stand: Stand, batch: number, inFlight: number, ms: number): Promise<Measured> {
  const { deployment, ledger } = stand
  const { gateway } = deployment
  const load = await Load.start({ gateway, ledger, inFlight, batch })
  const gatewayBefore = gateway.cpuSeconds()
  const natsBefore = deployment.natsCpuSeconds()
  await new Promise((resolve) => setTimeout(resolve, ms))
  const { appends, seconds } = await load.stop()
  return {
    appendsPerSecond: appends / seconds,
    gatewayMsPerAppend: (1000 * (gateway.cpuSeconds() - gatewayBefore)) / appends,
    natsMsPerAppend: (1000 * (deployment.natsCpuSeconds() - natsBefore)) / appends,
  }
}

function medianOf(measured: readonly Measured[]): Measured {
  const of = (value: (one: Measured) => number) => median(measured.map(value))
  return {
    appendsPerSecond: of((one) => one.appendsPerSecond),
    gatewayMsPerAppend: of((one) => one.gatewayMsPerAppend),
    natsMsPerAppend: of((one) => one.natsMsPerAppend),
  }
}

function keyOf(storage: Storage, batch: number, inFlight: number): string {
  return `${storage.name}/${batch}/${inFlight}`
}

const columns: readonly Column[] = [
  { key: 'storage', heading: 'storage' },
  { key: 'batch', heading: 'events an append' },
  ...IN_FLIGHT.map((inFlight) => ({ key: `rate${inFlight}`, heading: `appends/s, ${inFlight} in flight` })),
  { key: 'ofLmdb', heading: 'of LMDB' },
  { key: 'price', heading: 'of the same, not synchronous' },
  { key: 'gatewayMs', heading: 'gateway CPU, ms an append' },
  { key: 'natsMs', heading: 'NATS CPU, ms an append' },
]

function resultOf(found: ReadonlyMap<string, Measured>, stands: readonly Stand[]): Result {
  const measured: Row[] = []
  const rows: Row[] = []
  const get = (storage: Storage, batch: number, inFlight: number) => found.get(keyOf(storage, batch, inFlight))
  const most = Math.max(...IN_FLIGHT)
  for (const batch of BATCHES) {
    for (const storage of STORAGES) {
      const ratio = (other: Storage) => {
        const mine = get(storage, batch, most)?.appendsPerSecond ?? Number.NaN
        return mine / (get(other, batch, most)?.appendsPerSecond ?? Number.NaN)
      }
      const plain = STORAGES.find(({ nodes, synchronous }) => nodes > 0 && nodes === storage.nodes && !synchronous)
      for (const inFlight of IN_FLIGHT) {
        measured.push({ storage: storage.name, batch, inFlight, ...get(storage, batch, inFlight) })
      }
      const last = get(storage, batch, most)
      rows.push({
        storage: storage.name,
        batch: String(batch),
        ...Object.fromEntries(
          IN_FLIGHT.map((n) => [`rate${n}`, get(storage, batch, n)?.appendsPerSecond ?? Number.NaN]),
        ),
        ofLmdb: storage === LMDB ? '' : ratio(LMDB),
        price: plain === undefined || plain === storage ? '' : ratio(plain),
        gatewayMs: last?.gatewayMsPerAppend ?? Number.NaN,
        natsMs: storage === LMDB ? '' : (last?.natsMsPerAppend ?? Number.NaN),
      })
    }
  }
  const events = stands.reduce((sum, { ledger }) => sum + ledger.size, 0)
  return {
    measured,
    columns,
    rows,
    notes: [
      `Ratios and processor time with ${most} in flight. An event is about 180 bytes of JSON.`,
      `All ${events.toLocaleString('en-US')} acknowledged events were read back: none missing, none twice, in order.`,
    ],
  }
}
