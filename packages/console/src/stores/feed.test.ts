import { type Gap, SwitchboardError, type WorkspaceItem } from '@switchboard/sdk'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Connection } from './connection.js'
import { Feed, type FeedOptions, type FeedStreamOptions } from './feed.js'
import type { Share, ShareMessage } from './share.js'
import { item, Pushed, started } from './stand.test-kit.js'

const rest = () => new Promise((resolve) => setImmediate(resolve))
const calls = (...ns: readonly number[]) => ns.map((n) => item(n, started(`C${n}`)))
const sequence = (id: string) => Number(id.split('-')[1])

interface StreamAsked {
  readonly after?: string
  readonly signal: AbortSignal
  readonly onOpen: (opened: { readonly position: string }) => void
  readonly onGap: (gap: Gap) => void
  readonly onState: (state: object) => void
}

/** A server with a log, which each tab may stream from and read. */
class Server {
  readonly log: WorkspaceItem[] = []
  readonly streams: { readonly asked: StreamAsked; readonly live: Pushed<WorkspaceItem> }[] = []
  readonly lists: object[] = []

  readonly switchboard = {
    events: {
      stream: (asked: StreamAsked) => this.stream(asked),
      list: (asked: FeedStreamOptions) => this.list(asked),
    },
  } as unknown as FeedOptions['switchboard']

  /** Stores events, and tells the streams of them. */
  publish(...items: readonly WorkspaceItem[]): void {
    this.log.push(...items)
    for (const { live } of this.streams) live.push(...items)
  }

  private stream(asked: StreamAsked) {
    const live = new Pushed<WorkspaceItem>()
    this.streams.push({ asked, live })
    asked.signal.addEventListener('abort', () => live.end())
    const head = this.log.at(-1)?.id ?? item(0, {}).id
    queueMicrotask(() => asked.onOpen({ position: asked.after ?? head }))
    const past = this.log.filter(({ id }) => asked.after !== undefined && sequence(id) > sequence(asked.after))
    live.push(...past)
    return live.read()
  }

  private async *list({ after, types }: FeedStreamOptions) {
    this.lists.push({ after, types })
    const from = typeof after === 'string' ? sequence(after) : 0
    yield* this.log.filter(({ id }) => sequence(id) > from)
  }
}

/** A browser with tabs, which hear each other; the first that asks leads until it ends. */
class Browser {
  readonly heard = new Set<(message: ShareMessage) => void>()
  private readonly waiting: (() => void)[] = []
  private isLed = false

  /** Messages are lost on the way to a tab that is deaf. */
  share(isDeaf: () => boolean = () => false): Promise<Share> {
    let own: ((message: ShareMessage) => void) | undefined
    return Promise.resolve({
      lead: async (ended, run) => {
        if (this.isLed) await new Promise<void>((resolve) => this.waiting.push(resolve))
        this.isLed = true
        await run(ended)
        this.isLed = false
        this.waiting.shift()?.()
      },
      say: (message) => {
        for (const hear of this.heard) if (hear !== own) queueMicrotask(() => hear(message))
      },
      listen: (listener) => {
        own = (message) => isDeaf() || listener(message)
        const mine = own
        this.heard.add(mine)
        return () => this.heard.delete(mine)
      },
    })
  }
}

async function open(server: Server, share?: Promise<Share>) {
  const feed = new Feed({
    switchboard: server.switchboard,
    head: async () => server.log.at(-1)?.id ?? '',
    ...(share && { share }),
    now: () => 0,
    wait: rest as never,
  })
  onTestFinished(() => feed.stop())
  void feed.start()
  await rest()
  return feed
}

/** What a reader has been given so far. */
function read(feed: Feed, options: FeedStreamOptions = {}) {
  const seen: number[] = []
  const stream = feed.stream(options)
  const done = (async () => {
    for await (const { id } of stream) seen.push(sequence(id))
  })()
  done.catch(() => {})
  return { seen, done, stream }
}

test('what lies before the live stream comes from history, and then what happens, each once', async () => {
  const server = new Server()
  server.publish(...calls(1, 2, 3))
  const feed = await open(server)
  const { seen } = read(feed, { after: calls(1)[0]?.id as string })
  await rest()
  server.publish(...calls(4, 5))
  await rest()
  expect(seen).toEqual([2, 3, 4, 5])
  expect(server.streams).toHaveLength(1)
})

test('what happens while history is read is told after it, once', async () => {
  const server = new Server()
  server.publish(...calls(1, 2))
  const feed = await open(server)
  const { seen } = read(feed, { after: { since: '1h' } })
  server.publish(...calls(3))
  await rest()
  await rest()
  expect(seen).toEqual([1, 2, 3])
})

