import { LocalNats, loopbackPlaces } from '../packages/server/src/nats/local-nats.js'
import { Gateway } from './gateway.js'
import { cpuSeconds } from './processor.js'
import type { Stage } from './stage.js'

/** Where events are kept. */
export interface Storage {
  readonly name: string
  /** NATS servers; 0 is LMDB. */
  readonly nodes: 0 | 1 | 3
  /** Whether the servers write through to the disk before they acknowledge. LMDB always does. */
  readonly synchronous: boolean
}

export const LMDB: Storage = { name: 'LMDB', nodes: 0, synchronous: true }
export const ONE_NODE: Storage = { name: 'JetStream, 1 server', nodes: 1, synchronous: false }
export const ONE_NODE_SYNCHRONOUS: Storage = { name: 'JetStream, 1 server, synchronous', nodes: 1, synchronous: true }
export const THREE_NODES: Storage = { name: 'JetStream, 3 servers', nodes: 3, synchronous: false }
export const THREE_NODES_SYNCHRONOUS: Storage = {
  name: 'JetStream, 3 servers, synchronous',
  nodes: 3,
  synchronous: true,
}

/** A storage with one gateway before it; more can be added. */
export class Deployment {
  private constructor(
    readonly storage: Storage,
    readonly gateway: Gateway,
    readonly nats: LocalNats | undefined,
  ) {}

  static async start(stage: Stage, storage: Storage): Promise<Deployment> {
    stage.say(`starting ${storage.name}`)
    const nats = storage.nodes === 0 ? undefined : await startNats(stage, storage)
    const gateway = await Gateway.start(stage, { name: 'gateway', ...(nats && { nats: nats.urls }) })
    return new Deployment(storage, gateway, nats)
  }

  /** Another gateway of the same deployment, with an empty folder. */
  add(stage: Stage): Promise<Gateway> {
    const { gateway, nats } = this
    return Gateway.start(stage, { name: 'another', beside: gateway, ...(nats && { nats: nats.urls }) })
  }

  /** Of all NATS servers; 0 without. */
  natsCpuSeconds(): number {
    return cpuSeconds(this.nats?.nodes.flatMap(({ pid }) => pid ?? []) ?? [])
  }
}

async function startNats(stage: Stage, { name, nodes, synchronous }: Storage): Promise<LocalNats> {
  const folder = stage.newFolder('nats')
  const nats = await LocalNats.start({
    places: await loopbackPlaces(nodes),
    folder,
    durable: synchronous,
    onDeath: (node, how) => stage.say(`${node.name} ended by itself: ${how}`),
  })
  stage.onEnd(() => nats.end())
  if (synchronous && !nats.durability.synchronous) {
    throw new Error(`${name} cannot be had in ${folder}: ${nats.durability.why}. Another disk: --dir PATH`)
  }
  return nats
}
