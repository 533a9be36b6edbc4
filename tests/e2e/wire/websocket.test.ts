import { describe, expect, onTestFinished, test } from 'vitest'
import {
  FIN,
  rawFrame as frame,
  type RawHeaders,
  type RawPeer,
  rawHandshake,
} from '../../../packages/server/testing/raw-websocket.js'
import { longestWait, risenBy } from '../../attacker.js'
import { until } from '../../kit.js'
import { newCall, Place, sample, serverOfFile, Watching } from './outside.js'

const server = serverOfFile()

/** RFC 6455, section 5.5: a control frame has no more. */
const CONTROL_BYTES_MAX = 125
const RISEN_MIB_MAX = 64
/** Who closes is answered, and the connection ends, within this. */
const GOODBYE_MS = 1000

interface Observed {
  readonly place: Place
  readonly call: string
  readonly path: string
  readonly token: string
}

async function observed(): Promise<Observed> {
  const place = await Place.make(server())
  const call = newCall()
  await place.say(sample.started(call))
  return { place, call, path: place.path(`/observers/${call}/ws`), token: await place.token(['calls:observe']) }
}

async function handshake(
  path: string,
  headers: RawHeaders,
  options?: { method?: string; version?: string; behind?: Buffer },
): Promise<RawPeer> {
  const peer = await rawHandshake(server().port, path, headers, options)
  onTestFinished(() => {
    peer.socket.destroy()
  })
  return peer
}

/** An observer that has been let in. */
async function open(): Promise<RawPeer & { readonly observed: Observed }> {
  const it = await observed()
  const peer = await handshake(it.path, { 'sec-websocket-protocol': `auth, ${it.token}` })
  await until('session_info', () => peer.frames.length > 0 || undefined)
  return Object.assign(peer, { observed: it })
}

const closeWith = (code: number, more = ''): Buffer =>
  frame(FIN | 8, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(more)]))

