import { describe, expect, test } from 'vitest'
import { startNats, whyNoNats } from '../../../packages/server/testing/nats.js'
import { until } from '../../kit.js'
import { Cluster, isReady, readiness } from './cluster.js'
import { numbered } from './publishers.js'
import { RawStream } from './raw-stream.js'

const reason = await whyNoNats()
if (reason) console.log(`gateways without their servers are not tested: ${reason}`)

/** Long enough to be more than an election, and for publishers to wait through: they wait 25 s. */
const OUTAGE_MS = 8_000

describe.skipIf(reason)('gateways whose servers are all away', () => {
  test('say so, keep their streams open and their publishers waiting, and go on by themselves', async () => {
    const nats = await startNats()
    const cluster = await Cluster.start(nats, { env: { SWITCHBOARD_HEARTBEAT: '1s' } })
    const streams = cluster.gateways.map((gateway) => new RawStream(gateway))
    for (const stream of streams) await stream.opened()
    const [before] = await cluster.first.publish([numbered(0, 0)])
    for (const stream of streams) await stream.has(before)

    await Promise.all(nats.nodes.map((node) => node.kill()))
    const awayAt = performance.now()
    let answered = 0
    const publishing = cluster.gateways.map(async (gateway, index) => {
      const [id] = await gateway.publish([numbered(index + 1, 0)])
      answered += 1
      return id
    })
    for (const gateway of cluster.gateways) {
      const { text } = await until('a gateway to say that it is not ready', async () => {
        const found = await readiness(gateway)
        return found.status === 503 ? found : undefined
      })
      expect(text).toContain('The NATS servers do not answer, or have no leader.')
    }
    const heard = streams.map(({ heartbeats }) => heartbeats)
    const isOver = () => performance.now() - awayAt > OUTAGE_MS || undefined
    await until('the outage to have lasted', isOver)
    for (const [index, stream] of streams.entries()) {
      expect(stream.heartbeats).toBeGreaterThan((heard[index] ?? 0) + 1)
      expect(stream.isOver).toBe(false)
    }
    // A stream may be opened meanwhile: it begins with what is known here.
    const late = new RawStream(cluster.first, { headers: { 'last-event-id': String(before) } })
    await late.opened()
    expect(answered).toBe(0)

    await Promise.all(nats.nodes.map((node) => node.start()))
    const backAt = performance.now()
    const ids = await Promise.all(publishing)
    const waitedMs = performance.now() - backAt
    for (const gateway of cluster.gateways) await isReady(gateway)
    for (const id of ids) for (const stream of [...streams, late]) await stream.has(id)
    for (const stream of streams) {
      expect(stream.ids).toEqual([before, ...ids.toSorted(bySequence)])
      expect(stream.control('stream.gap')).toBeUndefined()
      expect(stream.control('error')).toBeUndefined()
    }
    expect(late.ids).toEqual(ids.toSorted(bySequence))
    expect(late.control('stream.gap')).toBeUndefined()
    console.log(
      `after ${OUTAGE_MS / 1000} s without servers: acknowledged ${Math.round(waitedMs)} ms after they were back`,
    )
  })
})

const sequenceOf = (id: string | undefined): number => Number(id?.split('-')[1])
const bySequence = (a: string | undefined, b: string | undefined): number => sequenceOf(a) - sequenceOf(b)
