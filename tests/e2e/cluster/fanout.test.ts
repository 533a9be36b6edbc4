import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { startNats, whyNoNats } from '../../../packages/server/testing/nats.js'
import type { TestServer } from '../../kit.js'
import { administer, Cluster, STREAM } from './cluster.js'
import { numbered } from './publishers.js'
import { RawStream } from './raw-stream.js'

const WORKSPACES = 200
const EVENTS = 5
const SUBSCRIBERS = 50
/** Connections that are being made at a time: more would only wait in the servers' backlog. */
const CONNECTING = 200

/** Files that one process may have open, beside the connections, with a good margin. */
const FILES_BESIDE = 500

const reason = await whyNoNats()
if (reason) console.log(`many subscribers at several gateways are not tested: ${reason}`)

/** As many subscribers of each workspace as this process may have open. */
function subscribersPossible(): number {
  const [, limit = '1024'] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  const possible = Math.floor((Number(limit) - FILES_BESIDE) / WORKSPACES)
  if (possible < SUBSCRIBERS)
    console.log(
      `${possible} and not ${SUBSCRIBERS} subscribers of each workspace: ${limit} files may be open (ulimit -n)`,
    )
  return Math.min(SUBSCRIBERS, possible)
}

describe.skipIf(reason)(`${WORKSPACES} workspaces, ${SUBSCRIBERS} subscribers each, over two gateways:`, () => {
  test('everybody gets its workspace, once and in order, and each gateway follows once', async () => {
    const nats = await startNats()
    const cluster = await Cluster.start(nats)
    const jsm = await administer(nats)
    const consumers = async () => (await jsm.streams.info(STREAM)).state.consumer_count
    const subscribers = subscribersPossible()
    const workspaces = await Promise.all(
      Array.from({ length: WORKSPACES }, async (_, index) => {
        const made = await gatewayOf(cluster, index).request('POST', '/v1/workspaces', {
          name: 'W',
          slug: `w-${index}`,
        })
        return String(made.id)
      }),
    )
    const startedAt = performance.now()
    const streams: { workspace: string; stream: RawStream }[] = []
    for (let index = 0; index < subscribers; index++) {
      const round = workspaces.map((workspace) => {
        const stream = new RawStream(gatewayOf(cluster, index), { workspace })
        streams.push({ workspace, stream })
        return stream
      })
      for (let at = 0; at < round.length; at += CONNECTING)
        await Promise.all(round.slice(at, at + CONNECTING).map((stream) => stream.opened()))
    }
    // One that was lost in the rush goes by itself, ten seconds after the one in its place was made.
    await expect.poll(consumers, { timeout: 15_000 }).toBe(cluster.gateways.length)
    const openedAt = performance.now()
    const ids = new Map<string, string[]>()
    await Promise.all(
      workspaces.map(async (workspace, index) => {
        const given: string[] = []
        for (let n = 0; n < EVENTS; n++) given.push(await publish(gatewayOf(cluster, index + n), workspace, n))
        ids.set(workspace, given)
      }),
    )
    const publishedAt = performance.now()
    for (const { workspace, stream } of streams) await stream.has(ids.get(workspace)?.at(-1))
    const readAt = performance.now()
    for (const { workspace, stream } of streams) expect(stream.ids).toEqual(ids.get(workspace))
    await expect.poll(consumers, { timeout: 15_000 }).toBe(cluster.gateways.length)
    console.log(
      `${streams.length} streams opened in ${seconds(openedAt - startedAt)}; ${WORKSPACES * EVENTS} events published in ${seconds(publishedAt - openedAt)}, ${streams.length * EVENTS} deliveries done ${seconds(readAt - publishedAt)} later; ${await consumers()} consumers`,
    )
  }, 120_000)
})

function gatewayOf({ gateways, first }: Cluster, index: number): TestServer {
  return gateways[index % gateways.length] ?? first
}

async function publish(gateway: TestServer, workspace: string, n: number): Promise<string> {
  const { ids } = await gateway.request('POST', `/v1/${workspace}/events`, numbered(n, 0))
  return String((ids as string[])[0])
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
