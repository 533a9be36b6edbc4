import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { routeUpgrades } from '../compose/upgrades.js'
import { noMeter } from '../meter.js'
import { createDetacher } from '../transport/detached.js'
import type { RequestOver } from './app.js'
import { answerDirectly } from './direct.js'
import { directPublish } from './direct-publish.js'
import { directStream } from './direct-stream.js'
import { openTestApp, type TestApp } from './server.test-kit.js'

const EVENT = JSON.stringify({
  event_type: 'pipeline.sync_completed',
  data_source_id: 'source-1',
  event_count: 1,
  duration_ms: 9,
})

interface Stand {
  readonly app: TestApp
  readonly port: number
  /** A key that may publish and subscribe. */
  readonly key: string
  /** How many requests the router was given. */
  routed(): number
  readonly over: RequestOver[]
  drain(): void
}

async function open(options: Parameters<typeof openTestApp>[0] = {}): Promise<Stand> {
  const app = await openTestApp(options)
  const { server } = app.app
  let routed = 0
  let isDraining = false
  const over: RequestOver[] = []
  const onRequestOver = (request: RequestOver): void => void over.push(request)
  const { access, ingest, stream } = app
  await app.app.listen({ host: '127.0.0.1', port: 0 })
  server.on('request', () => {
    routed += 1
  })
  const detacher = createDetacher()
  routeUpgrades(server, (_, socket) => void socket.destroy(), detacher)
  answerDirectly(server, () => isDraining, [
    directPublish({ ingest, access, meter: noMeter, log: { error: () => {} }, onRequestOver }),
    directStream({ stream, access, detacher, onRequestOver }),
  ])
  return {
    app,
    port: (server.address() as AddressInfo).port,
    key: await app.key('events:write', 'events:read', 'calls:publish'),
    routed: () => routed,
    over,
    drain() {
      isDraining = true
    },
  }
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Sends texts on one connection and reads until so many answers have come, whose bodies have a length. */
async function exchange({ port }: Stand, texts: readonly string[], count = 1): Promise<Answer[]> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  for (const text of texts) socket.write(text)
  let rest = ''
  const answers: Answer[] = []
  for await (const bytes of socket) {
    rest += String(bytes)
    for (let answer = answerIn(rest); answer !== undefined; answer = answerIn(rest)) {
      answers.push(answer)
      rest = rest.slice(rest.indexOf('\r\n\r\n') + 4 + answer.body.length)
    }
    if (answers.length >= count) return answers
  }
  return answers
}

/** Sends a text and hears what comes. */
function listen(
  port: number,
  text: string,
): { send(more: string): void; until(part: string): Promise<string>; ended(): Promise<string> } {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let heard = ''
  socket.on('data', (bytes) => {
    heard += String(bytes)
  })
  socket.on('error', () => {})
  socket.write(text)
  return {
    send: (more) => void socket.write(more),
    async until(part) {
      await expect.poll(() => heard, { timeout: 10_000 }).toContain(part)
      return heard
    },
    async ended() {
      if (!socket.closed) await once(socket, 'close')
      return heard
    },
  }
}

function answerIn(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(': ')
      return [line.slice(0, at).toLowerCase(), line.slice(at + 2)]
    }),
  )
  const length = Number(headers['content-length'] ?? 0)
  const body = text.slice(end + 4, end + 4 + length)
  return body.length < length ? undefined : { status: Number(first.split(' ')[1]), headers, body }
}

function publish(stand: Stand, body = EVENT, headers: Readonly<Record<string, string>> = {}, path = 'events'): string {
  const all = {
    host: 'x',
    authorization: `Bearer ${stand.key}`,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => (value === '' ? '' : `${name}: ${value}\r\n`))
  return `POST /v1/${stand.app.workspace}/${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`
}

/** What may differ between two answers to the same request. */
function comparable({ status, headers, body }: Answer): unknown {
  const same = (text: string): string => text.replace(/"(\d{13}-\d+|[0-9a-f-]{36})"/g, '"…"')
  return { status, headers: { ...headers, date: '', 'x-request-id': '', 'content-length': '' }, body: same(body) }
}

let stand: Stand
afterEach(() => stand.app.close())

