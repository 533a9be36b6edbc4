import { once } from 'node:events'
import {
  type ClientHttp2Session,
  constants,
  createServer as createHttp2Server,
  connect as http2Connect,
} from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { builtinCatalogue, limits } from '@switchboard/contract'
import { expect, type TestContext, test } from 'vitest'
import { callStarted } from '../fanout/memory-log.test-kit.js'
import { noMeter } from '../meter.js'
import { HEARTBEAT_MS, startServer, type TestServer, until, WORKSPACE } from './server.test-kit.js'
import { serveWorkspaceStream, streamView } from './sse.js'
import { streamHeaders } from './sse-frames.js'
import { responseOutlet } from './sse-socket.js'

/** More than an HTTP/2 client is sent ahead of what it takes: some of it must have been sent meanwhile. */
const TAKEN_BYTES = 65_536

const channel = { workspace: WORKSPACE }
const oneTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1)

async function publish({ log }: TestServer, from: number, to = from): Promise<void> {
  await log.append(
    channel,
    Array.from({ length: to - from + 1 }, (_, index) => callStarted(from + index)),
  )
}

test('an HTTP/1.0 client is served too, without chunks', async (t) => {
  const server = await startServer(t)
  const socket = connect(server.port, '127.0.0.1')
  let text = ''
  socket.setEncoding('utf8').on('data', (more: string) => {
    text += more
  })
  socket.write(`GET /v1/${WORKSPACE}/events/stream HTTP/1.0\r\n\r\n`)
  await until(() => text.includes('stream.opened'))
  await publish(server, 1, 2)
  await until(() => text.includes('-2\n'))
  expect(text.toLowerCase()).not.toContain('transfer-encoding')
  expect(text).toMatch(/\r\n\r\nretry: 3000\n\nid: /)
  socket.destroy()
})

test('a second request on the same connection waits its turn and is served whole', async (t) => {
  const server = await startServer(t)
  const socket = connect(server.port, '127.0.0.1')
  let text = ''
  socket.setEncoding('utf8').on('data', (more: string) => {
    text += more
  })
  const ask = `GET /v1/${WORKSPACE}/events/stream HTTP/1.1\r\nhost: test\r\n\r\n`
  socket.write(ask + ask)
  await until(() => server.sessions.counts().workspace === 2)
  await publish(server, 1)
  await until(() => text.includes('-1\n'))
  // Only the first is heard; when it ends, the second follows on the same connection.
  expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(1)
  socket.destroy()
  await until(() => server.sessions.counts().workspace === 0)
})

/** An HTTP/2 connection to the same parts as the server's. */
async function openHttp2(t: TestContext, server: TestServer): Promise<ClientHttp2Session> {
  const { log, fanout, sessions, clock, gate } = server
  const http2 = createHttp2Server((_, res) => {
    const who = gate.principals.get('all')
    if (who === undefined) throw new Error('unreachable')
    const dependencies = {
      log,
      fanout,
      sessions,
      clock,
      catalogue: builtinCatalogue,
      meter: { ...noMeter, refused: (code: string) => void server.counted.push(code) },
      config: { heartbeatMs: HEARTBEAT_MS },
    }
    const request = { workspace: WORKSPACE, principal: who, start: { kind: 'all' as const }, view: {} }
    // Node's compatibility classes are made to stand in for HTTP/1's.
    serveWorkspaceStream(
      dependencies,
      request,
      streamView(dependencies, request),
      responseOutlet(res as never, streamHeaders),
    )
  })
  http2.listen(0, '127.0.0.1')
  await once(http2, 'listening')
  const session = http2Connect(`http://127.0.0.1:${(http2.address() as AddressInfo).port}`)
  t.onTestFinished(() => {
    session.destroy()
    http2.close()
  })
  return session
}

test('HTTP/2 clients are served the same', async (t) => {
  const server = await startServer(t)
  const { log, sessions } = server
  const session = await openHttp2(t, server)
  for (let n = 1; n <= 600; n += 20) {
    await log.append(
      channel,
      oneTo(20).map((k) => callStarted(n + k - 1, { caller_id: 'x'.repeat(2000) })),
    )
  }
  const stream = session.request({ ':path': '/' })
  let text = ''
  stream.setEncoding('utf8').on('data', (more: string) => {
    text += more
  })
  const [headers] = await once(stream, 'response')
  expect(headers['content-type']).toBe('text/event-stream')
  await until(() => text.includes('-600\n'))
  await publish(server, 601)
  await until(() => text.includes('-601\n'))
  const seen = [...text.matchAll(/id: \d+-(\d+)\nevent: call.started/g)].map(([, n]) => Number(n))
  expect(seen).toEqual(oneTo(601))
  server.gate.revoke('all')
  await once(stream, 'end')
  expect(text).toContain('credential_revoked')
  await until(() => sessions.counts().workspace === 0)
})

test('an HTTP/2 stream that takes nothing is reset after a minute, and one that takes a little is not', async (t) => {
  const server = await startServer(t)
  const { log, sessions, fanout, clock } = server
  const session = await openHttp2(t, server)
  const stream = session.request({ ':path': '/' })
  stream.on('error', () => {})
  let [bytes, enough] = [0, 0]
  const take = async (atLeast: number): Promise<void> => {
    enough = bytes + atLeast
    stream.resume()
    await until(() => stream.isPaused())
  }
  stream.on('data', (more: Buffer) => {
    bytes += more.length
    if (bytes >= enough) stream.pause()
  })
  await take(1)
  // As many as make one write of the largest size.
  await log.append(
    channel,
    oneTo(21).map((n) => callStarted(n, { caller_id: 'x'.repeat(12_000) })),
  )
  await until(() => fanout.stats().cursorsFull === 1)
  for (let minutes = 0; minutes < 2; minutes++) {
    clock.advance(limits.stalledMsMax - 1)
    expect(sessions.counts().workspace).toBe(1)
    await take(TAKEN_BYTES)
  }
  expect(fanout.stats().cursorsFull).toBe(1)
  clock.advance(limits.stalledMsMax * 2)
  await until(() => sessions.counts().workspace === 0)
  expect(server.counted).toContain('client_stalled')
  await until(() => stream.destroyed)
  expect(stream.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR)
})

test('an HTTP/2 stream that is taken away before it begins leaves nothing behind', async (t) => {
  const server = await startServer(t)
  const session = await openHttp2(t, server)
  for (let count = 0; count < 50; count++) {
    session
      .request({ ':path': '/' })
      .on('error', () => {})
      .close(constants.NGHTTP2_CANCEL)
  }
  const stream = session.request({ ':path': '/' })
  stream.resume()
  await once(stream, 'response')
  await until(() => server.sessions.counts().workspace === 1)
})
