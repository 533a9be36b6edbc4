import { Audience, type Entrance, faultOf, type Held } from './audience.js'
import type { Row } from './case.js'
import { agentTranscript, NUMBER_BASE, type NumberedEvent, syncCompleted } from './events.js'
import type { Published } from './publisher.js'
import { Publisher } from './publisher.js'
import { ours } from './servers/ours.js'
import { type Needs, type Product, type Server, serverBytes, serverCpuSeconds } from './servers/server.js'
import type { Stage } from './stage.js'

/** Above this, of the core that they have, clients may be what sets the pace. */
const CLIENT_CORES_MAX = 0.85
const KIB = 1024
const MIB = KIB * KIB
const MICROSECONDS = 1_000
/** What nothing has come for so long does not come any more. */
const SILENT_MS_MAX = 3_000
/**
 * The same, where some have not read: the kernel asks a reader that was full whether it has room again after up to twice the
 * time that it was, and hears nothing from it before.
 */
const HELD_SILENT_MS_MAX = 12_000
const SETTLE_MS = 300
const LOOK_MS = 200
const WARM_UP_MS = 1_000
/** Requests before anybody subscribes: at 200 a second it would take a server that compiles as it runs a minute to be done. */
const WARM_UP_REQUESTS = 10_000
/** Connections for servers that take one request on each. */
const SINGLE_REQUEST_LANES = 16
/** Requests that may wait where the pace is given: the pace is kept while an answer takes this many times its interval. */
const PACED_DEPTH = 64

/** Subscribers, and what is published to them. */
export interface Trial {
  readonly subscribers: number
  /** Subscribers take them in turn, and so do events. Default: 1. */
  readonly channels?: number
  /** Default: sse. */
  readonly protocol?: Entrance['protocol']
  /** Default: that of the protocol. */
  readonly event?: NumberedEvent
  /** Events a second; absent: as fast as they are acknowledged. */
  readonly perSecond?: number
  /** Requests that wait for their answer, on one connection. Default, with a pace: 64. */
  readonly inFlight?: number
  readonly seconds: number
  /** Subscribers that read less, from the beginning of the measurement until its end. */
  readonly held?: Held
  readonly keepsTimes?: boolean
  /** Lanes that the queries of subscribers tell apart. Default: channels. */
  readonly lanes?: number
  /** How the server is started. Default: as the product does for the trial. */
  readonly start?: (stage: Stage, needs: Needs) => Promise<Server>
}

/** What has been measured of one server. */
export interface Outcome {
  readonly row: Row
  readonly heard: Awaited<ReturnType<Audience['hears']>>
  readonly published: Published
}

/**
 * Starts a server, subscribes, warms up, publishes, and waits until everything has come, or nothing comes any more.
 * @throws Error when ours has lost, doubled, misled or reordered an event, or refused one.
 */