describe('publishing', () => {
  test.each([
    ['an event', EVENT, {}, 201],
    ['a batch', `{"events":[${EVENT},${EVENT}]}`, {}, 201],
    ['no JSON', '{"event_type"', {}, 400],
    ['bytes that are no UTF-8', '\u00ff', {}, 400],
    ['an array', '[]', {}, 422],
    ['an unknown type', '{"event_type":"call.sung"}', {}, 422],
    ['a field too many', EVENT.replace('{', '{"more":1,'), {}, 422],
    ['a batch with one that is refused', `{"events":[${EVENT},{}]}`, {}, 422],
  ])('%s is answered without the router as it is with it', async (_, body, headers, status) => {
    stand = await open()
    const [direct] = await exchange(stand, [publish(stand, body, headers)])
    expect(stand.routed()).toBe(0)
    // An origin that nobody has allowed changes nothing but the way.
    const [routed] = await exchange(stand, [publish(stand, body, { ...headers, origin: 'http://elsewhere' })])
    expect(stand.routed()).toBe(1)
    expect(direct?.status).toBe(status)
    expect(comparable(direct as Answer)).toEqual(comparable(routed as Answer))
    expect(direct?.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(stand.over).toMatchObject([{ method: 'POST', route: '/v1/:workspace_id/events', status, streaming: false }])
  })

  test('to a call goes to its channel', async () => {
    stand = await open()
    const said =
      '{"type":"user_transcript","transcript":"hello","state":"greeting","speaker_id":"a","speaker_role":"caller"}'
    const [answer] = await exchange(stand, [publish(stand, said, {}, 'calls/CA1/events')])
    expect([answer?.status, stand.routed()]).toEqual([201, 0])
    const { items } = (await stand.app.ask('GET', `/v1/${stand.app.workspace}/calls/CA1/events`)).json()
    expect(items).toMatchObject([{ transcript: 'hello', id: JSON.parse(answer?.body ?? '').ids[0] }])
  })

  test('with an Idempotency-Key is stored once, and its own request id comes back', async () => {
    stand = await open()
    const headers = { 'idempotency-key': 'once', 'x-request-id': 'mine' }
    const [first, again] = [
      ...(await exchange(stand, [publish(stand, EVENT, headers)])),
      ...(await exchange(stand, [publish(stand, EVENT, headers)])),
    ]
    expect(again?.body).toBe(first?.body)
    expect([first?.headers['idempotent-replayed'], again?.headers['idempotent-replayed']]).toEqual([undefined, 'true'])
    expect([first?.headers['x-request-id'], stand.routed()]).toEqual(['mine', 0])
  })

  test('on one connection is answered in order, however the requests come', async () => {
    stand = await open()
    const three = [1, 2, 3].map((n) => publish(stand, EVENT, { 'x-request-id': `r${n}` }))
    for (const texts of [three, [three.join('')]]) {
      const answers = await exchange(stand, texts, 3)
      expect(answers.map(({ status, headers }) => [status, headers['x-request-id']])).toEqual([
        [201, 'r1'],
        [201, 'r2'],
        [201, 'r3'],
      ])
    }
  })

  test('with a body that comes later is the router’s', async () => {
    stand = await open()
    const text = publish(stand)
    const at = text.indexOf('\r\n\r\n') + 10
    const connection = listen(stand.port, text.slice(0, at))
    await expect.poll(() => stand.routed()).toBe(1)
    connection.send(text.slice(at))
    await connection.until('HTTP/1.1 201')
  })

  test('that a head alone refuses, or that asks for more, is the router’s', async () => {
    stand = await open()
    const reader = await stand.app.key('events:read')
    const tries: readonly (readonly [string, number])[] = [
      [publish(stand, EVENT, { authorization: 'Bearer sb_nobody_xxxxxxxxxxxxxxxxxxxxxxxxx' }), 401],
      [publish(stand, EVENT, { authorization: '' }), 401],
      [publish(stand, EVENT, { authorization: `Bearer ${reader}` }), 403],
      [publish(stand, EVENT).replace(stand.app.workspace, 'another'), 403],
      [publish(stand, EVENT, { 'idempotency-key': 'x'.repeat(300) }), 400],
      [publish(stand, EVENT, { 'content-type': 'text/plain' }), 415],
      [publish(stand, EVENT, { 'content-encoding': 'gzip' }), 415],
      [publish(stand, EVENT, {}, `calls/${'C'.repeat(300)}/events`), 400],
      [publish(stand, EVENT, { 'content-type': 'application/json; charset=utf-8' }), 201],
      [publish(stand, EVENT).replace('HTTP/1.1', 'HTTP/1.0'), 201],
    ]
    for (const [text, status] of tries) expect((await exchange(stand, [text]))[0]?.status).toBe(status)
    expect(stand.routed()).toBe(tries.length)
    stand.drain()
    await exchange(stand, [publish(stand)])
    expect(stand.routed()).toBe(tries.length + 1)
  })

  test('with a key that was revoked meanwhile is refused', async () => {
    stand = await open()
    expect((await exchange(stand, [publish(stand)]))[0]?.status).toBe(201)
    const keyId = stand.key.split('_')[1]
    await stand.app.ask('DELETE', `/v1/${stand.app.workspace}/api-keys/${keyId}`)
    expect((await exchange(stand, [publish(stand)]))[0]?.status).toBe(401)
  })
})

describe('a stream', () => {
  const asking = (rest = '', query = ''): string =>
    `GET /v1/${stand.app.workspace}/events/stream${query} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${stand.key}\r\n${rest}\r\n`

  test('leaves Node’s server, with the head that the router would give it', async () => {
    stand = await open()
    const direct = listen(stand.port, asking())
    const text = await direct.until('stream.opened')
    expect(stand.routed()).toBe(0)
    expect(stand.app.app.server.listenerCount('upgrade')).toBe(1)
    const routed = await listen(stand.port, asking('origin: http://elsewhere\r\n')).until('stream.opened')
    expect(stand.routed()).toBe(1)
    const headOf = (all: string): Record<string, string> => {
      const { connection: _, 'keep-alive': __, ...rest } = answerIn(all)?.headers ?? {}
      return { ...rest, date: '', 'x-request-id': '' }
    }
    expect(headOf(text)).toEqual(headOf(routed))
    expect(answerIn(text)?.headers.connection).toBe('close')
    await exchange(stand, [publish(stand)])
    await direct.until('pipeline.sync_completed')
  })

  test('whose key is revoked says so, and ends with its last chunk', async () => {
    stand = await open()
    const stream = listen(stand.port, asking())
    await stream.until('stream.opened')
    await stand.app.ask('DELETE', `/v1/${stand.app.workspace}/api-keys/${stand.key.split('_')[1]}`)
    const text = await stream.ended()
    expect(text).toMatch(/credential_revoked.*\r\n0\r\n\r\n$/s)
    await expect.poll(() => stand.over).toMatchObject([{ method: 'GET', status: 200, streaming: true }])
  })

  test('with a request behind it in the same packet is the router’s, and the request waits', async () => {
    stand = await open()
    const stream = listen(stand.port, asking() + publish(stand))
    await stream.until('stream.opened')
    await expect.poll(() => stand.routed()).toBe(1)
    await stream.until('pipeline.sync_completed')
  })

  test('is ended by whatever its peer says more, and by its leaving', async () => {
    stand = await open()
    for (const more of ['x', publish(stand)]) {
      const stream = listen(stand.port, asking())
      await stream.until('stream.opened')
      stream.send(more)
      await stream.ended()
    }
    expect(stand.routed()).toBe(0)
    await expect.poll(() => stand.app.stream.sessions.counts().workspace).toBe(0)
  })

  test('that a head alone refuses is the router’s', async () => {
    stand = await open()
    const writer = await stand.app.key('events:write')
    const tries: readonly (readonly [string, number])[] = [
      [asking('', '?types=call.sung'), 400],
      [asking('', `?access_token=${stand.key}`), 401],
      [asking('', '?last_event_id=x'), 400],
      [asking().replace(stand.key, writer), 403],
      [asking().replace(stand.key, 'sb_a_b'), 401],
    ]
    for (const [text, status] of tries) expect((await exchange(stand, [text]))[0]?.status).toBe(status)
    expect(stand.routed()).toBe(tries.length)
  })
})
