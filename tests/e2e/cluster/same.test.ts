import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LocalNats } from '../../../packages/server/src/nats/local-nats.js'
import { startNats, whyNoNats } from '../../../packages/server/testing/nats.js'
import { TestServer, timeline, timelines, until } from '../../kit.js'
import { administer, Cluster, STREAM } from './cluster.js'
import { numbered } from './publishers.js'
import { RawStream } from './raw-stream.js'

const reason = await whyNoNats()
if (reason) console.log(`gateways are not compared: ${reason}`)

/** Publishes four timelines of a clinic, each line at another gateway than the line before. Answers with the positions. */
async function publishTimelines({ gateways }: Cluster): Promise<string[]> {
  let turn = 0
  const ids: string[] = []
  for (const name of timelines) {
    const { lines, call } = timeline(name)
    for (const { ws, obs } of lines) {
      const gateway = gateways[turn++ % gateways.length]
      if (ws) ids.push(...((await gateway?.publish([ws])) ?? []))
      if (obs && call) await gateway?.publish([obs], call)
    }
  }
  return ids
}

const stateOf = (gateway: TestServer) => gateway.request('GET', `/v1/${gateway.workspace}/state`)

const ends: (() => Promise<void>)[] = []
const onEnd = (end: () => Promise<void>) => void ends.push(end)
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

describe.skipIf(reason)('the same at every gateway:', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await Cluster.start(await startNats({ onEnd }), { onEnd })
  })

  test('every byte of a replay, also at one that is started later', async () => {
    const live = cluster.gateways.map((gateway) => new RawStream(gateway))
    for (const stream of live) await stream.opened()
    const last = (await publishTimelines(cluster)).at(-1)
    await cluster.add()
    const replays = cluster.gateways.map((gateway) => new RawStream(gateway, { query: 'last_event_id=0' }))
    const [first = []] = await Promise.all([...replays, ...live].map(async (each) => (await each.has(last)).events))
    expect(first.length).toBeGreaterThan(20)
    for (const stream of [...replays, ...live]) expect(stream.events).toEqual(first)
    const [state, ...others] = await Promise.all(cluster.gateways.map(stateOf))
    for (const other of others) expect(other).toEqual(state)
  })

  test('what a subscriber of one machine sees', async () => {
    const alone = await TestServer.start()
    const { lines } = timeline('call-escalation-takeover')
    // Positions are of the log that gave them; everything else has to be the same.
    const bare = ({ events }: RawStream) => events.map((frame) => frame.replace(/^id: \S+/, 'id'))
    const seen: string[][] = []
    for (const gateways of [cluster.gateways, [alone]]) {
      const stream = new RawStream(gateways[0] ?? alone)
      await stream.opened()
      let last: string | undefined
      for (const [index, { ws }] of lines.entries())
        if (ws) [last] = (await gateways[index % gateways.length]?.publish([ws])) ?? []
      seen.push(bare(await stream.has(last)))
    }
    expect(seen[0]?.length).toBeGreaterThan(3)
    expect(seen[0]).toEqual(seen[1])
  })
})

describe.skipIf(reason)('the same at every gateway, when the beginning is gone:', () => {
  let nats: LocalNats
  let cluster: Cluster
  beforeAll(async () => {
    nats = await startNats({ onEnd })
    // Checkpoints are made every second then.
    cluster = await Cluster.start(nats, { onEnd, env: { SWITCHBOARD_RETENTION: '3s' } })
  })

  test('state, at a newcomer too', async () => {
    const [opened] = await publishTimelines(cluster)
    await forgets(cluster)
    const before = await stateOf(cluster.first)
    const jsm = await administer(nats)
    const { state } = await jsm.streams.info(STREAM)
    const { applied } = await until('a checkpoint of it all', async () => {
      const found = await jsm.streams.getMessage('SB_CHECKPOINTS', { last_by_subj: 'sb.checkpoint.0.done' })
      const checkpoint = found?.json<{ applied: { sequence: number } }>()
      return checkpoint !== undefined && checkpoint.applied.sequence >= state.last_seq ? checkpoint : undefined
    })
    // As the servers' own retention does, an hour after ours.
    await jsm.streams.purge(STREAM, { seq: applied.sequence })
    const late = await cluster.add()
    // Of what is going on, though no event that told of it is kept.
    expect(before.calls).toHaveLength(1)
    expect(await stateOf(late)).toEqual(before)
    expect(await stateOf(cluster.second)).toEqual(before)
    const streams = cluster.gateways.map(
      (each) => new RawStream(each, { headers: { 'last-event-id': String(opened) } }),
    )
    for (const stream of streams) await stream.opened()
    const [next] = await late.publish([numbered(1, 0)])
    for (const stream of streams) expect((await stream.has(next)).ids).toEqual([next])
    const [gap, ...others] = streams.map((stream) => stream.control('stream.gap'))
    expect(gap).toMatchObject({ code: 'history_truncated' })
    for (const other of others) expect(other).toEqual(gap)
  })

  test('the gap of a position that retention has passed', async () => {
    const [old] = await cluster.first.publish([numbered(2, 0), numbered(3, 0)])
    await forgets(cluster)
    const [fresh] = await cluster.second.publish([numbered(4, 0)])
    const comebacks = cluster.gateways.map((each) => new RawStream(each, { headers: { 'last-event-id': String(old) } }))
    for (const stream of comebacks) await stream.has(fresh)
    const [gap, ...others] = comebacks.map((stream) => stream.control('stream.gap'))
    expect(gap).toMatchObject({ code: 'history_truncated', requested: old, newest: fresh })
    for (const other of others) expect(other).toEqual(gap)
    for (const stream of comebacks) expect(stream.ids).toEqual([fresh])
  })
})

/** Resolves when retention has removed all there was. */
async function forgets({ gateways }: Cluster): Promise<void> {
  for (const gateway of gateways) {
    await until('retention to have come that far', async () => {
      const { items } = await gateway.request('GET', `/v1/${gateway.workspace}/events`)
      return (items as unknown[]).length === 0 || undefined
    })
  }
}
