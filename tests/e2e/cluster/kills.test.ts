import { afterAll, beforeAll, describe, test } from 'vitest'
import type { LocalNats } from '../../../packages/server/src/nats/local-nats.js'
import { leaderOf, startNats, whyNoNats } from '../../../packages/server/testing/nats.js'
import { Cluster, STREAM } from './cluster.js'
import { Traffic } from './traffic.js'

const reason = await whyNoNats()
if (reason) console.log(`a cluster of gateways is not tested: ${reason}`)

const ends: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

describe.skipIf(reason)('three servers, two gateways, publishers and subscribers at work:', () => {
  let nats: LocalNats
  let cluster: Cluster
  let traffic: Traffic
  const onEnd = (end: () => Promise<void>) => void ends.push(end)

  beforeAll(async () => {
    nats = await startNats({ nodes: 3, onEnd })
    cluster = await Cluster.start(nats, { onEnd })
    await cluster.whole()
    traffic = await Traffic.start(cluster)
    onEnd(async () => traffic.end())
  })

  test('nothing is lost, doubled or out of order when the leader of the stream is killed', async () => {
    const leader = await leaderOf(nats.nodes, STREAM)
    await traffic.survives('leader killed', () => leader.kill())
    await leader.start()
    await cluster.whole()
  })

  test('nor when another server is killed', async () => {
    const leader = await leaderOf(nats.nodes, STREAM)
    const [other] = nats.nodes.filter((node) => node !== leader)
    await traffic.survives('another server killed', async () => other?.kill())
    await other?.start()
    await cluster.whole()
  })

  test('nor when two servers are killed', async () => {
    const [one, two] = nats.nodes
    await traffic.survives('two servers killed and started again', async () => {
      await Promise.all([one?.kill(), two?.kill()])
      await Promise.all([one?.start(), two?.start()])
    })
    await cluster.whole()
  })

  test('nor when all servers are killed', async () => {
    await traffic.survives('all servers killed and started again', async () => {
      await Promise.all(nats.nodes.map((node) => node.kill()))
      await Promise.all(nats.nodes.map((node) => node.start()))
    })
    await cluster.whole()
  })

  test('nor when a gateway is killed, and its clients go on at the other', async () => {
    await traffic.survives('a gateway killed', () => cluster.first.kill('SIGKILL').then(() => cluster.first.run()))
    await cluster.whole()
  })
})
