import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ending } from './child.js'
import { freePorts } from './free-ports.js'
import { agreedLeader, type StreamView } from './monitor.js'
import { NatsNode } from './node.js'
import type { NodePlace } from './node-config.js'
import { pollUntil } from './poll.js'
import { findNatsServer, type NatsProgram } from './program.js'
import { type Durability, makeSynchronous } from './synchronous.js'
import { isAtLeast, SYNC_SETTING_VERSION } from './version.js'

/** An election takes up to 9 s on this version, and a node that was cut off may cause a second one. */
const READY_MS_MAX = 45_000

export interface LocalNatsOptions {
  /** One node, or three that are a cluster. */
  readonly places: readonly NodePlace[]
  /** Where configurations and logs are kept. */
  readonly folder: string
  /** Where messages are kept, in a folder for each node. Default: `folder`. */
  readonly storeFolder?: string
  /** Whether a power cut must lose nothing that was acknowledged. It costs nine tenths of the rate on servers before 2.10. */
  readonly durable: boolean
  readonly maxPayloadBytes?: number
  /** Hears of a node's end that nobody here asked for. */
  readonly onDeath?: (node: NatsNode, how: Ending) => void
  /** Gives a start up. */
  readonly signal?: AbortSignal
}

/** nats-server processes of this machine, for trying and for tests. */
export class LocalNats {
  private constructor(
    readonly nodes: readonly NatsNode[],
    readonly program: NatsProgram,
    /** What became of `durable`. Who needs it has to look. */
    readonly durability: Durability,
  ) {}

  /**
   * Resolves when JetStream takes requests at every node.
   * @throws SwitchboardError `unavailable` when nats-server is not installed, or does not start; the signal's reason when
   * it was given up. None is left running then.
   */
  static async start(options: LocalNatsOptions): Promise<LocalNats> {
    const { places, folder, storeFolder = folder, durable, maxPayloadBytes, signal, onDeath = () => {} } = options
    const program = await findNatsServer()
    const syncAlways = durable && isAtLeast(program.version, SYNC_SETTING_VERSION)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const names = places.map((_, index) => `nats-${index + 1}`)
    const durability = durable ? await madeDurable(syncAlways, names, storeFolder) : NOT_ASKED
    const nodes = places.map((place, index) => {
      const name = names[index] ?? ''
      const storeDir = join(storeFolder, name)
      return new NatsNode({ name, program, place, places, folder, storeDir, maxPayloadBytes, syncAlways, onDeath })
    })
    const nats = new LocalNats(nodes, program, durability)
    try {
      await nats.startAll(signal)
      return nats
    } catch (error) {
      await Promise.all(nodes.map((node) => node.kill()))
      throw error
    }
  }

  get urls(): readonly string[] {
    return this.nodes.map(({ url }) => url)
  }

  /** Starts the nodes that do not run, and waits as `ready` does. */
  async startAll(signal?: AbortSignal): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start(signal)))
    await this.ready(this.nodes, signal)
  }

  /**
   * Resolves when JetStream takes requests at all of these nodes: one of them leads, the others follow it and are up to
   * date, and each stream that they keep has a leader among them.
   * @param nodes Default: those that run.
   * @throws SwitchboardError `unavailable`, at once when one of them has ended, with its last words.
   */
  async ready(
    nodes: readonly NatsNode[] = this.nodes.filter(({ isRunning }) => isRunning),
    signal?: AbortSignal,
  ): Promise<void> {
    const whether = async () => {
      await Promise.all(nodes.map((node) => node.assertThere()))
      const missing = await this.missing(nodes)
      return missing === undefined ? { answer: undefined } : { missing }
    }
    await pollUntil(`JetStream at ${nodes.map(({ name }) => name).join(', ')}`, READY_MS_MAX, whether, signal)
  }

  /** Ends all nodes in order. */
  async end(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.end()))
  }

  private async missing(nodes: readonly NatsNode[]): Promise<string | undefined> {
    const views = await Promise.all(nodes.map(async (node) => ({ name: node.name, view: await node.jetStream() })))
    for (const { name, view } of views) {
      if (view === undefined) return `${name} does not answer`
      if (view.trouble !== undefined) return `${name}: ${view.trouble}`
    }
    if (this.nodes.length === 1) return undefined
    const leaders = new Set(views.map(({ view }) => view?.leader))
    if (leaders.size !== 1) return 'they do not agree who leads'
    const leader = views.find(({ name }) => leaders.has(name))
    if (leader === undefined) return 'a node leads that is not among them'
    const behind = nodes.find(({ name }) => name !== leader.name && !leader.view?.current.includes(name))
    if (behind !== undefined) return `${behind.name} is not up to date`
    const names = nodes.map(({ name }) => name)
    for (const [stream, copies] of byName(views.flatMap(({ view }) => view?.streams ?? []))) {
      const leader = agreedLeader(copies)
      if (leader === undefined || !names.includes(leader)) return `they do not agree who of them leads ${stream}`
    }
    return undefined
  }
}

function byName(streams: readonly StreamView[]): ReadonlyMap<string, readonly StreamView[]> {
  const names = new Set(streams.map(({ name }) => name))
  return new Map([...names].map((name) => [name, streams.filter((stream) => stream.name === name)]))
}

const NOT_ASKED: Durability = { synchronous: false, why: 'it was not asked for' }

async function madeDurable(syncAlways: boolean, names: readonly string[], storeFolder: string): Promise<Durability> {
  if (syncAlways) return { synchronous: true, by: 'setting' }
  for (const name of names) {
    const folder = join(storeFolder, name)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const durability = await makeSynchronous(folder)
    if (!durability.synchronous) return durability
  }
  return { synchronous: true, by: 'folder' }
}

/**
 * Places on loopback.
 * @param firstPort For clients of the first node; the others have the next ones. Default: free ones.
 */
export async function loopbackPlaces(count: number, firstPort?: number): Promise<readonly NodePlace[]> {
  const free = await freePorts(3 * count)
  return Array.from({ length: count }, (_, index) => ({
    host: '127.0.0.1',
    port: firstPort === undefined ? (free[3 * index] ?? 0) : firstPort + index,
    monitorPort: free[3 * index + 1] ?? 0,
    clusterPort: free[3 * index + 2] ?? 0,
  }))
}
