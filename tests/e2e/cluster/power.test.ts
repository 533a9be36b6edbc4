import { execFileSync } from 'node:child_process'
import { afterEach, describe, expect, test } from 'vitest'
import { startPoweredNats, whyNoNatsPowerCuts } from '../../../packages/server/testing/nats.js'
import { until } from '../../kit.js'
import { administer, Cluster, STREAM } from './cluster.js'
import { numbered } from './publishers.js'
import { RawStream } from './raw-stream.js'
import { Traffic } from './traffic.js'

const reason = await whyNoNatsPowerCuts()
if (reason) console.log(`power cuts of the servers are not tested: ${reason}`)

/**
 * What the synchronous folder is for, to be seen by hand: without it acknowledged events are lost, and this test is red.
 *
 *     WITHOUT_SYNC=1 node node_modules/vitest/vitest.mjs run tests/e2e/cluster/power.test.ts -t 'all servers'
 */
const durable = process.env.WITHOUT_SYNC === undefined

/**
 * Longest that anybody may wait for an acknowledgement, in ms. A gateway that has shown what was lost, and not
 * acknowledged, waits 12 s until it believes so; its copy is then made anew.
 */
const WAIT_MS_MAX = 45_000

describe.skipIf(reason)('a power cut', () => {
  let traffic: Traffic | undefined
  // Before the servers go: publishers that nobody answers would wait.
  afterEach(() => traffic?.end())

  test('of all servers at one instant loses nothing that was acknowledged', async () => {
    const powered = await startPoweredNats({ nodes: 3, durable })
    const cluster = await Cluster.start(powered.nats)
    await cluster.whole()
    const working = await Traffic.start(cluster, WAIT_MS_MAX)
    traffic = working
    const cut = await powered.cutter()
    await working.survives('power cut of all servers', async () => {
      await cut()
      await powered.reboot()
    })
  }, 120_000)

  test('that loses what was acknowledged ends the gateway, which says so and then serves what is left', async () => {
    const { powered, gateway, kept, cut } = await forgetful()
    const lost: string[] = []
    for (const n of [4, 5, 6]) lost.push(...(await gateway.publish([numbered(n, 0)])))
    await cut()
    await powered.reboot()
    await until('the gateway to end', () => gateway.exitCode ?? undefined)
    expect(gateway.output).toContain('the stream has lost messages that it had acknowledged')
    await gateway.run()
    const { items } = await gateway.request('GET', `/v1/${gateway.workspace}/events`)
    expect((items as { id: string }[]).map(({ id }) => id)).toEqual(kept)
    const comeback = new RawStream(gateway, { headers: { 'last-event-id': String(lost.at(-1)) } })
    const [next] = await gateway.publish([numbered(7, 0)])
    await comeback.has(next)
    expect(comeback.control('stream.gap')).toMatchObject({ code: 'unknown_position', requested: lost.at(-1) })
    expect(comeback.ids).toEqual([...kept, next])
  })

  test('that gives the place of what was read to something else ends the gateway before it shows what follows', async () => {
    const { powered, gateway, kept, cut } = await forgetful()
    const send = () =>
      fetch(`${gateway.url}/v1/${gateway.workspace}/events`, {
        method: 'POST',
        headers: { ...gateway.headers(), 'content-type': 'application/json', 'idempotency-key': 'fourth' },
        body: JSON.stringify(numbered(4, 0)),
      }).then(({ status }) => status)
    expect(await send()).toBe(201)
    const watching = new RawStream(gateway)
    await watching.opened()
    process.kill(gateway.pid, 'SIGSTOP')
    await cut()
    await powered.reboot()
    const jsm = await administer(powered.nats)
    const { subject = '', data } = (await jsm.streams.getMessage(STREAM, { seq: 1 })) ?? {}
    const places: number[] = []
    for (const _ of [1, 2, 3]) places.push((await jsm.jetstream().publish(subject, data)).seq)
    expect(places, 'one is what the gateway has read, one comes next').toEqual([2, 3, 4])
    process.kill(gateway.pid, 'SIGCONT')
    // What is lost is not called stored, though the gateway's copy has it.
    const repeated = send().catch(() => 'no answer')
    await until('the gateway to end', () => gateway.exitCode ?? undefined, 60_000)
    expect([503, 'no answer']).toContain(await repeated)
    expect(gateway.output).toContain('its leader holds other messages than were read')
    expect(watching.events).toEqual([])
    await gateway.run()
    const { items } = await gateway.request('GET', `/v1/${gateway.workspace}/events`)
    expect((items as { id: string }[]).map(({ id }) => id).slice(0, 3)).toEqual(kept)
    expect(items).toHaveLength(13)
  }, 90_000)
})

/** One gateway over one server that forgets, in a power cut, what comes after `kept`. */
async function forgetful() {
  const powered = await startPoweredNats({ durable: false })
  const { first: gateway } = await Cluster.start(powered.nats, { gateways: 1 })
  const kept = await gateway.publish([1, 2, 3].map((n) => numbered(n, 0)))
  execFileSync('sync')
  return { powered, gateway, kept, cut: await powered.cutter() }
}
