import { expect } from 'vitest'
import { type Json, type TestServer, until } from '../../kit.js'
import type { Cluster } from './cluster.js'
import { Home } from './homes.js'
import { Ledger } from './ledger.js'
import { CALL, numbered, Publisher, type Send, sendByHand, sendWithSdk } from './publishers.js'
import { CallWatcher, SdkReader, StreamReader, type Subscriber } from './subscribers.js'

/**
 * Longest that anybody may wait for an acknowledgement after a fault, in ms. The wait is the servers' own: of 2.9.10 they
 * elect a stream's leader after 4 to 9 s without one, and a vote may be split and begin anew; when the leader of the whole
 * cluster is lost too, or all of them start again, 6 to 18 s were measured. What a gateway adds is below half a second.
 */
const WAIT_MS_MAX = 20_000
/** Events that each publisher has acknowledged before a fault counts as over. */
const RECOVERED = 10
const READ_MS_MAX = 30_000

interface Channel {
  readonly path: string
  readonly numberOf: (item: Json) => { readonly n: number; readonly publisher: number }
  readonly ledger: Ledger
  readonly publishers: Publisher[]
  readonly subscribers: Subscriber[]
  /** What was checked, by position. */
  readonly checked: string[]
}

/** What a gateway says that ends because the servers came back without a message that it had read. */
const HAS_READ_WHAT_IS_GONE = /the stream has lost messages|its leader holds other messages than were read/

/** Publishers and subscribers of both channels at all gateways of a cluster, at work. */
export class Traffic {
  /** Gateways that ended so, and were started again, as whatever runs them does. */
  private readonly startedAgain = new Map<TestServer, Promise<void>>()
  private readonly workspace: Channel = {
    path: 'events',
    numberOf: ({ event_count, duration_ms }) => ({ n: Number(event_count), publisher: Number(duration_ms) }),
    ledger: new Ledger(),
    publishers: [],
    subscribers: [],
    checked: [],
  }
  private readonly call: Channel = {
    path: `calls/${CALL}/events`,
    numberOf({ transcript }) {
      const [n, publisher] = String(transcript).split(' ').map(Number)
      return { n: n ?? Number.NaN, publisher: publisher ?? Number.NaN }
    },
    ledger: new Ledger(),
    publishers: [],
    subscribers: [],
    checked: [],
  }

  private constructor(
    private readonly gateways: readonly TestServer[],
    private readonly waitMsMax: number,
  ) {}

  /** @param waitMsMax The longest that a publisher may wait, in ms, where it is longer than usual. */
  static async start({ gateways, first }: Cluster, waitMsMax = WAIT_MS_MAX): Promise<Traffic> {
    const service_id = 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05'
    await first.publish([{ event_type: 'call.started', call_sid: CALL, direction: 'inbound', service_id }])
    const traffic = new Traffic(gateways, waitMsMax)
    traffic.subscribe(first)
    await until('all subscribers to be there', () => traffic.subscribers.every(connected) || undefined)
    traffic.publish(first)
    return traffic
  }

  /**
   * Does something to the cluster while everybody is at work, and holds what they all have against what was acknowledged:
   * nothing lost, nothing twice, everything in order, at every gateway and at every subscriber.
   */
  async survives(what: string, act: () => Promise<unknown>): Promise<void> {
    await this.acknowledgesMore()
    for (const { ledger } of this.channels) ledger.restart()
    for (const subscriber of this.subscribers) subscriber.restart()
    const before = this.acknowledged
    await act()
    await this.acknowledgesMore()
    await Promise.all(this.startedAgain.values())
    const waits = this.channels.map(({ ledger }) => ledger.waits)
    try {
      await this.check()
    } finally {
      for (const { publishers } of this.channels) for (const publisher of publishers) publisher.release()
    }
    const publisherMs = Math.max(...waits.map((each) => each.publisherMs))
    const allMs = Math.max(...waits.map((each) => each.allMs))
    const silentMs = Math.max(...this.subscribers.map((each) => each.silentMs))
    console.log(
      `${what}: ${this.acknowledged - before} acknowledged, 0 lost, 0 doubled; nothing was acknowledged for ${seconds(allMs)}, a publisher waited ${seconds(publisherMs)}, a stream was silent for ${seconds(silentMs)}`,
    )
    expect(publisherMs).toBeLessThan(this.waitMsMax)
  }

  end(): void {
    for (const { publishers } of this.channels) for (const publisher of publishers) publisher.stop()
    for (const subscriber of this.subscribers) subscriber.end()
  }

  private get channels(): readonly Channel[] {
    return [this.workspace, this.call]
  }

  private get subscribers(): readonly Subscriber[] {
    return this.channels.flatMap(({ subscribers }) => subscribers)
  }

  private get acknowledged(): number {
    return this.channels.reduce((sum, { ledger }) => sum + ledger.acknowledged.size, 0)
  }

  private subscribe(first: TestServer): void {
    const { workspace, call } = this
    for (const index of this.gateways.keys()) {
      const home = () => new Home(this.gateways, index)
      workspace.subscribers.push(new StreamReader(`the reader at gateway ${index + 1}`, first, home()))
      workspace.subscribers.push(new SdkReader(`the SDK's stream at gateway ${index + 1}`, first, home(), 'workspace'))
      call.subscribers.push(new CallWatcher(`the watcher at gateway ${index + 1}`, first, home()))
    }
    call.subscribers.push(new SdkReader("the SDK's observation", first, new Home(this.gateways, 1), 'call'))
    for (const subscriber of this.subscribers) subscriber.begin()
  }

