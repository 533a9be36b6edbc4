import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { limits, permissionNames } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { callStarted } from '../fanout/memory-log.test-kit.js'
import {
  HEARTBEAT_MS,
  listen,
  principal,
  quiet,
  type SseClient,
  startServer,
  type TestServer,
  until,
  WORKSPACE,
} from './server.test-kit.js'

const channel = { workspace: WORKSPACE }
const oneTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1)

async function publish({ log }: TestServer, from: number, to = from): Promise<void> {
  await log.append(
    channel,
    Array.from({ length: to - from + 1 }, (_, index) => callStarted(from + index)),
  )
}

describe('the stream', () => {
  test('opens with its headers, the retry time and the position to come back with', async (t) => {
    const server = await startServer(t)
    await publish(server, 1, 3)
    const client = await listen(server)
    expect(client.response.statusCode).toBe(200)
    expect(client.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      'x-request-id': 'request-1',
      'transfer-encoding': 'chunked',
    })
    const [retry, opened] = client.frames
    expect(retry).toEqual({ retry: '3000' })
    expect(opened).toMatchObject({
      id: `${server.log.time}-3`,
      event: 'stream.opened',
      data: { code: 'ok', max_streams_per_workspace: 100, resumed: false },
    })
    expect(opened?.data?.connection_id).toMatch(/^[\w-]{8,}$/)
  })

  test('on an empty log gives a position before the first event', async (t) => {
    const server = await startServer(t)
    const client = await listen(server)
    const id = client.named('stream.opened')[0]?.id
    expect(id).toBe(`${server.log.time}-0`)
    client.cutTheWire()
    await publish(server, 1, 2)
    const again = await listen(server, '', { lastEventId: id ?? '' })
    await until(() => again.sequences.length === 2)
    expect(again.named('stream.opened')[0]?.data?.resumed).toBe(true)
    expect(again.named('stream.gap')).toEqual([])
  })

  test('carries each event with its id, type and data', async (t) => {
    const server = await startServer(t)
    const client = await listen(server)
    await publish(server, 1)
    await until(() => client.sequences.length === 1)
    expect(client.text).toContain(
      `id: ${server.log.time}-1\nevent: call.started\ndata: {"event_type":"call.started","call_sid":"CA`,
    )
  })

  test('is masked without pii:read, live and in replay', async (t) => {
    const server = await startServer(t)
    await publish(server, 1)
    const client = await listen(server, '?access_token=masked&since=1h')
    await publish(server, 2)
    await until(() => client.sequences.length === 2)
    expect(client.text).not.toContain('+15550100')
    expect(client.named('call.started').map(({ data }) => data?.caller_id)).toEqual(['[masked]', '[masked]'])
  })

  test('lets filters through and nothing else', async (t) => {
    const server = await startServer(t)
    const sid = (n: number) => `CA${String(n).padStart(32, '0')}`
    const either = await listen(server, `?call_sid=${sid(2)}&call_sid=${sid(3)}`)
    const both = await listen(server, `?call_sid=${sid(2)}&types=call.ended`)
    await publish(server, 1, 5)
    await server.log.append(channel, [
      { type: 'call.ended', event: { event_type: 'call.ended', call_sid: sid(2) } },
      { type: 'operator.wrap_up', event: { event_type: 'operator.wrap_up', call_sid: sid(9), wrap_up_reason: sid(2) } },
    ])
    await until(() => either.sequences.length === 3 && both.sequences.length === 1)
    await quiet()
    expect(either.sequences).toEqual([2, 3, 6])
    expect(both.sequences).toEqual([6])
  })

  test('answers HEAD with headers alone, and counts no stream', async (t) => {
    const server = await startServer(t)
    const client = await listen(server, '', { method: 'HEAD' })
    await until(() => client.ended)
    expect(client.response.headers['content-type']).toBe('text/event-stream')
    expect(client.text).toBe('')
    // The client may see the end first.
    await until(() => server.sessions.counts().workspace === 0)
    expect(server.sessions.counts()).toEqual({ workspace: 0, observer: 0 })
  })

  test('frees what it held when its client goes', async (t) => {
    const server = await startServer(t)
    const before = server.clock.timers
    const client = await listen(server)
    client.cutTheWire()
    await until(() => server.fanout.stats().cursors === 0)
    expect(server.sessions.counts().workspace).toBe(0)
    expect(server.clock.timers).toBe(before)
  })
})

