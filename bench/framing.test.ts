import { expect, test } from 'vitest'
import { Chunks, clientFrame, Messages, PING, PONG, type Take } from './framing.js'

interface Pushed {
  push(bytes: Buffer, from: number, to: number): void
}

/** What is taken of bytes that come in two pieces, for every place where they can be cut, and byte by byte. */
function takenOf(make: (take: Take) => Pushed, bytes: Buffer): string[] {
  const cuts = Array.from({ length: bytes.length + 1 }, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)])
  return [...cuts, [...bytes].map((byte) => Buffer.from([byte]))].map((pieces) => {
    let taken = ''
    const framing = make((piece, from, to) => {
      taken += piece.toString('latin1', from, to)
    })
    // A piece stands somewhere in a buffer that is used again and again.
    for (const piece of pieces) framing.push(Buffer.concat([Buffer.from('??'), piece]), 2, piece.length + 2)
    return taken
  })
}

test('chunks are put together, however they are cut', () => {
  const bytes = Buffer.from('5\r\nhello\r\n1;name=value\r\n \r\n00A\r\nwonderful!\r\n0\r\n\r\n')
  expect(new Set(takenOf((take) => new Chunks(take), bytes))).toEqual(new Set(['hello wonderful!']))
})

test('a chunk that holds what looks like the head of another is taken whole', () => {
  const bytes = Buffer.from('9\r\n\r\n5\r\nabcd\r\n10\r\n0123456789abcdef\r\n')
  expect(new Set(takenOf((take) => new Chunks(take), bytes))).toEqual(new Set(['\r\n5\r\nabcd0123456789abcdef']))
})

function serverFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  if (length < 126) return Buffer.concat([Buffer.from([0x80 | opcode, length]), payload])
  if (length < 65_536) return Buffer.concat([Buffer.from([0x80 | opcode, 126, length >> 8, length & 255]), payload])
  const head = Buffer.alloc(10)
  head[0] = 0x80 | opcode
  head[1] = 127
  head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, payload])
}

test('messages of every length are taken, and control frames between them are not', () => {
  const texts = ['', 'a', 'b'.repeat(125), 'c'.repeat(126), 'd'.repeat(300)]
  const frames = texts.map((text) => serverFrame(1, Buffer.from(text)))
  const bytes = Buffer.concat(frames.flatMap((frame) => [frame, serverFrame(PING, Buffer.from('are you there'))]))
  const heard: string[] = []
  const taken = takenOf(
    (take) => new Messages(take, (opcode, payload) => heard.push(`${opcode} ${Buffer.from(payload)}`)),
    bytes,
  )
  expect(new Set(taken)).toEqual(new Set([texts.join('')]))
  expect(new Set(heard)).toEqual(new Set([`${PING} are you there`]))
  expect(heard).toHaveLength(texts.length * taken.length)
})

test('a message of more than 64 KiB is taken', () => {
  const text = 'e'.repeat(70_000)
  let taken = ''
  const messages = new Messages(
    (bytes, from, to) => {
      taken += bytes.toString('latin1', from, to)
    },
    () => {},
  )
  const bytes = serverFrame(2, Buffer.from(text))
  for (let at = 0; at < bytes.length; at += 1_000) messages.push(bytes, at, Math.min(bytes.length, at + 1_000))
  expect(taken).toBe(text)
})

test('a pong says what the ping said, masked', () => {
  expect(clientFrame(PONG, Buffer.from('hi'))).toEqual(Buffer.from([0x8a, 0x82, 0, 0, 0, 0, 0x68, 0x69]))
})