describe('a handshake (RFC 6455, section 4.2)', () => {
  test.each<[string, RawHeaders, { method?: string; version?: string }, number]>([
    ['without a key', { 'sec-websocket-key': undefined }, {}, 400],
    ['with a short key', { 'sec-websocket-key': 'c2hvcnQ=' }, {}, 400],
    ['with a key that is no base64', { 'sec-websocket-key': '!!!!!!!!!!!!!!!!!!!!!!==' }, {}, 400],
    ['with two keys', { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==\ndGhlIHNhbXBsZSBub25jZQ==' }, {}, 400],
    ['of version 12', { 'sec-websocket-version': '12' }, {}, 426],
    ['of version 14', { 'sec-websocket-version': '14' }, {}, 426],
    ['without a version', { 'sec-websocket-version': undefined }, {}, 426],
    // A request like any other, which lacks a credential in its headers.
    ['without Upgrade', { upgrade: undefined, connection: 'close' }, {}, 401],
    ['for another protocol', { upgrade: 'h2c' }, {}, 401],
    ['by POST', { 'content-length': '0' }, { method: 'POST' }, 405],
    ['over HTTP/1.0', {}, { version: '1.0' }, 400],
    ['without Host', { host: undefined }, {}, 400],
    ['with two hosts', { host: 'a\nb' }, {}, 400],
  ])('%s is refused before it is one', async (_, headers, options, status) => {
    const { path, token } = await observed()
    const peer = await handshake(path, { 'sec-websocket-protocol': `auth, ${token}`, ...headers }, options)
    expect(peer.status).toBe(status)
    if (status === 426) expect(peer.head.toLowerCase()).toContain('sec-websocket-version: 13')
    expect(peer.head).not.toContain(token)
    // What was a plain request may be followed by another.
    if (status !== 401) await until('the end', () => peer.closed || undefined)
  })

  test('is answered with the key’s own answer, the subprotocol auth, no extension and never the token', async () => {
    const { path, token } = await observed()
    const offers = 'permessage-deflate; client_max_window_bits, x-webkit-deflate-frame'
    const peer = await handshake(path, {
      'sec-websocket-protocol': `auth, ${token}`,
      'sec-websocket-extensions': offers,
    })
    expect(peer.status).toBe(101)
    const head = peer.head.toLowerCase().split('\r\n')
    expect(head).toContain('upgrade: websocket')
    // Of the key that the RFC itself takes as its example.
    expect(peer.head).toContain('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
    expect(head.filter((line) => line.startsWith('sec-websocket-protocol'))).toEqual(['sec-websocket-protocol: auth'])
    expect(head.some((line) => line.startsWith('sec-websocket-extensions'))).toBe(false)
    expect(peer.head).not.toContain(token)
  })

  test('is told apart whatever case and lists its headers are written in', async () => {
    const { path, token } = await observed()
    const peer = await handshake(path, {
      connection: 'keep-alive, UPGRADE',
      upgrade: 'WebSocket',
      'sec-websocket-protocol': `auth,${token}`,
    })
    expect(peer.status).toBe(101)
    await until('session_info', () => peer.frames.length > 0 || undefined)
  })

  // What is a handshake is answered with 101 even to be refused: an HTTP refusal looks like a network fault to clients.
  test.each<[string, (token: string) => string, number]>([
    ['the token first', (token) => `${token}, auth`, 101],
    ['only auth', () => 'auth', 101],
    ['only the token', (token) => token, 101],
    ['three values', (token) => `auth, ${token}, x`, 101],
    ['two headers that make three values', (token) => `auth\n${token}, x`, 101],
    ['a token that was never given', () => 'auth, abc.def.ghi', 101],
    ['AUTH in capitals', (token) => `AUTH, ${token}`, 101],
    ['a token of 8 KiB', () => `auth, ${'x'.repeat(8192)}`, 101],
    ['an empty token', () => 'auth, ', 400],
    ['an empty value', (token) => `auth, , ${token}`, 400],
    ['a token twice', (token) => `auth, ${token}, ${token}`, 400],
    ['base64 with / and =', () => 'auth, YWJj/2Rl+w==', 400],
    ['a quoted token', (token) => `auth, "${token}"`, 400],
  ])('with %s opens nothing', async (_, protocols, status) => {
    const { path, token } = await observed()
    const peer = await handshake(path, { 'sec-websocket-protocol': protocols(token) })
    expect(peer.status).toBe(status)
    for (const secret of [token, 'xxxxxxxx', 'YWJj']) expect(peer.head).not.toContain(secret)
    if (status === 101) {
      await until('a close', () => peer.close)
      expect(peer.close).toMatchObject({ code: 4403, reason: expect.stringMatching(/^unauthenticated/) })
      expect(peer.close?.reason).not.toContain(token)
      expect(peer.frames).toHaveLength(1)
      peer.socket.write(closeWith(4403))
    }
    await until('the end', () => peer.closed || undefined)
  })

  test('in two headers that make one list is one list', async () => {
    const { path, token } = await observed()
    const peer = await handshake(path, { 'sec-websocket-protocol': `auth\n${token}` })
    expect(peer.status).toBe(101)
    await until('session_info', () => peer.frames.length > 0 || undefined)
    expect(peer.close).toBeUndefined()
  })

  test('that comes with its first frames in one piece is answered all the same', async () => {
    const { path, token } = await observed()
    const behind = frame(FIN | 9, 'early')
    const peer = await handshake(path, { 'sec-websocket-protocol': `auth, ${token}` }, { behind })
    expect(peer.status).toBe(101)
    await until('a pong', () => peer.frames.some(({ opcode }) => opcode === 10) || undefined)
  })
})

const bytes = (...values: number[]): Buffer => Buffer.from(values)
/** A masked frame's head with a length in 64 bits, and none of its bytes. */
const declared = (first: number, ...length: number[]): Buffer => bytes(first, 0xff, ...length, 0, 0, 0, 0)

describe('frames (RFC 6455, sections 5 to 8)', () => {
  const cases: readonly (readonly [string, readonly Buffer[], number, string])[] = [
    ['an unmasked frame', [frame(FIN | 1, 'hello', { masked: false })], 1002, 'bad_request'],
    ['an unmasked ping', [frame(FIN | 9, 'hello', { masked: false })], 1002, 'bad_request'],
    ...[0x40, 0x20, 0x10].map(
      (bit) => [`the reserved bit ${bit}`, [frame(FIN | bit | 1, 'x')], 1002, 'bad_request'] as const,
    ),
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(
      (opcode) => [`the opcode ${opcode}`, [frame(FIN | opcode, 'x')], 1002, 'bad_request'] as const,
    ),
    ...[8, 9, 10].map(
      (opcode) => [`a fragmented control frame ${opcode}`, [frame(opcode)], 1002, 'bad_request'] as const,
    ),
    ...[8, 9, 10].map(
      (opcode) =>
        [
          `a control frame ${opcode} of ${CONTROL_BYTES_MAX + 1} bytes`,
          [frame(FIN | opcode, 'x'.repeat(CONTROL_BYTES_MAX + 1))],
          1002,
          'bad_request',
        ] as const,
    ),
    ['a continuation of nothing', [frame(FIN, 'x')], 1002, 'bad_request'],
    ['a continuation of nothing, not the last', [frame(0, 'x')], 1002, 'bad_request'],
    ['a message inside another', [frame(1, 'he'), frame(FIN | 1, 'llo')], 1002, 'bad_request'],
    ['a binary message inside another', [frame(1, 'he'), frame(FIN | 2, 'llo')], 1002, 'bad_request'],
    ['text that is not UTF-8', [frame(FIN | 1, bytes(0xff))], 1007, 'bad_request'],
    ['text with a surrogate', [frame(FIN | 1, bytes(0xed, 0xa0, 0x80))], 1007, 'bad_request'],
    ['text that ends within a character', [frame(FIN | 1, bytes(0xe2, 0x82))], 1007, 'bad_request'],
    ['fragments that are not UTF-8 together', [frame(1, bytes(0xce)), frame(FIN, bytes(0x20))], 1007, 'bad_request'],
    // A character may be cut by fragments: together they are text, and text is what is not wanted.
    ['a character in two fragments', [frame(1, bytes(0xce)), frame(FIN, bytes(0xba))], 4001, 'bad_request'],
    ['a ping within a message', [frame(1, 'he'), frame(FIN | 9, 'p'), frame(FIN, 'llo')], 4001, 'bad_request'],
    ['an empty text', [frame(FIN | 1)], 4001, 'bad_request'],
    ['an empty binary message', [frame(FIN | 2)], 4001, 'bad_request'],
    // The RFC names no code for a length that cannot be; the library calls it too big.
    ['a length with the highest bit', [declared(FIN | 1, 0x80, 0, 0, 0, 0, 0, 0, 0)], 1009, 'frame_too_big'],
    ['a length of 2^53', [declared(FIN | 1, 0, 0x20, 0, 0, 0, 0, 0, 0)], 1009, 'frame_too_big'],
    [
      'a length one above the limit, before it comes',
      [declared(FIN | 1, 0, 0, 0, 0, 0, 0, 0x10, 1)],
      1009,
      'frame_too_big',
    ],
    [
      'fragments that are too long together',
      [frame(1, 'x'.repeat(4000)), frame(FIN, 'x'.repeat(97))],
      1009,
      'frame_too_big',
    ],
    ['a close of one byte', [frame(FIN | 8, 'x')], 1002, 'bad_request'],
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map(
      (code) => [`a close with the code ${code}`, [closeWith(code)], 1002, 'bad_request'] as const,
    ),
    [
      'a close with a reason that is not UTF-8',
      [Buffer.concat([frame(FIN | 8, bytes(3, 232, 0xff))])],
      1007,
      'bad_request',
    ],
  ]

  test.each(cases)('%s is answered with a close, and with nothing else', async (name, frames, code, reason) => {
    const peer = await open()
    for (const each of frames) peer.socket.write(each)
    await until(`a close after ${name}`, () => peer.close)
    expect(peer.close).toEqual({ code, reason: expect.stringMatching(new RegExp(`^${reason}`)) })
    expect(peer.frames.filter(({ opcode }) => opcode === 8)).toHaveLength(1)
    expect(peer.frames.at(-1)?.opcode).toBe(8)
    // The server never masks, and sends whole messages without extensions.
    for (const { first, masked } of peer.frames) expect([first & 0x70, first & FIN, masked]).toEqual([0, FIN, false])
    peer.socket.write(closeWith(code))
    await until('the end', () => peer.closed || undefined)
  })

  test.each([1000, 1001, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999])(
    'a close with the code %i is answered once with the same, and the connection ends within a second',
    async (code) => {
      const peer = await open()
      const sent = performance.now()
      // What comes behind a close is not looked at.
      peer.socket.write(
        Buffer.concat([closeWith(code, 'bye'), frame(FIN | 1, 'more'), frame(FIN | 9, 'p'), bytes(255, 255)]),
      )
      await until('the end', () => peer.closed || undefined)
      expect(performance.now() - sent).toBeLessThan(GOODBYE_MS)
      expect(peer.close?.code).toBe(code)
      expect(peer.frames.map(({ opcode }) => opcode)).toEqual([1, 8])
    },
  )

  test('a close without a code is answered without one', async () => {
    const peer = await open()
    peer.socket.write(frame(FIN | 8))
    await until('the end', () => peer.closed || undefined)
    expect(peer.frames.at(-1)).toMatchObject({ opcode: 8 })
    expect([0, 2]).toContain(peer.frames.at(-1)?.payload.length)
  })

  test('a ping is answered with its own bytes, in order, however its bytes arrive; a pong nobody asked for is not', async () => {
    const peer = await open()
    const bodies = ['', 'a', 'x'.repeat(CONTROL_BYTES_MAX), '\xff\xfe']
    const sent = Buffer.concat([
      frame(FIN | 10, 'unasked'),
      ...bodies.map((body) => frame(FIN | 9, Buffer.from(body, 'latin1'))),
    ])
    const at = performance.now()
    for (const byte of sent) peer.socket.write(Buffer.of(byte))
    const pongs = () =>
      peer.frames.filter(({ opcode }) => opcode === 10).map(({ payload }) => payload.toString('latin1'))
    await until('the pongs', () => pongs().length === bodies.length || undefined)
    expect(pongs()).toEqual(bodies)
    expect(performance.now() - at).toBeLessThan(GOODBYE_MS)
    expect(peer.close).toBeUndefined()
  })

  test('what an observer says reaches nobody', async () => {
    const peer = await open()
    const { place, call } = peer.observed
    const other = await Watching.open(place, call)
    await other.first('session_info')
    peer.socket.write(frame(FIN | 1, '{"type":"user_transcript","transcript":"CANARY"}'))
    await until('a close', () => peer.close)
    expect(peer.close?.code).toBe(4001)
    await place.say(sample.userSaid('heard'), call)
    await other.first('user_transcript')
    expect(JSON.stringify(other.messages)).not.toContain('CANARY')
    const { json } = await place.ask('GET', `/calls/${call}/events`)
    expect(JSON.stringify(json)).not.toContain('CANARY')
  })
})

test.each<[string, () => Buffer, number]>([
  ['empty fragments', () => frame(0), 100_000],
  ['fragments of one byte', () => frame(0, 'x'), 100_000],
  ['pings', () => frame(FIN | 9, 'x'.repeat(CONTROL_BYTES_MAX)), 50_000],
  ['pongs', () => frame(FIN | 10, 'x'.repeat(CONTROL_BYTES_MAX)), 50_000],
])('a flood of %s costs no memory, and nobody else notices', async (name, make, times) => {
  const peer = await open()
  const isFragments = name.includes('fragments')
  if (isFragments) peer.socket.write(frame(1, 'x'))
  // Nor does it read what it is answered.
  if (name === 'pings') peer.socket.pause()
  const piece = Buffer.concat(Array.from({ length: 1000 }, make))
  let wait = 0
  const risen = await risenBy(server(), async () => {
    wait = await longestWait(server(), async () => {
      for (let sent = 0; sent < times && !peer.closed; sent += 1000) {
        if (peer.socket.write(piece)) continue
        // A reader that reads nothing is not given the answers: its bytes are taken all the same, or its turn ends.
        await until('room', () => peer.closed || peer.socket.writableLength === 0 || undefined, 5000).catch(() => {
          sent = times
        })
      }
      if (isFragments) await until('the end', () => peer.close ?? (peer.closed || undefined))
      if (name !== 'pongs') return
      peer.socket.write(frame(FIN | 9, 'last'))
      await until('all to be read', () => peer.frames.some(({ payload }) => String(payload) === 'last') || undefined)
    })
  })
  if (isFragments && peer.close !== undefined) expect(peer.close.code).toBe(1008)
  expect(risen).toBeLessThan(RISEN_MIB_MAX)
  expect(wait).toBeLessThan(GOODBYE_MS)
})
