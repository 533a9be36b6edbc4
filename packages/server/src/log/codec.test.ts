import { expect, test } from 'vitest'
import { decodeBlock, encodeBlocks } from './codec.js'
import { channelKey } from './keys.js'
import { sealInPlace } from './seal.js'

const event = { event_type: 'a.b', n: 1 }
const json = JSON.stringify(event)
const entries = [3, 4, 9].map((sequence) => ({
  position: { time: 1000 + sequence, sequence },
  type: 'a.b',
  event,
  json,
}))

function stored(): { key: Buffer; value: Buffer } {
  const [block] = encodeBlocks(channelKey({ workspace: 'w' }), 'workspace', 2, entries)
  if (block === undefined) throw new Error('nothing was encoded')
  return block
}

test('a block is read back as it was stored', () => {
  const { key, value } = stored()
  const block = decodeBlock(key, value)
  expect([...(block?.entries() ?? [])].map(({ position, type, event }) => ({ position, type, event }))).toEqual(
    entries.map(({ position, type, event }) => ({ position, type, event })),
  )
})

test.each<[string, (value: Buffer) => Buffer]>([
  ['no entries', (value) => put(value, 8, 0)],
  ['more entries than it has room for', (value) => put(value, 8, 2 ** 32 - 1)],
  [
    'entries that go on behind its end',
    (value) => {
      const entries = Buffer.concat([value.subarray(0, value.readUInt32LE(12)), Buffer.alloc(28)])
      return put(put(entries, 8, 2 ** 32 - 1), 12, entries.length)
    },
  ],
  ['frames that begin behind its end', (value) => put(value, 12, value.length + 1)],
  ['frames that begin before its entries', (value) => put(value, 12, 32)],
  ['more types than it has', (value) => Buffer.from(value.fill(255, 6, 8))],
  ['an entry of a type that it has not', (value) => Buffer.from(value.fill(255, 36, 38))],
  ['frames that are not all there', (value) => Buffer.from(value.subarray(0, -1))],
  ['more behind its frames', (value) => Buffer.concat([value, Buffer.from('x')])],
])('a block with a checksum that fits and %s is not read, and nothing is thrown', (_, change) => {
  const { key, value } = stored()
  expect(decodeBlock(key, sealInPlace(key, change(value)))).toBeUndefined()
})

function put(value: Buffer, at: number, number: number): Buffer {
  value.writeUInt32LE(number, at)
  return value
}