export async function tryOut(stage: Stage, product: Product, trial: Trial): Promise<Outcome> {
  const { subscribers, channels = 1, protocol = 'sse', perSecond, seconds, held, keepsTimes = false } = trial
  const event = trial.event ?? (protocol === 'sse' ? syncCompleted : agentTranscript)
  const server = await (trial.start ?? product.start)(stage, { protocol, event, channels })
  const emptyBytes = serverBytes(server)
  const connections = server.desk.closesConnections ? SINGLE_REQUEST_LANES : 1
  const { entrance } = server
  const routes =
    channels === 1
      ? entrance.routes
      : entrance.routes.map((route, index) => ({ ...route, lanes: [laneOf(index, channels)] }))
  const depth = server.desk.closesConnections ? 1 : (trial.inFlight ?? PACED_DEPTH)
  const publisher = await Publisher.open(stage, server.desk, { connections, depth, keepsTimes })
  const { last: after } = await publisher.publish({ requests: WARM_UP_REQUESTS })
  const audience = await Audience.open(stage, {
    count: subscribers,
    entrance: { ...entrance, routes },
    marks: event.marks,
    after,
    lanes: trial.lanes ?? channels,
    publishers: connections,
    ...(held && { held }),
    keepsTimes,
  })
  await pause(SETTLE_MS)
  const openBytes = serverBytes(server)
  const pace = perSecond === undefined ? {} : { perSecond }
  const warm = await publisher.publish({ ...pace, ms: WARM_UP_MS })
  const before = await audience.hears(warm.last, SILENT_MS_MAX)
  await audience.begin()
  await audience.hold(true)
  const memory = watchMemory(server)
  const cpuBefore = serverCpuSeconds(server)
  const startedAt = performance.now()
  const published = await publisher.publish({ ...pace, ms: seconds * 1000 })
  const isHeld = held !== undefined
  if (isHeld) await audience.hold(false)
  const silentMsMax = isHeld ? HELD_SILENT_MS_MAX : SILENT_MS_MAX
  const heard = await audience.hears(published.last, silentMsMax)
  const tookSeconds = (performance.now() - startedAt) / 1000 - (heard.missing > 0 ? silentMsMax / 1000 : 0)
  const cpu = serverCpuSeconds(server) - cpuBefore
  const peakBytes = memory.stop()
  await Promise.all([audience.close(), publisher.close()])
  await server.end()
  const fault = faultOf(heard) ?? refusedText(published)
  if (fault !== undefined) {
    if (product === ours) throw new Error(`subscribers of ${product.name} ${fault}`)
    stage.say(`${product.name}: subscribers ${fault}`)
  }
  const deliveries = heard.deliveries - before.deliveries
  const clientCores = (heard.cpuSeconds - before.cpuSeconds + published.cpuSeconds - warm.cpuSeconds) / tookSeconds
  const ms = (part: number) => heard.latency.quantile(part) / MICROSECONDS
  const row = {
    server: product.name,
    deliveriesPerCpuSecond: deliveries / cpu,
    deliveriesPerSecond: deliveries / tookSeconds,
    p50: ms(0.5),
    p99: ms(0.99),
    p999: ms(0.999),
    max: heard.latency.max / MICROSECONDS,
    acksPerSecond: published.acks / published.seconds,
    ackP50: published.latency.quantile(0.5) / MICROSECONDS,
    ackP99: published.latency.quantile(0.99) / MICROSECONDS,
    lateMs: published.lateMs,
    events: published.events,
    serverCores: cpu / tookSeconds,
    clientCores,
    lost: Math.max(heard.missing, heard.gaps),
    repeats: heard.repeats,
    late: heard.late,
    closed: heard.closed,
    refusals: published.refusals,
    connectsPerSecond: subscribers / audience.openSeconds,
    connectionKilobytes: (openBytes - emptyBytes) / subscribers / KIB,
    mebibytes: peakBytes / MIB,
    growthMebibytes: (peakBytes - openBytes) / MIB,
  }
  stage.say(
    `${product.name}: ${Math.round(row.deliveriesPerCpuSecond)} deliveries a CPU second, p99 ${row.p99.toFixed(1)} ms, clients ${clientCores.toFixed(2)} cores`,
  )
  return { row, heard, published }
}

/** Whether the clients may have set the pace, for a cell. */
export function boundText(clientCores: number): string {
  return `${clientCores.toFixed(2)}${clientCores > CLIENT_CORES_MAX ? ', bounded by the client' : ''}`
}

/** The lane of a publisher's first request, its second, …, when so many take turns. */
export function laneOf(request: number, lanes: number): number {
  return (NUMBER_BASE + 1 + request) % lanes
}

function refusedText({ refusals, refusal }: Published): string | undefined {
  return refusals === 0 ? undefined : `had ${refusals} events refused, the first with ${refusal}`
}

/** The most memory that a server has, looked at now and then. */
export function watchMemory(server: Server): { stop(): number } {
  let most = serverBytes(server)
  const timer = setInterval(() => {
    try {
      most = Math.max(most, serverBytes(server))
    } catch {
      // It has gone: who measures it will say so.
      clearInterval(timer)
    }
  }, LOOK_MS)
  return {
    stop() {
      clearInterval(timer)
      return Math.max(most, serverBytes(server))
    },
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
