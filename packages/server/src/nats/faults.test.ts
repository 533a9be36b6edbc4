import { describe, expect, test } from 'vitest'
import { makeNetwork, whyNoNamespaces } from '../../testing/namespaces.js'
import { haveCopies, leaderOf, startNats, startPoweredNats, whyNoNats, whyNoNatsPowerCuts } from '../../testing/nats.js'
import { NumbersClient, STREAM } from './messages.test-kit.js'

/** An election takes some 4 to 9 s, and a second one may follow. */
const FAULT_MS_MAX = 90_000
const PUBLISHERS = 8
const ACKNOWLEDGED_MIN = 200

const noNetworks = (await whyNoNats()) ?? whyNoNamespaces()
if (noNetworks) console.log(`nodes that are cut off are not tested: ${noNetworks}`)

test.skipIf(noNetworks)(
  'a leader that is cut off is replaced, the others go on, and it has everything when it is back',
  async () => {
    const network = makeNetwork(3)
    const nats = await startNats({ places: network.places })
    await (await NumbersClient.connect(nats.nodes)).makeStream(3)
    const leader = await leaderOf(nats.nodes, STREAM)
    const others = nats.nodes.filter((node) => node !== leader)
    const numbers = await NumbersClient.connect(others)
    await numbers.publish(1)
    network.cut(nats.nodes.indexOf(leader))
    expect(await leader.jetStream()).toBeUndefined()
    await numbers.publishStubbornly(2)
    await nats.ready(others)
    expect(others).toContain(await leaderOf(others, STREAM))
    expect(leader.isRunning).toBe(true)
    network.heal(nats.nodes.indexOf(leader))
    await nats.ready()
    await haveCopies(nats.nodes, STREAM, 2)
    expect(await numbers.stored()).toEqual([1, 2])
  },
  FAULT_MS_MAX,
)

const noCuts = await whyNoNatsPowerCuts()
if (noCuts) console.log(`power cuts of nodes are not tested: ${noCuts}`)

describe.skipIf(noCuts)('three nodes that lose their power at one instant', () => {
  test(
    'have all that they acknowledged, with a synchronous folder',
    async () => {
      const { nats, cutter, reboot } = await startPoweredNats({ nodes: 3 })
      expect(nats.durability).toMatchObject({ synchronous: true })

      const before = await NumbersClient.connect(nats.nodes)
      await before.makeStream(3)
      const cut = await cutter()
      const acknowledged: number[] = []
      let next = 0
      let isCut = false
      const publish = async (onAcknowledged: () => void): Promise<void> => {
        while (!isCut) {
          const n = next++
          await before.publish(n)
          // What comes after the cut was begun may have been under way before it or not: it counts for nothing.
          if (!isCut) acknowledged.push(n)
          onAcknowledged()
        }
      }
      let publishers: readonly Promise<void>[] = []
      await new Promise<void>((resolve, reject) => {
        const onAcknowledged = (): void => {
          if (acknowledged.length >= ACKNOWLEDGED_MIN) resolve()
        }
        publishers = Array.from({ length: PUBLISHERS }, () => publish(onAcknowledged))
        // One that fails before the cut fails the test.
        for (const publisher of publishers) publisher.catch(reject)
      })
      isCut = true
      await cut()
      await reboot()
      await Promise.allSettled(publishers)
      const stored = new Set(await (await NumbersClient.connect(nats.nodes)).stored())
      const lost = acknowledged.filter((n) => !stored.has(n))
      console.log(`power cut of three nodes: ${acknowledged.length} acknowledged, ${lost.length} lost`)
      expect(lost).toEqual([])
    },
    FAULT_MS_MAX,
  )
})