  private publish(first: TestServer): void {
    const { workspace, call, waitMsMax } = this
    const patienceMs = waitMsMax > WAIT_MS_MAX ? waitMsMax : undefined
    const publisher = ({ ledger, publishers }: Channel, send: Send) =>
      publishers.push(new Publisher(publishers.length, ledger, send))
    for (const index of this.gateways.keys()) {
      publisher(workspace, sendByHand(first, new Home(this.gateways, index), 'workspace'))
      publisher(workspace, sendWithSdk(first, new Home(this.gateways, index), patienceMs))
      publisher(call, sendByHand(first, new Home(this.gateways, index), 'call'))
    }
  }

  /** Resolves when every publisher has had several acknowledged that it sent from now on. */
  private async acknowledgesMore(): Promise<void> {
    const publishers = this.channels.flatMap((each) => each.publishers)
    const wanted = publishers.map(({ count }) => count + RECOVERED)
    await until(
      'everything to be acknowledged again',
      () => {
        for (const { publishers } of this.channels) for (const publisher of publishers) publisher.assertWell()
        this.startAgain()
        return publishers.every(({ count }, index) => count >= (wanted[index] ?? 0)) || undefined
      },
      // A publisher that waits too long is found out by its time, which says more.
      3 * this.waitMsMax,
    )
  }

  /** What was shown and not acknowledged may be lost with the power. A gateway that has shown such a thing ends. */
  private startAgain(): void {
    for (const gateway of this.gateways) {
      if (gateway.exitCode === null || this.startedAgain.has(gateway)) continue
      if (HAS_READ_WHAT_IS_GONE.test(gateway.output)) this.startedAgain.set(gateway, gateway.run())
    }
  }

  private async check(): Promise<void> {
    for (const { exitCode, output, url } of this.gateways)
      if (exitCode !== null) throw new Error(`the gateway at ${url} ended: ${output.trim().split('\n').at(-1)}`)
    for (const { publishers } of this.channels) await Promise.all(publishers.map((each) => each.hold()))
    for (const channel of this.channels) await this.checkChannel(channel)
  }

  private async checkChannel(channel: Channel): Promise<void> {
    const { ledger, checked, subscribers, numberOf } = channel
    const histories = await Promise.all(this.gateways.map((gateway) => this.history(gateway, channel)))
    const [history = []] = histories
    for (const other of histories) expect(other).toEqual(history)
    const ids = history.map(({ id }) => String(id))
    const numbers = history.map(numberOf)
    // Nothing lost, nothing doubled: all that was taken has been acknowledged by now, each with its own position.
    for (const [index, { n }] of numbers.entries()) expect(ledger.acknowledged.get(n), `event ${n}`).toBe(ids[index])
    expect(new Set(numbers.map(({ n }) => n)).size).toBe(numbers.length)
    checked.push(...ids)
    expect(checked.length).toBe(ledger.acknowledged.size)
    // Order: of the channel, and of what each publisher sent one after another.
    const sequences = ids.map((id) => Number(id.split('-')[1]))
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b))
    const latest = new Map<number, number>()
    for (const { n, publisher } of numbers) {
      expect(n).toBeGreaterThan(latest.get(publisher) ?? -1)
      latest.set(publisher, n)
    }
    for (const subscriber of subscribers) {
      if (this.startedAgain.size > 0) {
        await this.checkTold(subscriber, checked)
        continue
      }
      await until(
        `${subscriber.name} to have ${checked.length} events (it has ${subscriber.ids.length})`,
        () => (subscriber.isWell && subscriber.ids.length >= checked.length) || undefined,
        READ_MS_MAX,
      )
      expect(subscriber.ids, subscriber.name).toEqual(checked)
      expect(subscriber.gaps, subscriber.name).toEqual([])
    }
  }

  /** Where a gateway had shown what is gone, its subscribers are told of a gap, and have everything that there is. */
  private async checkTold(subscriber: Subscriber, checked: readonly string[]): Promise<void> {
    const { name } = subscriber
    await until(
      `${name} to have what was acknowledged`,
      () => {
        const had = new Set(subscriber.ids)
        return (subscriber.isWell && checked.every((id) => had.has(id))) || undefined
      },
      READ_MS_MAX,
    )
    const gone = subscriber.ids.filter((id) => !checked.includes(id))
    expect(subscriber.gaps.length, `gaps of ${name}, which had ${gone}`).toBe(gone.length > 0 ? 1 : 0)
  }

  /** What a gateway has of a channel, behind what was checked before. */
  private async history(gateway: TestServer, { path, checked }: Channel): Promise<Json[]> {
    const items: Json[] = []
    let after = checked.at(-1)
    const types = path === 'events' ? `&types=${numbered(0, 0).event_type}` : ''
    for (;;) {
      const from = after === undefined ? '' : `&after=${after}`
      // A server that comes back may call for another election, after all was acknowledged.
      const page = await until(
        'history to be had',
        () => gateway.request('GET', `/v1/${gateway.workspace}/${path}?limit=1000${types}${from}`).catch(orLater),
        this.waitMsMax,
      )
      expect(page.gap).toBeUndefined()
      items.push(...(page.items as Json[]))
      if (page.has_more !== true) return items
      after = String(page.continuation_token)
    }
  }
}

/** Nothing to show yet: what a client is told to ask again for; or a connection that a gateway took with it when it ended. */
function orLater(error: unknown): undefined {
  if (!String(error).includes(': 503 ') && !String(error).includes('fetch failed')) throw error
}

const connected = ({ connections, isWell }: Subscriber): boolean => isWell && connections > 0

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