describe('a subscriber that is cut off and comes back', () => {
  test('is given every event once, wherever it was cut, with 20 of them and appends going on', async (t) => {
    const server = await startServer(t)
    const total = 400
    let published = 0
    const publishing = (async () => {
      while (published < total) {
        const count = Math.min(total - published, 1 + Math.floor(Math.random() * 4))
        await publish(server, published + 1, published + count)
        published += count
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    })()
    const followers = oneTo(20).map(async () => {
      const seen: number[] = []
      let lastEventId: string | undefined = `${server.log.time}-0`
      let cuts = 0
      while (seen.at(-1) !== total) {
        const client: SseClient = await listen(server, '', { lastEventId, wait: false })
        const wanted = 1 + Math.floor(Math.random() * 80)
        await until(() => client.sequences.length >= wanted || client.sequences.at(-1) === total)
        client.cutTheWire()
        cuts += 1
        const events = client.frames.filter(({ event }) => event === 'call.started')
        seen.push(...events.map(({ id }) => Number(id?.split('-')[1])))
        lastEventId = events.at(-1)?.id ?? lastEventId
      }
      return { seen, cuts }
    })
    const results = await Promise.all(followers)
    await publishing
    for (const { seen } of results) expect(seen).toEqual(oneTo(total))
    expect(Math.max(...results.map(({ cuts }) => cuts))).toBeGreaterThan(3)
  })

  test('too late is told of the gap, then given what is left', async (t) => {
    const server = await startServer(t)
    await publish(server, 1, 10)
    server.log.drop(channel, 6)
    const requested = `${server.log.time}-2`
    const client = await listen(server, '', { lastEventId: requested })
    await until(() => client.sequences.length === 4)
    const [opened] = client.named('stream.opened')
    const [gap] = client.named('stream.gap')
    expect(opened).toMatchObject({ id: requested, data: { resumed: false } })
    expect(gap?.data).toEqual({
      code: 'history_truncated',
      requested,
      oldest: `${server.log.time}-7`,
      newest: `${server.log.time}-10`,
      state_url: `/v1/${WORKSPACE}/state`,
    })
    expect(client.sequences).toEqual([7, 8, 9, 10])
    // Who was told, and is cut off now, is not told again.
    const again = await listen(server, '', { lastEventId: gap?.id ?? '' })
    await until(() => again.sequences.length === 4)
    expect(again.named('stream.gap')).toEqual([])
    expect(server.counted).toEqual(['gap workspace'])
  })

  for (const lastEventId of ['1763788800000-999', '12-2', 'garbage', '1763788800000-5-5', 'x'.repeat(2000)]) {
    test(`with the position ${lastEventId.slice(0, 30)} is told that it is not known, and given all`, async (t) => {
      const server = await startServer(t)
      await publish(server, 1, 3)
      const client = await listen(server, '', { lastEventId })
      await until(() => client.sequences.length === 3)
      expect(client.named('stream.gap')[0]?.data?.code).toBe('unknown_position')
      expect(client.named('stream.gap')[0]?.id).toBe(`${server.log.time}-0`)
    })
  }

  test('is told of a damaged range', async (t) => {
    const server = await startServer(t)
    await publish(server, 1, 9)
    server.log.damage(channel, 4, 5)
    const client = await listen(server, '', { lastEventId: `${server.log.time}-1` })
    await until(() => client.sequences.at(-1) === 9)
    expect(client.sequences).toEqual([2, 3, 6, 7, 8, 9])
    expect(client.named('stream.gap')[0]?.data).toMatchObject({
      code: 'history_damaged',
      requested: `${server.log.time}-3`,
      damaged: { from: 4, to: 5 },
    })
  })

  test('gets a plain 400 for a position it typed into the address', async (t) => {
    const server = await startServer(t)
    const client = await listen(server, '?last_event_id=nonsense', { wait: false })
    await until(() => client.ended)
    expect(client.response.statusCode).toBe(400)
    expect(client.text).toContain('invalid_position')
  })
})

describe('silence', () => {
  test('is broken by a comment after the heartbeat, and only then', async (t) => {
    const server = await startServer(t)
    const client = await listen(server)
    server.clock.advance(HEARTBEAT_MS - 1000)
    await publish(server, 1)
    await until(() => client.sequences.length === 1)
    server.clock.advance(HEARTBEAT_MS - 1)
    await quiet()
    expect(client.text).not.toContain('heartbeat')
    server.clock.advance(1)
    await until(() => client.text.includes(': heartbeat'))
    expect(client.text).toContain(`: heartbeat ${Math.floor(server.clock.now() / 1000)}\n\n`)
    server.clock.advance(HEARTBEAT_MS)
    await until(() => client.text.split(': heartbeat').length === 3)
  })

  test('of a filtered stream carries the position past what did not pass, once', async (t) => {
    const server = await startServer(t)
    const client = await listen(server, '?types=call.ended')
    await publish(server, 1, 7)
    await quiet()
    server.clock.advance(HEARTBEAT_MS)
    await until(() => client.text.includes(': heartbeat'))
    expect(client.frames.at(-1)).toMatchObject({ id: `${server.log.time}-7` })
    server.clock.advance(HEARTBEAT_MS)
    await until(() => client.text.split(': heartbeat').length === 3)
    expect(client.frames.at(-1)?.id).toBeUndefined()
  })

  test('goes on being broken when the clock jumps', async (t) => {
    const server = await startServer(t)
    const client = await listen(server)
    server.clock.jump(-3_600_000)
    server.clock.advance(HEARTBEAT_MS)
    await until(() => client.text.includes(': heartbeat'))
  })
})

/** A client that opens a stream and does not read. */
async function stall(server: TestServer): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1')
  socket.write(`GET /v1/${WORKSPACE}/events/stream HTTP/1.1\r\nhost: test\r\n\r\n`)
  await once(socket, 'readable')
  socket.pause()
  return socket
}

