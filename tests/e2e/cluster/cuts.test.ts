import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LocalNats } from '../../../packages/server/src/nats/local-nats.js'
import type { NatsNode } from '../../../packages/server/src/nats/node.js'
import { makeNetwork, type Network, whyNoNamespaces } from '../../../packages/server/testing/namespaces.js'
import { leaderOf, startNats, whyNoNats } from '../../../packages/server/testing/nats.js'
import { until } from '../../kit.js'
import { Cluster, nodeOf, STREAM } from './cluster.js'
import { Traffic } from './traffic.js'

const reason = (await whyNoNats()) ?? whyNoNamespaces()
if (reason) console.log(`servers that are cut off are not tested: ${reason}`)

/** A leader that hears nobody knows after 10 s that it is none. */
const GIVES_UP_MS_MAX = 30_000

/**
 * Longest that anybody may wait for an acknowledgement, in ms. Mostly it is 4 to 9 s; in one of ten cuts of a leader it was
 * above 25 s: of the two servers that are left, the one that may not win called for elections again and again, which
 * silences the other (seen in the log of 2.9.10 as `NO quorum, stalled`).
 */
const WAIT_MS_MAX = 90_000

const ends: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

describe.skipIf(reason)(
  'three servers on a network of their own, two gateways, publishers and subscribers at work:',
  () => {
    let network: Network
    let nats: LocalNats
    let cluster: Cluster
    let traffic: Traffic

    beforeAll(async () => {
      const onEnd = (end: () => Promise<void>) => void ends.push(end)
      network = makeNetwork(3, (end) => void ends.push(async () => end()))
      nats = await startNats({ places: network.places, onEnd })
      cluster = await Cluster.start(nats, { gateways: 1, onEnd })
      // The other one is at a server that does not lead.
      await cluster.add({ SWITCHBOARD_NATS_URL: (await follower()).url })
      await cluster.whole()
      traffic = await Traffic.start(cluster, WAIT_MS_MAX)
      onEnd(async () => traffic.end())
    })

    async function follower(): Promise<NatsNode> {
      const leader = await leaderOf(nats.nodes, STREAM)
      const [other] = nats.nodes.filter((node) => node !== leader)
      if (other === undefined) throw new Error('there is one server')
      return other
    }

    const cut = (node: NatsNode) => network.cut(nats.nodes.indexOf(node))
    const heal = (node: NatsNode) => network.heal(nats.nodes.indexOf(node))

    test("nothing is lost, doubled or out of order when a gateway's server is cut off, and comes back", async () => {
      const node = await nodeOf(nats.nodes, cluster.second)
      // It did not lead when the gateway was given it. The servers may have elected it since.
      const leads = (await leaderOf(nats.nodes, STREAM)) === node
      const said = sayings(node)
      await traffic.survives("a gateway's server cut off", async () => cut(node))
      expect(await nodeOf(others(node), cluster.second)).not.toBe(node)
      if (leads) await givesUp(node, said)
      await traffic.survives("a gateway's server back", async () => heal(node))
      await cluster.whole()
    }, 240_000)

    /**
     * It comes back when it knows that it leads no more. One that comes back earlier is not tested, for 2.9.10 does not stand
     * it: in about a third of our trials it stored what had piled up for it in places that the new leader had given to other
     * messages, and the servers' copies of the stream differed ever after. See the audit of the engine, which notices.
     */
    test('nor when the leader of the stream is', async () => {
      const leader = await leaderOf(nats.nodes, STREAM)
      const said = sayings(leader)
      await traffic.survives('leader cut off', async () => cut(leader))
      await givesUp(leader, said)
      await traffic.survives('leader back', async () => heal(leader))
      await cluster.whole()
      await traffic.survives('all whole again', async () => {})
    }, 240_000)

    const givesUp = (leader: NatsNode, said: number) =>
      until('the leader to give up', () => sayings(leader) > said || undefined, GIVES_UP_MS_MAX)
    const others = (node: NatsNode) => nats.nodes.filter((each) => each !== node)
  },
)

/** How often a server has said that it cannot lead the stream. It is cut off: only its log is there to be read. */
function sayings({ logFile }: NatsNode): number {
  return readFileSync(logFile, 'utf8').split(`${STREAM}' has NO quorum`).length
}
