import { once } from 'node:events'
import { limits } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { FIN, rawFrame as frame, type RawHeaders, type RawPeer, rawHandshake } from '../../testing/raw-websocket.js'
import { startServer, type TestServer, until, WORKSPACE } from './server.test-kit.js'

const SID = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'
const PATH = `/v1/${WORKSPACE}/observers/${SID}/ws`
const PROTOCOLS = { 'sec-websocket-protocol': 'auth, all' }

const handshake = (
  server: TestServer,
  headers: RawHeaders = {},
  { path = PATH, ...options }: { path?: string; method?: string; version?: string } = {},
): Promise<RawPeer> => rawHandshake(server.port, path, { ...PROTOCOLS, ...headers }, options)

async function open(server: TestServer): Promise<RawPeer> {
  server.calls.set(SID, {
    direction: 'inbound',
    callerId: null,
    serviceId: null,
    startedAt: null,
    endedAt: null,
    durationSeconds: null,
    completionReason: null,
    currentState: null,
  })
  const peer = await handshake(server)
  await until(() => peer.frames.length > 0)
  return peer
}

describe('a handshake', () => {
  test('is answered with exactly the subprotocol auth and never the token', async (t) => {
    const server = await startServer(t)
    const peer = await handshake(server)
    expect(peer.status).toBe(101)
    expect(peer.head.toLowerCase()).toContain('\r\nsec-websocket-protocol: auth')
    expect(peer.head).not.toMatch(/protocol: .*all/i)
    expect(peer.head.toLowerCase()).not.toContain('extensions')
    peer.socket.destroy()
  })

  test('of another version is told the one there is', async (t) => {
    const server = await startServer(t)
    const peer = await handshake(server, { 'sec-websocket-version': '12' })
    expect(peer.status).toBe(426)
    expect(peer.head.toLowerCase()).toContain('sec-websocket-version: 13')
    await until(() => peer.closed)
  })

  test.for([
    ['no key', { 'sec-websocket-key': undefined }, {}],
    ['a short key', { 'sec-websocket-key': 'c2hvcnQ=' }, {}],
    ['another protocol to upgrade to', { upgrade: 'h2c' }, {}],
    ['the method POST', {}, { method: 'POST' }],
    ['HTTP/1.0', {}, { version: '1.0' }],
    ['another path', {}, { path: `/v1/${WORKSPACE}/observers/${SID}` }],
    ['a broken percent escape', {}, { path: `/v1/${WORKSPACE}/observers/%zz/ws` }],
    ['a subprotocol twice', { 'sec-websocket-protocol': 'auth, auth' }, {}],
    ['a token of other characters', { 'sec-websocket-protocol': 'auth, a/b=' }, {}],
  ] as const)('with %s is refused with a 4xx', async ([, headers, options], t) => {
    const server = await startServer(t)
    const peer = await handshake(server, headers, options)
    expect(peer.status).toBeGreaterThanOrEqual(400)
    expect(peer.status).toBeLessThan(500)
    await until(() => peer.closed)
  })

  test('with too many bytes of headers is refused before anybody looks at it', async (t) => {
    const server = await startServer(t)
    const peer = await handshake(server, { padding: 'x'.repeat(20_000) })
    expect(peer.status).toBe(431)
  })
})

