import { type Json, TestServer, until } from '../kit.js'
import {
  type ChannelHistory,
  check,
  type Gap,
  type Reading,
  type Seen,
  type Verdict,
  type Violation,
} from './checker.js'
import { seenOf } from './events.js'
import { broken, type Context } from './fault.js'
import { type Channel, type Desk, NumberedPublisher } from './publisher.js'
import { RawSubscriber, SdkSubscriber, type Subscriber } from './subscribers.js'

const PAGE = 1000
const CATCH_UP_MS_MAX = 120_000
const ACK_MS_MAX = 60_000
const CALL = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'

export interface SceneOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly dir?: string
  /** Publishers of each channel. */
  readonly publishers?: number
  readonly batch?: number
  readonly charsMax?: number
  readonly everyMs?: number
  readonly answerMsMax?: number
  /** The way of clients to the server. Default: straight. */
  readonly way?: (server: TestServer) => Promise<string>
}

/** A server with two workspaces and a call, and publishers and subscribers at work on all three. */
export class Scene {
  readonly refusals = new Map<string, number>()
  readonly violations: Violation[] = []
  readonly publishers: NumberedPublisher[] = []
  readonly subscribers: Subscriber[] = []
  private acks = 0
  private readonly byChannel: { channel: Channel; publishers: NumberedPublisher[]; subscribers: Subscriber[] }[] = []

  private constructor(
    readonly server: TestServer,
    readonly channels: readonly Channel[],
  ) {}

  static async start(context: Context, options: SceneOptions = {}): Promise<Scene> {
    const { publishers = 2, batch = 1, charsMax = 300, everyMs = 0, answerMsMax = 10_000 } = options
    const server = await TestServer.start({
      env: { SWITCHBOARD_HEARTBEAT: '1s', ...options.env },
      ...(options.dir !== undefined && { dir: options.dir }),
      onEnd: context.onEnd,
    })
    const second = await server.request('POST', '/v1/workspaces', { name: 'Hill Clinic', slug: 'hill-clinic' })
    const one = server.workspace
    const scene = new Scene(server, [
      { name: 'first', workspace: one },
      { name: 'first/call', workspace: one, call: CALL },
      { name: 'second', workspace: String(second.id) },
    ])
    const url = (await options.way?.(server)) ?? server.url
    const desk: Desk & { credential: string } = { url, headers: server.headers(), credential: server.adminKey }
    context.onEnd(() => scene.leave())
    const workspaces = scene.channels.filter(({ call }) => call === undefined)
    const streams = new Map(
      workspaces.map((channel) => [channel.name, [new RawSubscriber(desk, channel), new SdkSubscriber(desk, channel)]]),
    )
    // From here on nothing is missed, wherever a connection is cut.
    await server.streamsOpen('workspace', 2 * workspaces.length)
    for (const channel of scene.channels) {
      const all = Array.from(
        { length: publishers },
        (_, publisher) =>
          new NumberedPublisher({
            desk,
            channel,
            publisher,
            batch,
            charsMax,
            everyMs,
            answerMsMax,
            onAck: (events) => {
              scene.acks += events
            },
            onRefusal: (status, code) => {
              const name = `${status} ${code}`
              scene.refusals.set(name, (scene.refusals.get(name) ?? 0) + 1)
            },
          }),
      )
      scene.publishers.push(...all)
      const subscribers: Subscriber[] = [...(streams.get(channel.name) ?? [])]
      if (channel.call !== undefined) {
        // A call is known from its first event on.
        await until('a call to be known', () => all.some(({ acked }) => acked.size > 0) || undefined)
        subscribers.push(new SdkSubscriber(desk, channel))
      }
      scene.subscribers.push(...subscribers)
      scene.byChannel.push({ channel, publishers: all, subscribers })
    }
    return scene
  }

  /** Acknowledged so far, over all channels. */
  get acked(): number {
    return this.acks
  }

  get reconnects(): number {
    return this.subscribers.reduce((sum, { reconnects }) => sum + reconnects, 0)
  }

