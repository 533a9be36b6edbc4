import { expect, test } from 'vitest'
import { Attacker } from '../../attacker.js'
import { type Json, TestServer, until } from '../../kit.js'

const sync = (count: number): Json => ({
  event_type: 'pipeline.sync_completed',
  data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05',
  event_count: count,
  duration_ms: 1,
})
const CALL = 'CA00112233445566778899aabbccddeeff'

async function metric(server: TestServer, series: string): Promise<number> {
  const text = await (await server.fetch(`${server.url}/metrics`)).text()
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `))
  return Number(line?.split(' ')[1])
}

test('a flood of heads that never end drives out itself, and whoever has a key comes from the same address and is served', async () => {
  const server = await TestServer.start({ env: { SWITCHBOARD_MAX_STRANGERS_PER_ADDRESS: '50' } })
  const attacker = new Attacker(server)
  const listener = attacker.connects()
  listener.send(
    `GET /v1/${server.workspace}/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.adminKey}\r\n\r\n`,
  )
  const { api_key: key } = await server.key(['events:read', 'events:write', 'calls:observe'])
  const direct = attacker.connects()
  direct.send(`GET /v1/${server.workspace}/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n\r\n`)
  await server.publish([{ event_type: 'call.started', call_sid: CALL, direction: 'inbound', service_id: 'main' }])
  const observer = attacker.connects()
  observer.send(
    `GET /v1/${server.workspace}/observers/${CALL}/ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  )
  await until('the observer', () => observer.text.includes('session_info') || undefined)
  await server.streamsOpen('workspace', 2)

  const slow = Array.from({ length: 400 }, (_, index) => {
    const connection = attacker.connects()
    // Some say nothing, some begin a head, some a body with a key that is none.
    if (index % 3 === 1) connection.send('GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ')
    if (index % 3 === 2) {
      const head = 'Host: x\r\nAuthorization: Bearer sb_a_b\r\nContent-Type: application/json\r\nContent-Length: 900'
      connection.send(`POST /v1/${server.workspace}/events HTTP/1.1\r\n${head}\r\n\r\n{`)
    }
    return connection
  })
  for (let count = 0; count < 20; count += 1) {
    await server.request('POST', `/v1/${server.workspace}/events`, sync(count), key)
  }
  await until('the flood to be cut', () => slow.filter(({ isOver }) => !isOver).length <= 50 || undefined)
  await until(
    'the last event, on both',
    () => [listener, direct].every(({ text }) => text.includes('"event_count":19')) || undefined,
  )
  expect([listener, direct, observer].map(({ isOver }) => isOver)).toEqual([false, false, false])
  expect(await metric(server, 'switchboard_strangers')).toBeLessThanOrEqual(50)
  expect(await metric(server, 'switchboard_strangers_cut_total{limit="address"}')).toBeGreaterThanOrEqual(200)
  expect(await metric(server, 'switchboard_strangers_cut_total{limit="all"}')).toBe(0)
})

test('behind a trusted proxy all together are bounded, and those with a key are not counted', async () => {
  const server = await TestServer.start({
    env: {
      SWITCHBOARD_MAX_STRANGERS_PER_ADDRESS: '1',
      SWITCHBOARD_MAX_STRANGERS: '30',
      SWITCHBOARD_TRUST_PROXY: 'loopback',
    },
  })
  const attacker = new Attacker(server)
  const streams = []
  for (let count = 0; count < 40; count += 1) {
    const connection = attacker.connects()
    const head = `Host: x\r\nAuthorization: Bearer ${server.adminKey}`
    connection.send(`GET /v1/${server.workspace}/events/stream HTTP/1.1\r\n${head}\r\n\r\n`)
    await until('the stream', () => connection.text.includes('stream.opened') || undefined)
    streams.push(connection)
  }
  const slow = Array.from({ length: 100 }, () => attacker.connects())
  await until('the flood to be cut', () => slow.filter(({ isOver }) => !isOver).length <= 30 || undefined)
  expect(streams.some(({ isOver }) => isOver)).toBe(false)
  expect(await metric(server, 'switchboard_strangers_cut_total{limit="all"}')).toBeGreaterThanOrEqual(70)
  expect(await metric(server, 'switchboard_strangers_cut_total{limit="address"}')).toBe(0)
})

test('a head that never ends is answered with 408 long before half a minute, and a connection that says nothing ends as well', async () => {
  const server = await TestServer.start()
  const attacker = new Attacker(server)
  const [silent, dripping] = [attacker.connects(), attacker.connects()]
  dripping.send('GET /healthz HTTP/1.1\r\nHost: x\r\n')
  const began = performance.now()
  const drip = setInterval(() => dripping.isOver || dripping.send('X-A: b\r\n'), 500)
  await until('both to end', () => (silent.isOver && dripping.isOver) || undefined, 30_000).finally(() =>
    clearInterval(drip),
  )
  expect(performance.now() - began).toBeLessThan(28_000)
  expect(dripping.statuses).toEqual([408])
})

test('one key has no more streams than it may, also with its tokens, and another key still has its own', async () => {
  const server = await TestServer.start({ env: { SWITCHBOARD_MAX_STREAMS_PER_KEY: '3' } })
  const attacker = new Attacker(server)
  const [greedy, other] = [await server.key(['events:read']), await server.key(['events:read'])]
  const { access_token } = await server.request(
    'POST',
    `/v1/${server.workspace}/access-tokens`,
    { permissions: ['events:read'] },
    greedy.api_key,
  )
  const open = (credential: string) => {
    const connection = attacker.connects()
    const head = `Host: x\r\nAuthorization: Bearer ${credential}`
    connection.send(`GET /v1/${server.workspace}/events/stream HTTP/1.1\r\n${head}\r\n\r\n`)
    return connection
  }
  for (let count = 0; count < 3; count += 1) open(greedy.api_key)
  await server.streamsOpen('workspace', 3)
  for (const credential of [greedy.api_key, String(access_token)]) {
    const refused = open(credential)
    await until('the refusal', () => refused.text.includes('too_many_streams') || undefined)
    expect(refused.text).toContain('"max_streams":3')
  }
  const theirs = open(other.api_key)
  await until('the stream of another key', () => theirs.text.includes('stream.opened') || undefined)
  expect(await metric(server, 'switchboard_refusals_total{code="too_many_streams"}')).toBe(2)
})
