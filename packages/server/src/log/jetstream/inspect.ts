import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection, ServerInfo } from '@nats-io/transport-node'
import { SwitchboardError } from '@switchboard/contract'
import { type Finding, fail, ok } from '@switchboard/contract/core'
import type { Clock } from '../../clock.js'
import { BUCKET_STREAM } from './bucket.js'
import { connectNats, type NatsAddress, visit } from './connection.js'
import { clockFindings, clockOfStream, monitoredClocks } from './inspect/clocks.js'
import { type AbsentServer, serverFindings, streamFindings } from './inspect/cluster.js'
import { flushFindings } from './inspect/flush.js'
import { accountFindings, payloadFinding, storageFindings } from './inspect/limits.js'
import { askMonitors, type Monitored, type Unmonitored } from './inspect/monitor.js'
import { synchronousFolder } from './inspect/store-folder.js'
import { featureFinding, type SeenServer, versionFindings } from './inspect/versions.js'
import { within } from './patience.js'
import { differences, fewReplicas, type StreamsOptions, storedStream, wantedStreams } from './streams.js'

export interface InspectOptions extends Omit<StreamsOptions, 'isCluster' | 'mends'> {
  readonly clock: Clock
  /** Addresses of the servers' monitoring ports: the only place that tells whether they sync before they acknowledge. */
  readonly monitors?: readonly string[] | undefined
}

/** Whoever asks what is wrong wants to know soon, in ms. */
const CONNECT_MS_MAX = 5_000
const REQUEST_MS_MAX = 2_000
/** One server's answer, in ms. */
const VISIT_MS_MAX = 2_000
/** Addresses that are tried: clusters are small. */
const VISITS_MAX = 32

/** Looks at the servers and at what is kept there, and says what a deployment should know. Changes nothing. */
export async function inspectNats(address: NatsAddress, options: InspectOptions): Promise<readonly Finding[]> {
  const { clock } = options
  let connection: NatsConnection | undefined
  try {
    connection = await connectNats(address, clock, { patienceMs: CONNECT_MS_MAX })
    return await inspectServers(connection, address, options)
  } catch (error) {
    const detail = error instanceof SwitchboardError ? error.detail : (error as Error).message
    return [fail('NATS servers', detail, 'Check SWITCHBOARD_NATS_URL, and that the servers run.')]
  } finally {
    await connection?.close()
  }
}

/** The same over a connection that is there. */
export async function inspectServers(
  connection: NatsConnection,
  address: NatsAddress,
  options: InspectOptions,
): Promise<readonly Finding[]> {
  const { clock, monitors = [] } = options
  const now = () => clock.now()
  const [visited, asked, jsm] = await Promise.all([
    visitAll(connection, address, clock),
    askMonitors(monitors, now),
    jetstreamManager(connection, { timeout: REQUEST_MS_MAX, checkAPI: false }),
  ])
  const monitored = asked.filter((each): each is Monitored => 'id' in each)
  const silent = asked.filter((each): each is Unmonitored => !('id' in each))
  const seen = merge(monitored, visited.seen)
  const flushing = await Promise.all(
    monitored.map(async (server) => ({
      server,
      folder: server.jetstream && (await synchronousFolder(server.address, server.jetstream.storeDir)),
    })),
  )
  const isCluster = connection.info?.cluster !== undefined
  return [
    ...serverFindings(seen, visited.absent, monitored),
    ...versionFindings(seen),
    ...flushFindings(seen, flushing, silent),
    ...(await keptFindings(jsm, { ...options, isCluster })),
    ...storageFindings(monitored),
    ...clockFindings(await clocksOf(jsm, monitored, options)),
    ...(connection.info ? [payloadFinding(connection.info.max_payload)] : []),
    featureFinding(seen),
  ]
}

async function keptFindings(jsm: JetStreamManager, options: StreamsOptions): Promise<readonly Finding[]> {
  try {
    return [...(await streamsOf(jsm, options)), ...accountFindings(await jsm.getAccountInfo())]
  } catch (error) {
    const detail = `it does not answer: ${(error as Error).message}`
    return [fail('JetStream', detail, 'Is it on (-js)? A cluster that has lost its leader finds another within 20 s.')]
  }
}

async function streamsOf(jsm: JetStreamManager, options: StreamsOptions): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const wanted of wantedStreams(options)) {
    const info = await storedStream(jsm, wanted.name)
    if (info === undefined) findings.push(ok(`stream ${wanted.name}`, 'not there yet: the first gateway makes it'))
    else findings.push(...differences(info.config, wanted, options), ...streamFindings(info))
  }
  const bucket = await storedStream(jsm, BUCKET_STREAM)
  if (bucket) findings.push(...fewReplicas(bucket.config, options), ...streamFindings(bucket))
  return findings
}

async function clocksOf(jsm: JetStreamManager, monitored: readonly Monitored[], options: InspectOptions) {
  if (monitored.length > 0) return monitoredClocks(monitored)
  for (const { name } of wantedStreams({ ...options, isCluster: false })) {
    try {
      return await clockOfStream(jsm, name, () => options.clock.now())
    } catch {
      // Not there yet, or without a leader: that is said elsewhere.
    }
  }
  return []
}

/** Asks every server that is named, by us or by the others, who it is. */
async function visitAll(connection: NatsConnection, address: NatsAddress, clock: Clock) {
  const { info } = connection
  const own = address.servers.map((server) => new URL(server).host)
  const known: SeenServer[] = info ? [seenServer(info, connection.getServer())] : []
  const addresses = [...new Set([...own, ...(info?.connect_urls ?? [])])].slice(0, VISITS_MAX)
  const absent: AbsentServer[] = []
  await Promise.all(
    addresses.map(async (server) => {
      try {
        const visiting = visit(address, server, VISIT_MS_MAX)
        const met = await within(clock, VISIT_MS_MAX, visiting, () => {
          throw new Error('no answer')
        })
        known.push(seenServer(met, server))
      } catch (error) {
        absent.push({ address: server, why: (error as Error).message })
      }
    }),
  )
  return { seen: known, absent }
}

/** One that was given no name calls itself by its id: its address says more. */
function seenServer({ server_id: id, server_name: name, version }: ServerInfo, address: string): SeenServer {
  return { id, name: name === id ? address : name, version }
}

/** Each server once, in the order of their names. */
function merge(...lists: readonly (readonly SeenServer[])[]): readonly SeenServer[] {
  const byId = new Map(lists.flat().map(({ id, name, version }) => [id, { id, name, version }]))
  return [...byId.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}