  violate(where: string, detail: string): void {
    this.violations.push(broken(where, detail))
  }

  /** Waits until so many more are acknowledged. */
  async acknowledges(events: number): Promise<void> {
    const target = this.acks + events
    await until(
      `${events} more events to be acknowledged (refused: ${JSON.stringify([...this.refusals])})`,
      () => {
        const failed = this.publishers.find(({ failure }) => failure !== undefined)
        if (failed) throw new Error(`a publisher was refused for good: ${failed.failure}`)
        return this.acks >= target || undefined
      },
      ACK_MS_MAX,
    ).catch(async (error: Error) => {
      const state = await this.readiness().then(
        ({ status, text }) => `/readyz: ${status} ${text}`,
        (cause) => `/readyz: ${cause}`,
      )
      throw new Error(`${error.message}; ${state}; ${this.server.lastWords}`)
    })
  }

  /** Milliseconds from now until something is acknowledged. */
  async msToAck(): Promise<number> {
    const since = performance.now()
    await this.acknowledges(1)
    return performance.now() - since
  }

  async readiness(): Promise<{ readonly status: number; readonly text: string }> {
    const answer = await fetch(`${this.server.url}/readyz`)
    return { status: answer.status, text: await answer.text() }
  }

  async stopPublishing(): Promise<void> {
    await Promise.all(this.publishers.map((publisher) => publisher.stop()))
  }

  /** Everything in a channel, from its beginning. */
  async read({ workspace, call }: Channel, server = this.server): Promise<Reading> {
    return readLog(server, workspace, call)
  }

  /** Stops the publishers, lets the subscribers catch up, reads the log, and judges. */
  async verdict(): Promise<Verdict> {
    await this.stopPublishing()
    const histories: ChannelHistory[] = []
    for (const { channel, publishers, subscribers } of this.byChannel) {
      const log = await this.read(channel)
      // Nothing that is injected here may cost an entry: a gap, told as it is, would be a loss.
      if (log.gaps.length > 0) this.violate(channel.name, `the log tells of a gap: ${JSON.stringify(log.gaps)}`)
      const last = log.seen[log.seen.length - 1]?.sequence ?? 0
      for (const subscriber of subscribers) {
        const { name, seen, gaps } = subscriber
        if (gaps.length > 0) this.violate(`${channel.name} at ${name}`, `was told of a gap: ${JSON.stringify(gaps)}`)
        await until(
          `${name} of ${channel.name} to catch up`,
          () => (seen[seen.length - 1]?.sequence ?? 0) >= last || subscriber.failure !== undefined || undefined,
          CATCH_UP_MS_MAX,
        ).catch((error: Error) => this.violate(`${channel.name} at ${name}`, error.message))
        if (subscriber.failure !== undefined)
          this.violate(`${channel.name} at ${name}`, `gave up: ${subscriber.failure}`)
      }
      histories.push({ name: channel.name, log, publications: publishers, subscriptions: subscribers })
    }
    const verdict = check(histories)
    return { ...verdict, violations: [...verdict.violations, ...this.violations] }
  }

  async leave(): Promise<void> {
    await Promise.all(this.subscribers.map((subscriber) => subscriber.stop()))
    await this.stopPublishing()
  }
}

/** A channel's history, page by page. */
export async function readLog(server: TestServer, workspace: string, call?: string): Promise<Reading> {
  const seen: Seen[] = []
  const gaps: Gap[] = []
  const path = call === undefined ? 'events' : `calls/${call}/events`
  for (let token: string | null = ''; token !== null; ) {
    const query: string = token === '' ? '' : `&continuation_token=${token}`
    const page: Json = await server.request('GET', `/v1/${workspace}/${path}?limit=${PAGE}${query}`)
    for (const item of page.items as Json[]) seen.push(seenOf(String(item.id), item))
    const { damaged } = (page.gap ?? {}) as { damaged?: Gap }
    if (damaged) gaps.push(damaged)
    token = page.continuation_token as string | null
  }
  return { seen, gaps }
}
