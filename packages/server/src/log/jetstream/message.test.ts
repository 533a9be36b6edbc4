import type { JsonObject } from '@switchboard/contract'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type AppendMessage,
  decodeMessage,
  encodeAppend,
  encodeCarry,
  encodeErase,
  encodeParts,
  encodeRetain,
} from './message.js'
import { channelFilter, channelSubject, partitionOf } from './names.js'
import { Parts } from './parts.js'

const id = fc.string({ unit: 'grapheme', maxLength: 20 })
const channel = fc.record({ workspace: id, call: id }, { requiredKeys: ['workspace'] })
const idempotency = fc.record({ key: id, fingerprint: id })
const events = fc.array(
  fc
    .tuple(
      fc.constantFrom('a', 'call.started', 'b.c.d'),
      fc.object({ maxDepth: 2 }),
      fc.option(idempotency, { nil: undefined }),
    )
    .map(([type, fields, own]) => {
      const json = JSON.stringify({ event_type: type, ...fields })
      return { type, json, event: JSON.parse(json), idempotency: own }
    }),
  { maxLength: 8 },
)
const append = fc
  .record({
    channel,
    events,
    request: fc.option(idempotency, { nil: undefined }),
    moved: fc.option(fc.record({ first: fc.nat(), after: fc.maxSafeNat() }), { nil: undefined }),
  })
  .map(({ moved, ...rest }) => ({
    ...rest,
    moved: moved && { times: rest.events.map((_, index) => moved.first + index), after: moved.after },
  }))
const row = fc.oneof(
  fc.record({
    kind: fc.constant('record' as const),
    projection: id,
    key: id,
    record: fc.option(fc.object().map(plain), { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant('key' as const),
    call: fc.option(id, { nil: undefined }),
    scope: fc.constantFrom('request' as const, 'event' as const),
    key: id,
    fingerprint: id,
    expires: fc.nat(),
    runs: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat())),
  }),
)
function plain(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value))
}

test('what is written is what is read', () => {
  fc.assert(
    fc.property(append, (message) => {
      expect(decodeMessage(encodeAppend(message))).toEqual({ kind: 'append', ...message } satisfies AppendMessage)
    }),
  )
  fc.assert(
    fc.property(id, fc.nat(), fc.array(row), (workspace, after, rows) => {
      expect(decodeMessage(encodeCarry({ workspace, after, rows }))).toEqual({ kind: 'carry', workspace, after, rows })
    }),
  )
  fc.assert(
    fc.property(channel, fc.nat(), (channel, before) => {
      expect(decodeMessage(encodeErase(channel))).toEqual({ kind: 'erase', channel })
      expect(decodeMessage(encodeRetain(before))).toEqual({ kind: 'retain', before })
    }),
  )
})

test('parts fit what the servers take, and are the whole again in any order, each counted once', () => {
  fc.assert(
    fc.property(append, fc.integer({ min: 120, max: 400 }), fc.nat(), (message, bytesMax, seed) => {
      const whole = encodeAppend(message)
      const parts = encodeParts('batch', whole, bytesMax)
      for (const part of parts) expect(part.length).toBeLessThanOrEqual(bytesMax)
      const order = parts.map((part, index) => ({ part, at: (seed * (index + 7)) % 101 })).sort((a, b) => a.at - b.at)
      const gathered = new Parts()
      const found: Buffer[] = []
      for (const { part } of [...order, ...order.slice(1)]) {
        const read = decodeMessage(part)
        if (read?.kind !== 'part') throw new Error('no part')
        const complete = gathered.add(read.part, read.bytes, 1, 0)
        if (complete) found.push(complete)
      }
      expect(found).toEqual([whole])
    }),
  )
})

test('a batch whose parts stop coming is forgotten, and holds nothing up', () => {
  const parts = new Parts()
  expect(parts.add({ id: 'a', index: 0, of: 2 }, Buffer.from('a'), 7, 1000)).toBeUndefined()
  expect(parts.oldest).toBe(7)
  parts.forget(121_000)
  expect(parts.oldest).toBe(7)
  parts.forget(121_001)
  expect(parts.oldest).toBeUndefined()
  expect(parts.add({ id: 'a', index: 1, of: 2 }, Buffer.from('b'), 9, 121_001)).toBeUndefined()
})

