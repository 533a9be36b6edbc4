import { createServer } from 'node:net'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { haveCopies, leaderOf, sharedNats, startNats, whyNoNats } from '../../testing/nats.js'
import { loopbackPlaces } from './local-nats.js'
import { NumbersClient, STREAM } from './messages.test-kit.js'
import type { NatsNode } from './node.js'

const reason = await whyNoNats()
if (reason) console.log(`nodes of NATS are not tested: ${reason}`)

/** An election takes some 4 to 9 s, and a second one may follow. */
const FAULT_MS_MAX = 90_000

const first = (nodes: readonly NatsNode[]): NatsNode => {
  const [node] = nodes
  if (node === undefined) throw new Error('no node')
  return node
}

describe.skipIf(reason)('one node', () => {
  const shared = sharedNats(afterAll)

  test('takes messages as soon as it has started', async () => {
    const nats = await shared()
    expect(nats.durability).toMatchObject({ synchronous: false })
    const numbers = await NumbersClient.connect(nats.nodes)
    await numbers.makeStream(1)
    await numbers.publish(1)
    expect(await numbers.stored()).toEqual([1])
  })

  test('is the same one for every test of a file', async () => {
    expect(await (await NumbersClient.connect((await shared()).nodes)).stored()).toEqual([1])
  })

  test('keeps its messages when it is killed and started again, at the same address, and tells nobody', async () => {
    const deaths: string[] = []
    const nats = await startNats({ onDeath: (node, how) => deaths.push(`${node.name} ${how}`) })
    const node = first(nats.nodes)
    const numbers = await NumbersClient.connect(nats.nodes)
    await numbers.makeStream(1)
    for (const n of [1, 2, 3]) await numbers.publish(n)
    await node.kill()
    expect(node.isRunning).toBe(false)
    await node.start()
    await nats.ready()
    expect(node.isRunning).toBe(true)
    await numbers.publishStubbornly(4)
    expect(await numbers.stored()).toEqual([1, 2, 3, 4])
    expect(deaths).toEqual([])
  })

  test('that somebody else kills is told of', async () => {
    const died = new Promise<string>((resolve) => {
      void startNats({ onDeath: (node, how) => resolve(`${node.name} ${how}`) }).then((nats) => {
        process.kill(first(nats.nodes).pid ?? 0, 'SIGKILL')
      })
    })
    expect(await died).toBe('nats-1 SIGKILL')
  })

  test('that ends is waited for no longer', async () => {
    const nats = await startNats()
    await first(nats.nodes).kill()
    await expect(nats.ready(nats.nodes)).rejects.toThrow(/nats-1 ended with SIGKILL\. Its log, .*nats-1\.log, ends: /)
  })

  test('that is stopped answers nothing, and goes on later', async () => {
    const nats = await startNats()
    const node = first(nats.nodes)
    const numbers = await NumbersClient.connect(nats.nodes)
    await numbers.makeStream(1)
    node.stop()
    expect(node.isRunning).toBe(false)
    await expect(numbers.publish(1)).rejects.toThrow()
    node.continue()
    await numbers.publishStubbornly(1)
    expect(await numbers.stored()).toEqual([1])
    await nats.end()
    expect(node.isRunning).toBe(false)
  })

  test('whose port is taken says so, with its last words', async () => {
    const taken = createServer()
    const [place] = await loopbackPlaces(1)
    if (place === undefined) throw new Error('no place')
    await new Promise<void>((resolve) => taken.listen(place.port, place.host, resolve))
    onTestFinished(() => void taken.close())
    await expect(startNats({ places: [place] })).rejects.toMatchObject({
      code: 'unavailable',
      detail: expect.stringMatching(/^nats-1 ended with exit status 1\. .*nats-1\.log.*address already in use/),
    })
  })
})

describe.skipIf(reason)('three nodes', () => {
  test(
    'go on without their leader, and all have everything when it is back',
    async () => {
      const nats = await startNats({ nodes: 3 })
      const numbers = await NumbersClient.connect(nats.nodes)
      await numbers.makeStream(3)
      await numbers.publish(1)
      const leader = await leaderOf(nats.nodes, STREAM)
      await leader.kill()
      await numbers.publishStubbornly(2)
      const next = await leaderOf(nats.nodes, STREAM)
      expect(next.name).not.toBe(leader.name)
      await leader.start()
      await nats.ready()
      await haveCopies(nats.nodes, STREAM, 2)
      expect(await numbers.stored()).toEqual([1, 2])
    },
    FAULT_MS_MAX,
  )

  test(
    'keep what they have when all end and start again',
    async () => {
      const nats = await startNats({ nodes: 3 })
      await (await NumbersClient.connect(nats.nodes)).makeStream(3)
      await (await NumbersClient.connect(nats.nodes)).publish(1)
      await nats.end()
      await nats.startAll()
      expect(await (await NumbersClient.connect(nats.nodes)).stored()).toEqual([1])
    },
    FAULT_MS_MAX,
  )
})
