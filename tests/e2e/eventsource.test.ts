import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { bytesOf, groups, messagesOf } from '../../packages/sdk/src/kit/sse-cases.js'
import { Cable } from '../cable.js'
import { type Json, TestServer, until } from '../kit.js'
import { inBrowser } from './console-tab.js'
import { Place } from './wire/outside.js'

/** What a browser's own EventSource has told a page, in order. */
interface Told {
  readonly type: string
  readonly id: string
  readonly data: string
}

declare global {
  interface Window {
    told: Told[]
    source: EventSource
  }
}

const SOURCE = 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05'
const HEARTBEAT_MS = 200
/** What a stream asks a client to wait for. */
const RETRY_MS = 3000

/** Where Chromium leaves the standard: it takes a line end right behind the byte order mark for a part of the next line. */
const CHROMIUM_DIFFERS = ['a byte order mark and a line end']

const failed = (error: string): Json => ({ event_type: 'pipeline.error', data_source_id: SOURCE, error })

inBrowser('a browser’s own EventSource, at another origin', (browser) => {
  let site: Server
  let origin = ''

  const cases = Object.values(groups).flat()
  const ends: (() => Promise<void>)[] = []
  let server: TestServer

  beforeAll(async () => {
    // An application's own web server; and one that sends whatever a case is, and nothing behind it.
    site = createServer(({ url = '/' }, answer) => {
      const [, number] = /^\/case\/(\d+)$/.exec(url) ?? []
      const each = number === undefined ? undefined : cases[Number(number)]
      if (each !== undefined) answer.setHeader('content-type', 'text/event-stream').end(bytesOf(each.input))
      else answer.setHeader('content-type', 'text/html').end('<!doctype html><title>elsewhere</title>')
    }).listen(0, '127.0.0.1')
    await once(site, 'listening')
    origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
    server = await TestServer.start({
      env: { SWITCHBOARD_ALLOWED_ORIGINS: origin, SWITCHBOARD_HEARTBEAT: `${HEARTBEAT_MS}ms` },
      onEnd: (end) => ends.push(end),
    })
  })
  afterAll(async () => {
    site?.close()
    for (const end of ends) await end()
  })

  async function openPage(): Promise<Page> {
    const context = await browser().newContext()
    onTestFinished(() => context.close())
    const page = await context.newPage()
    await page.goto(origin)
    return page
  }

  /** A workspace of its own, a page, and what is between. */
  async function start(): Promise<{ place: Place; cable: Cable; page: Page; token: string }> {
    const place = await Place.make(server)
    const token = await place.token(['events:read', 'pii:read'])
    return { place, cable: await Cable.to(server), page: await openPage(), token }
  }

  async function listen(page: Page, url: string, place: Place, query: Record<string, string>): Promise<void> {
    const address = `${url}${place.path('/events/stream')}?${new URLSearchParams(query)}`
    await page.evaluate(
      ([from, names]) => {
        window.told = []
        window.source = new EventSource(from)
        for (const name of names) {
          window.source.addEventListener(name, (event) => {
            const { type, lastEventId, data } = event as MessageEvent<string>
            window.told.push({ type, id: lastEventId, data: data ?? '' })
          })
        }
      },
      [
        address,
        ['message', 'error', 'stream.opened', 'stream.gap', 'pipeline.error', 'pipeline.sync_completed'],
      ] as const,
    )
  }

  const told = (page: Page) => page.evaluate(() => window.told)
  const events = async (page: Page) => (await told(page)).filter(({ type }) => type.startsWith('pipeline.'))
  const state = (page: Page) => page.evaluate(() => window.source.readyState)
  const lastEventIds = (cable: Cable) => [...cable.asked.matchAll(/^last-event-id: (.*)\r$/gim)].map(([, id]) => id)

  test('is told exactly what was published, whatever is in it, under its names and ids', async () => {
    const { place, cable, page, token } = await start()
    const hostile = [
      ...[
        '\r',
        '\n',
        '\r\n',
        '\n\n',
        '\u0000',
        '\u2028',
        '\u2029',
        '\u0085',
        '\ufeff',
        '\ufeff\ufeff',
        ' ',
        '  x',
        ':',
        '😀',
      ],
      ...[
        '\ndata: forged\n\n',
        '\r\rid: 1-1\revent: stream.gap\rdata: {}\r\r',
        'retry: 1\n',
        '\nid\n',
        'x'.repeat(4000),
      ],
    ]
    await listen(page, cable.far.url, place, { access_token: token, since: '1h' })
    const ids = await place.publish(hostile.map(failed))
    await until('all of it', async () => (await events(page)).length >= hostile.length || undefined)
    const heard = (await events(page)).map(({ data, ...event }) => ({ ...event, data: JSON.parse(data) }))
    expect(heard).toEqual(
      hostile.map((error, index) => ({ type: 'pipeline.error', id: ids[index], data: failed(error) })),
    )
    // Names that nobody gave, and events without one, there were none.
    expect((await told(page)).map(({ type }) => type).filter((type) => !type.startsWith('pipeline.'))).toEqual([
      'stream.opened',
    ])
    // Every id is one that a page of another origin may send back without asking first.
    for (const id of ids) expect(id).toMatch(/^[\x21-\x7e]{1,64}$/)
    expect(cable.asked).toMatch(/^accept: text\/event-stream\r$/im)
  })

  test('is told of an event that was cut in the middle once, whole, when it has come back by itself', async () => {
    const { place, cable, page, token } = await start()
    const [first] = await place.publish([failed('first')])
    await place.publish([failed('second')])
    cable.cutBehind('"error":"sec')
    await listen(page, cable.far.url, place, { access_token: token, since: '1h' })
    await until('both', async () => (await events(page)).length >= 2 || undefined)
    expect((await events(page)).map(({ data }) => JSON.parse(data).error)).toEqual(['first', 'second'])
    // What was unfinished gave neither an event nor an id.
    expect(lastEventIds(cable)).toEqual([first])
    // And the browser asked nobody whether it may say where it was: such an id needs no leave.
    expect(cable.asked).not.toMatch(/^OPTIONS /m)
    expect((await told(page)).filter(({ type }) => type === 'stream.gap')).toEqual([])
  })

  test('comes back after as long as the stream has asked for, with the id that heartbeats gave when nothing had matched for a while', async () => {
    const { place, cable, page, token } = await start()
    await listen(page, cable.far.url, place, { access_token: token, types: 'pipeline.error' })
    await until('the stream', async () => (await told(page)).length > 0 || undefined)
    const sync = { event_type: 'pipeline.sync_completed', data_source_id: SOURCE, event_count: 1, duration_ms: 1 }
    const [passed] = await place.publish([sync])
    // The one after it shows that it has arrived.
    const heartbeats = new RegExp(`id: ${passed}\n[^]*: heartbeat`)
    await until('a heartbeat with its id, and another', () => heartbeats.test(cable.answered) || undefined)
    const cutAt = performance.now()
    cable.cut()
    cable.mend()
    await until('it to come back', () => lastEventIds(cable).length > 0 || undefined)
    expect(performance.now() - cutAt).toBeGreaterThan(RETRY_MS * 0.9)
    expect(lastEventIds(cable)).toEqual([passed])
    const [id] = await place.publish([failed('after')])
    await until('what came after', async () => (await events(page)).length > 0 || undefined)
    expect((await events(page)).map((event) => event.id)).toEqual([id])
  })

  test('with a position that is too old or none is told of a gap inside a stream, and goes on', async () => {
    const { place, page, token } = await start()
    await place.publish([failed('kept')])
    await listen(page, server.url, place, { access_token: token, last_event_id: '5-999' })
    await until('the event', async () => (await events(page)).length > 0 || undefined)
    expect((await told(page)).map(({ type }) => type)).toEqual(['stream.opened', 'stream.gap', 'pipeline.error'])
    expect(await state(page)).toBe(1)
  })

  test.each([
    ['a credential that is none', (path: string) => `${path}?access_token=a.b.c`],
    ['no credential', (path: string) => path],
    ['a parameter that there is not', (path: string) => `${path}?nothing=1`],
    ['a path that there is not', (path: string) => `${path}/x`],
  ])('with %s fails for good, and does not ask again', async (_, change) => {
    const { place, cable, page } = await start()
    await page.evaluate(
      (address) => {
        window.source = new EventSource(address)
      },
      `${cable.far.url}${change(place.path('/events/stream'))}`,
    )
    await until('its end', async () => (await state(page)) === 2 || undefined)
    expect([...cable.asked.matchAll(/^GET /gm)]).toHaveLength(1)
  })

  test('that is closed ends its stream on the server', async () => {
    const { place, page, token } = await start()
    // Those of earlier tests end with their pages.
    await server.streamsOpen('workspace', 0)
    await listen(page, server.url, place, { access_token: token })
    await server.streamsOpen('workspace', 1)
    await page.evaluate(() => window.source.close())
    await server.streamsOpen('workspace', 0)
  })

  test('makes of every case that our reader is held against what the case says', async () => {
    const page = await openPage()
    const wanted = cases.map((each) => ({ name: each.name, told: messagesOf(each) }))
    const types = [...new Set(wanted.flatMap(({ told }) => told.map(({ type }) => type)))]
    const seen = await page.evaluate(
      ([count, names]) => {
        const one = (number: number) =>
          new Promise<object[]>((resolve) => {
            const source = new EventSource(`/case/${number}`)
            const told: object[] = []
            for (const name of names) {
              source.addEventListener(name, (event) => {
                const { type, data, lastEventId } = event as MessageEvent<string>
                told.push({ type, data, lastEventId })
              })
            }
            // The stream is over, and it would come back.
            source.onerror = () => {
              source.close()
              resolve(told)
            }
          })
        return Promise.all(Array.from({ length: count }, (_, number) => one(number)))
      },
      [cases.length, types] as const,
    )
    const differing = wanted.filter(({ told }, number) => JSON.stringify(told) !== JSON.stringify(seen[number]))
    expect(differing.map(({ name }) => name)).toEqual(CHROMIUM_DIFFERS)
  })
})