test('the past is filtered by the server, what comes by the same rule here', async () => {
  const server = new Server()
  const feed = await open(server)
  const { seen } = read(feed, { types: ['call.*'], callSid: ['C2', 'C3'], after: { since: '1h' } })
  await rest()
  server.publish(...calls(1, 2), item(3, { event_type: 'surface.created', call_sid: 'C3' }))
  server.publish(item(4, { event_type: 'unknown', actual_type: 'call.new', raw: { call_sid: 'C3' } }))
  await rest()
  expect(server.lists).toEqual([{ after: { since: '1h' }, types: ['call.*'] }])
  expect(seen).toEqual([2, 4])
})

test('a failure that is final reaches every reader, also one that comes later', async () => {
  const server = new Server()
  const feed = await open(server)
  const first = read(feed)
  await rest()
  server.streams[0]?.live.fail(new SwitchboardError('credential_revoked', 'no'))
  await expect(first.done).rejects.toMatchObject({ code: 'credential_revoked' })
  await expect(read(feed).done).rejects.toMatchObject({ code: 'credential_revoked' })
})

test('after a break the reader is told how far behind it is, until it is not', async () => {
  const server = new Server()
  server.publish(...calls(1))
  const feed = await open(server)
  const told: Connection[] = []
  read(feed, { onConnection: (connection) => told.push(connection) })
  const { asked, live } = server.streams[0] as (typeof server.streams)[0]
  server.log.push(...calls(500))
  asked.onState({ kind: 'open' })
  asked.onOpen({ position: item(1, {}).id })
  await rest()
  expect(told.at(-1)).toEqual({ kind: 'catching-up', behind: 499 })
  live.push(...calls(500))
  await rest()
  expect(told.at(-1)).toEqual({ kind: 'live' })
})

describe('tabs of one browser', () => {
  test('share one stream, and each has all of it', async () => {
    const [server, browser] = [new Server(), new Browser()]
    const feeds = [await open(server, browser.share()), await open(server, browser.share())]
    const readers = feeds.map((feed) => read(feed))
    await rest()
    server.publish(...calls(1, 2))
    await rest()
    await rest()
    expect(readers.map(({ seen }) => seen)).toEqual([
      [1, 2],
      [1, 2],
    ])
    expect(server.streams).toHaveLength(1)
  })

  test('go on where the one that held it was closed: the next takes up its place', async () => {
    const [server, browser] = [new Server(), new Browser()]
    const first = await open(server, browser.share())
    const second = await open(server, browser.share())
    const { seen } = read(second)
    await rest()
    server.publish(...calls(1))
    await rest()
    await rest()
    first.stop()
    server.log.push(...calls(2))
    await rest()
    await rest()
    server.publish(...calls(3))
    await rest()
    expect(seen).toEqual([1, 2, 3])
    expect(server.streams.map(({ asked }) => asked.after)).toEqual([undefined, item(1, {}).id])
  })

  test('that missed something read it before they go on', async () => {
    const [server, browser] = [new Server(), new Browser()]
    let isDeaf = false
    await open(server, browser.share())
    const second = await open(
      server,
      browser.share(() => isDeaf),
    )
    const { seen } = read(second)
    await rest()
    server.publish(...calls(1))
    await rest()
    await rest()
    isDeaf = true
    server.publish(...calls(2, 3))
    await rest()
    await rest()
    isDeaf = false
    server.publish(...calls(4))
    await rest()
    await rest()
    await rest()
    expect(seen).toEqual([1, 2, 3, 4])
  })

  test('hear of a gap and of a failure as the one does that holds it', async () => {
    const [server, browser] = [new Server(), new Browser()]
    await open(server, browser.share())
    const second = await open(server, browser.share())
    const gaps: Gap[] = []
    const { done, seen } = read(second, { onGap: (gap) => gaps.push(gap) })
    await rest()
    const gap = {
      code: 'history_truncated',
      requested: '1-1',
      oldest: item(8, {}).id,
      newest: undefined,
      stateUrl: undefined,
    }
    server.streams[0]?.asked.onGap(gap)
    server.publish(...calls(8))
    await rest()
    await rest()
    expect(gaps).toEqual([gap])
    expect(seen).toEqual([8])
    // Of a leader that was away: this tab has it all.
    server.streams[0]?.asked.onGap({ ...gap, oldest: item(2, {}).id })
    await rest()
    await rest()
    expect(gaps).toEqual([gap])
    server.streams[0]?.live.fail(new SwitchboardError('forbidden', 'no'))
    await expect(done).rejects.toMatchObject({ code: 'forbidden' })
  })
})