describe('a subscriber that does not read', () => {
  test('is no burden, holds up nobody, and has everything when it reads again', async (t) => {
    const server = await startServer(t)
    const socket = await stall(server)
    const healthy = await listen(server)
    const filler = { caller_id: 'x'.repeat(20_000) }
    const total = 1200 // 24 MB, far above what kernels buffer
    for (let n = 1; n <= total; n += 20) {
      await server.log.append(
        channel,
        oneTo(20).map((k) => callStarted(n + k - 1, filler)),
      )
      await until(() => healthy.text.endsWith('\n\n') && healthy.text.includes(`-${n + 19}\n`))
    }
    expect(server.fanout.stats().cursorsFull).toBe(1)
    expect(server.fanout.stats().tailBytes).toBeLessThanOrEqual(limits.tailBytesMax + limits.writeBytesMax)
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (more: string) => {
      text += more
    })
    socket.resume()
    await until(() => text.endsWith('\n\n\r\n') && text.slice(-30_000).includes(`-${total}\n`), 20_000)
    const seen = [...text.matchAll(/id: \d+-(\d+)\nevent: call.started/g)].map(([, n]) => Number(n))
    expect(seen).toEqual(oneTo(total))
    socket.destroy()
  })

  test('is cut after a minute of taking nothing, and a slow one is not', async (t) => {
    const server = await startServer(t)
    const socket = await stall(server)
    const filler = { caller_id: 'x'.repeat(50_000) }
    for (let n = 1; server.fanout.stats().cursorsFull === 0; n += 10) {
      await server.log.append(
        channel,
        oneTo(10).map((k) => callStarted(n + k, filler)),
      )
      await new Promise((resolve) => setImmediate(resolve))
    }
    server.clock.advance(limits.stalledMsMax - 1)
    expect(server.sessions.counts().workspace).toBe(1)
    // It takes a little: the minute begins again.
    socket.resume()
    await new Promise((resolve) => setTimeout(resolve, 5))
    socket.pause()
    await quiet()
    const full = server.fanout.stats().cursorsFull
    server.clock.advance(limits.stalledMsMax / 2)
    expect(server.sessions.counts().workspace).toBe(1)
    if (full === 0) {
      for (let n = 1; server.fanout.stats().cursorsFull === 0; n += 10) {
        await server.log.append(
          channel,
          oneTo(10).map((k) => callStarted(n + k, filler)),
        )
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    server.clock.advance(limits.stalledMsMax * 2)
    await until(() => server.sessions.counts().workspace === 0)
    expect(server.counted).toContain('client_stalled')
    socket.destroy()
  })
})

describe('a full workspace', () => {
  test('says so in the stream and ends it, and has room again when one leaves', async (t) => {
    const server = await startServer(t, { maxStreamsPerWorkspace: 2 })
    const [first] = [await listen(server), await listen(server)]
    const third = await listen(server)
    await until(() => third.ended)
    expect(third.response.statusCode).toBe(200)
    expect(third.cut).toBe(false)
    const [error] = third.named('error')
    expect(error?.id).toBeUndefined()
    expect(error?.data).toMatchObject({ code: 'too_many_streams', max_streams: 2 })
    expect(error?.data?.message).toBeTypeOf('string')
    expect(server.counted).toEqual(['too_many_streams'])
    first.cutTheWire()
    await until(() => server.sessions.counts().workspace === 1)
    const fourth = await listen(server)
    expect(fourth.named('stream.opened')).toHaveLength(1)
  })
})

describe('a credential', () => {
  test('that is revoked ends its streams at once, and no others', async (t) => {
    const server = await startServer(t)
    const revoked = await listen(server, '?access_token=masked')
    const other = await listen(server)
    const before = performance.now()
    server.gate.revoke('masked')
    await publish(server, 1)
    await until(() => revoked.ended)
    expect(performance.now() - before).toBeLessThan(2000)
    expect(revoked.named('error')[0]).toMatchObject({ data: { code: 'credential_revoked' } })
    expect(revoked.sequences).toEqual([])
    expect(revoked.cut).toBe(false)
    await until(() => other.sequences.length === 1)
  })

  test('that expires ends its stream then, and not before', async (t) => {
    const server = await startServer(t)
    server.gate.principals.set('brief', principal('brief', permissionNames, server.clock.now() + 3000))
    const client = await listen(server, '?access_token=brief')
    server.clock.advance(2999)
    await quiet()
    expect(client.ended).toBe(false)
    server.clock.advance(1)
    await until(() => client.ended)
    expect(client.named('error')[0]).toMatchObject({ data: { code: 'credential_expired' } })
  })

  test('that is revoked cuts a client that does not read', async (t) => {
    const server = await startServer(t)
    const socket = await stall(server)
    for (let n = 1; server.fanout.stats().cursorsFull === 0; n += 10) {
      await server.log.append(
        channel,
        oneTo(10).map((k) => callStarted(n + k, { caller_id: 'x'.repeat(50_000) })),
      )
      await new Promise((resolve) => setImmediate(resolve))
    }
    server.gate.revoke('all')
    expect(server.fanout.stats().cursors).toBe(0)
    server.clock.advance(limits.goodbyeMsMax)
    socket.resume()
    await once(socket, 'close')
  })
})

describe('a server that goes away', () => {
  test('says so to each, spreads when they come back, and ends between frames', async (t) => {
    const server = await startServer(t)
    const clients = await Promise.all(oneTo(10).map(() => listen(server)))
    const drained = server.sessions.drain()
    await until(() => clients.every(({ ended }) => ended))
    await drained
    const retries = clients.map(({ frames }) => Number(frames.findLast(({ retry }) => retry !== undefined)?.retry))
    expect(new Set(retries).size).toBe(10)
    expect(Math.min(...retries)).toBeGreaterThanOrEqual(1000)
    for (const client of clients) {
      expect(client.named('error')[0]).toMatchObject({ data: { code: 'server_draining' } })
      expect(client.cut).toBe(false)
    }
    const late = await listen(server)
    expect(late.named('error')[0]).toMatchObject({ data: { code: 'server_draining' } })
  })

  test('does not wait for a client that does not read', async (t) => {
    const server = await startServer(t, { drainMs: 500 })
    const socket = await stall(server)
    for (let n = 1; server.fanout.stats().cursorsFull === 0; n += 10) {
      await server.log.append(
        channel,
        oneTo(10).map((k) => callStarted(n + k, { caller_id: 'x'.repeat(50_000) })),
      )
      await new Promise((resolve) => setImmediate(resolve))
    }
    const drained = server.sessions.drain()
    server.clock.advance(500)
    await drained
    socket.resume()
    await once(socket, 'close')
  })
})

test('a log that cannot be read ends the stream with a reason, inside the stream', async (t) => {
  const server = await startServer(t)
  await publish(server, 1, 3)
  server.log.failReads = new Error('disk gone')
  const client = await listen(server, '', { lastEventId: `${server.log.time}-1` })
  await until(() => client.ended)
  expect(client.response.statusCode).toBe(200)
  expect(client.named('error')[0]?.data?.code).toBe('stream_error')
})

test('the end of the process looks like a cut, not like an end', async (t) => {
  const server = await startServer(t)
  const client = await listen(server)
  server.http.closeAllConnections()
  await until(() => client.cut)
  expect(client.ended).toBe(false)
})