test('two batches of one name do not become one', () => {
  const parts = new Parts()
  expect(parts.add({ id: 'a', index: 0, of: 2 }, Buffer.from('a'), 7, 1000)).toBeUndefined()
  expect(parts.add({ id: 'a', index: 5, of: 6 }, Buffer.from('x'), 8, 1000)).toBeUndefined()
  expect(parts.add({ id: 'a', index: 1, of: 2 }, Buffer.from('b'), 9, 1000)?.toString()).toBe('ab')
})

describe('what others put there is none of ours', () => {
  test.each([
    '',
    ' ',
    'x',
    '[]',
    '{}',
    '{"v":2}',
    '{"v":1}',
    '{"v":1,"w":5}',
    '{"v":1,"w":"a"}',
    '{"v":1,"x":"part"}',
    '{"v":1,"x":"new","w":"a"}',
    '{"v":1,"w":"a","t":["b"]}\n{',
    '{"v":1,"w":"a","t":["b",5]}\n{}\n{}',
    '{"v":1,"w":"a","t":["b"],"at":[2,1],"after":0}\n{}\n{}',
    '{"v":1,"w":"a","t":["b"],"at":[1],"after":0}\n{}\n{}',
    '{"v":1,"w":"a","t":["b"],"at":[1.5],"after":0}\n{}',
    '{"v":1,"w":"a","t":["b"],"at":[1],"after":-1}\n{}',
    '{"v":1,"w":"a","t":["b\\ndata: x"]}\n{"a":1}',
    '{"v":1,"w":"a","t":["b"]}\n5',
    '{"v":1,"w":"a","t":["b"]}\nnull',
    '{"v":1,"w":"a","t":["b"]}\n{}',
    '{"v":1,"w":"a","t":["b"]}\n {"a":1}',
    '{"v":1,"w":"a","t":["b"]}\n{"a":\r1}',
    '{"v":1,"w":"a","c":"CA1","t":["b"]}\n{"id":"1-1"}',
    '{"v":1,"x":"part","p":["a",1.5,3]}',
    '{"v":1,"x":"part","p":["a",0,-1]}',
    '{"v":1,"x":"part","p":["a",0,0]}',
    '{"v":1,"x":"part","p":["a",2,2]}',
    '{"v":1,"x":"part","p":["a",0,4294967296]}',
    '{"v":1,"x":"carry","w":"a"}',
    '{"v":1,"x":"carry","w":"a","after":0}\n["x"]',
    '{"v":1,"x":"carry","w":"a","after":0}\n["r","calls","CA1",5]',
    '{"v":1,"x":"carry","w":"a","after":0}\n["r",5,"CA1",{}]',
    '{"v":1,"x":"carry","w":"a","after":0}\n["k",null,"other","k","f",1,[]]',
    '{"v":1,"x":"carry","w":"a","after":0}\n["k",null,"event","k","f",null,[]]',
    '{"v":1,"x":"carry","w":"a","after":0}\n["k",null,"event","k","f",1,[[1,2]]]',
  ])('%j', (text) => expect(decodeMessage(Buffer.from(text))).toBeUndefined())

  test('any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeMessage(bytes)))
  })
})

describe('subjects', () => {
  test('carry partition, workspace, call and type, as tokens that nothing can break out of', () => {
    const w = { workspace: '0190-ab' }
    expect(channelSubject(0, w, ['call.started'])).toBe('sb.0.ws.0190-ab.call.started')
    expect(channelSubject(3, w, ['a', 'b'])).toBe('sb.3.ws.0190-ab.batch')
    expect(channelSubject(0, { ...w, call: 'CA1.x' }, ['a', 'a'])).toBe('sb.0.call.0190-ab.CA1%2Ex.a')
    expect(channelFilter(0, { ...w, call: '' })).toBe('sb.0.call.0190-ab.%.>')
    fc.assert(
      fc.property(channel, channel, (one, other) => {
        const subject = channelSubject(0, one, ['a'])
        expect(subject).toMatch(/^sb\.0\.(ws|call)(\.[A-Za-z0-9_%-]+){2,3}$/)
        if (JSON.stringify(one) !== JSON.stringify(other))
          expect(channelFilter(0, one)).not.toBe(channelFilter(0, other))
      }),
    )
  })

  test('a workspace is always in the same partition, and many are spread', () => {
    const counts = [0, 0, 0, 0]
    for (let n = 0; n < 1000; n++) {
      const partition = partitionOf(`workspace-${n}`, 4)
      expect(partitionOf(`workspace-${n}`, 4)).toBe(partition)
      counts[partition] = (counts[partition] ?? 0) + 1
    }
    for (const count of counts) expect(count).toBeGreaterThan(180)
    expect(partitionOf('anything', 1)).toBe(0)
  })
})
