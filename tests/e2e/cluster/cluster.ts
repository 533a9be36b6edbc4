import { randomBytes } from 'node:crypto'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { onTestFinished } from 'vitest'
import type { LocalNats } from '../../../packages/server/src/nats/local-nats.js'
import { ask } from '../../../packages/server/src/nats/monitor.js'
import type { NatsNode } from '../../../packages/server/src/nats/node.js'
import { TestServer, until } from '../../kit.js'

export const STREAM = 'SB_EVENTS_0'
const STREAMS = [STREAM, 'KV_sb_records']
/** Servers that come back may call for one election after another. */
const WHOLE_MS_MAX = 60_000
/** A gateway waits that long itself for servers that are still choosing leaders, for each of the streams that it makes. */
const GATEWAY_READY_MS_MAX = 60_000

export interface ClusterOptions {
  /** Default: two. */
  readonly gateways?: number
  readonly env?: Readonly<Record<string, string>>
  /** Takes what ends them; by default they end with the test that started them. */
  readonly onEnd?: (end: () => Promise<void>) => void
}

/** Gateways of one deployment, each a process with a data folder of its own. */
export class Cluster {
  readonly gateways: TestServer[] = []
  private readonly env: Readonly<Record<string, string>>

  private constructor(
    readonly nats: LocalNats,
    private readonly options: ClusterOptions,
  ) {
    this.env = {
      SWITCHBOARD_ADMIN_KEY: randomBytes(24).toString('hex'),
      SWITCHBOARD_NATS_URL: nats.urls.join(','),
      ...options.env,
    }
  }

  static async start(nats: LocalNats, options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(nats, options)
    // All at once: they take a second each, and whoever comes first makes the streams.
    const others = Array.from({ length: (options.gateways ?? 2) - 1 }, () => cluster.begin({}, ''))
    const [first, ...rest] = await Promise.all([cluster.begin({}), ...others])
    for (const other of rest) other.workspace = first.workspace
    cluster.gateways.push(first, ...rest)
    return cluster
  }

  /** The one that everything is published to, unless a test says otherwise. */
  get first(): TestServer {
    return this.at(0)
  }

  get second(): TestServer {
    return this.at(1)
  }

  /** Starts one more gateway, with an empty data folder. */
  async add(env: Readonly<Record<string, string>> = {}): Promise<TestServer> {
    const gateway = await this.begin(env, this.first.workspace)
    this.gateways.push(gateway)
    return gateway
  }

  /**
   * Resolves when all servers are there and have everything. Their own `/healthz` is no help: in 2.9.10 it may stay red
   * for a consumer that nobody uses any more.
   */
  async whole(): Promise<void> {
    for (const stream of STREAMS) {
      await until(
        `all copies of ${stream} to be up to date`,
        async () => {
          const details = await Promise.all(this.nats.nodes.map((node) => detailOf(node, stream)))
          const { leader } = details.find((each) => each?.cluster?.leader !== undefined)?.cluster ?? {}
          const { replicas = [] } = details[this.nats.nodes.findIndex(({ name }) => name === leader)]?.cluster ?? {}
          const current = replicas.filter(({ current, offline }) => current === true && offline !== true)
          const agreed = details.every((each) => each?.cluster?.leader === leader)
          return (agreed && current.length === this.nats.nodes.length - 1) || undefined
        },
        WHOLE_MS_MAX,
      )
    }
    for (const gateway of this.gateways) await isReady(gateway)
  }

  private begin(env: Readonly<Record<string, string>>, workspace?: string): Promise<TestServer> {
    return TestServer.start({
      env: { ...this.env, ...env },
      onEnd: this.options.onEnd ?? onTestFinished,
      readyMsMax: GATEWAY_READY_MS_MAX,
      ...(workspace !== undefined && { workspace }),
    })
  }

  private at(index: number): TestServer {
    const gateway = this.gateways[index]
    if (gateway === undefined) throw new Error(`there is no gateway ${index}`)
    return gateway
  }
}

/** Resolves when a gateway takes events again. */
export function isReady(gateway: TestServer): Promise<unknown> {
  return until(
    'a gateway to be ready',
    async () => (await readiness(gateway)).status === 200 || undefined,
    WHOLE_MS_MAX,
  )
}

export async function readiness(gateway: TestServer): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(`${gateway.url}/readyz`)
  return { status: answer.status, text: await answer.text() }
}

/** The node that a gateway is connected to. */
export function nodeOf(nodes: readonly NatsNode[], gateway: TestServer): Promise<NatsNode> {
  return until('a connection of the gateway', async () => {
    for (const node of nodes) {
      const found = await ask<{ connections?: readonly { name?: string }[] }>(`${node.monitorUrl}/connz`)
      if (found?.connections?.some(({ name }) => name?.endsWith(` ${gateway.pid}`))) return node
    }
    return undefined
  })
}

/** The streams as an administrator sees them. The connection ends with the test. */
export async function administer(nats: LocalNats) {
  const connection = await connect({ servers: [...nats.urls], maxReconnectAttempts: -1 })
  onTestFinished(() => connection.close())
  return jetstreamManager(connection)
}

interface StreamDetail {
  readonly name: string
  readonly cluster?: {
    readonly leader?: string
    readonly replicas?: readonly { readonly current?: boolean; readonly offline?: boolean }[]
  }
}

async function detailOf(node: NatsNode, stream: string): Promise<StreamDetail | undefined> {
  const info = await ask<{ account_details?: readonly { stream_detail?: readonly StreamDetail[] }[] }>(
    `${node.monitorUrl}/jsz?streams=1&accounts=1`,
  )
  const streams = info?.account_details?.flatMap(({ stream_detail = [] }) => stream_detail) ?? []
  return streams.find(({ name }) => name === stream)
}