describe('an observer that talks', () => {
  test.for([
    ['a text message', [frame(FIN | 1, 'hello')], 4001, 'bad_request'],
    ['a binary message', [frame(FIN | 2, 'hello')], 4001, 'bad_request'],
    ['a message in fragments', [frame(1, 'he'), frame(FIN, 'llo')], 4001, 'bad_request'],
    ['a message that is not masked', [frame(FIN | 1, 'hello', { masked: false })], 1002, 'bad_request'],
    ['a reserved bit', [frame(FIN | 0x40 | 1, 'hello')], 1002, 'bad_request'],
    ['a reserved opcode', [frame(FIN | 3, 'hello')], 1002, 'bad_request'],
    ['a fragmented ping', [frame(9, 'hello')], 1002, 'bad_request'],
    ['a ping of 126 bytes', [frame(FIN | 9, 'x'.repeat(126))], 1002, 'bad_request'],
    ['a continuation of nothing', [frame(FIN, 'hello')], 1002, 'bad_request'],
    ['a message inside another', [frame(1, 'he'), frame(FIN | 1, 'llo')], 1002, 'bad_request'],
    ['text that is not UTF-8', [frame(FIN | 1, Buffer.from([0xff, 0xfe]))], 1007, 'bad_request'],
    ['a close with one byte', [frame(FIN | 8, 'x')], 1002, 'bad_request'],
    ['a close with a code nobody may send', [frame(FIN | 8, Buffer.from([0x03, 0xed]))], 1002, 'bad_request'],
    ['a message above the limit', [frame(FIN | 1, 'x'.repeat(limits.clientFrameBytesMax + 1))], 1009, 'frame_too_big'],
    ['endless empty fragments', [frame(1), ...Array.from({ length: 100 }, () => frame(0))], 1008, 'bad_request'],
  ] as const)('with %s is closed with a code and a reason', async ([, frames, code, reason], t) => {
    const server = await startServer(t)
    const peer = await open(server)
    peer.socket.write(Buffer.concat([...frames]))
    await until(() => peer.close !== undefined)
    expect(peer.close?.code).toBe(code)
    expect(peer.close?.reason).toMatch(new RegExp(`^${reason}`))
    // Nothing follows a close frame, and a peer that does not answer it is cut.
    expect(server.fanout.stats().cursors).toBe(0)
    expect(peer.frames.at(-1)?.opcode).toBe(8)
    server.clock.advance(limits.goodbyeMsMax)
    await until(() => peer.closed && server.sessions.counts().observer === 0)
  })

  test('with a declared length far above the limit is closed before the bytes come', async (t) => {
    const server = await startServer(t)
    const peer = await open(server)
    peer.socket.write(Buffer.from([FIN | 1, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]))
    await until(() => peer.close !== undefined)
    expect(peer.close?.code).toBe(1009)
    peer.socket.destroy()
  })

  test('with a ping is answered with the same bytes', async (t) => {
    const server = await startServer(t)
    const peer = await open(server)
    peer.socket.write(frame(FIN | 9, 'are you there'))
    await until(() => peer.frames.some(({ opcode }) => opcode === 10))
    expect(peer.frames.find(({ opcode }) => opcode === 10)?.payload.toString()).toBe('are you there')
    peer.socket.destroy()
  })

  test('with a close is answered with one, and the connection ends', async (t) => {
    const server = await startServer(t)
    const peer = await open(server)
    peer.socket.write(frame(FIN | 8, Buffer.from([0x03, 0xe8])))
    await until(() => peer.closed)
    expect(peer.close?.code).toBe(1000)
    expect(peer.frames.filter(({ opcode }) => opcode === 8)).toHaveLength(1)
    expect(server.sessions.counts().observer).toBe(0)
  })

  test('that does not answer a close is cut', async (t) => {
    const server = await startServer(t)
    const peer = await open(server)
    server.gate.revoke('all')
    await until(() => peer.close !== undefined)
    expect(peer.closed).toBe(false)
    server.clock.advance(limits.goodbyeMsMax)
    await until(() => peer.closed)
  })

  test('before anybody knows who it is ends the connection as well', async (t) => {
    const server = await startServer(t)
    let letIn: () => void = () => {}
    const authenticate = server.gate.authenticate.bind(server.gate)
    server.gate.authenticate = async (credential) => {
      await new Promise<void>((resolve) => {
        letIn = resolve
      })
      return authenticate(credential)
    }
    const peer = await handshake(server)
    peer.socket.write(frame(FIN | 1, 'hello'))
    await until(() => peer.close !== undefined)
    expect(peer.close?.code).toBe(4001)
    letIn()
    server.clock.advance(limits.goodbyeMsMax)
    if (!peer.closed) await once(peer.socket, 'close')
    expect(server.sessions.counts().observer).toBe(0)
  })

  test('in a flood of pings without reading the answers is not given memory for them', async (t) => {
    const server = await startServer(t)
    const peer = await open(server)
    peer.socket.pause()
    const flood = Buffer.concat(Array.from({ length: 2000 }, () => frame(FIN | 9, 'x'.repeat(125))))
    const before = process.memoryUsage().rss
    for (let n = 0; n < 40; n++) {
      if (!peer.socket.write(flood))
        await Promise.race([once(peer.socket, 'drain'), new Promise((resolve) => setTimeout(resolve, 200))])
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024)
    peer.socket.destroy()
    await until(() => server.sessions.counts().observer === 0)
  })
})
