import { describe, expect, test } from 'vitest'
import { bytesOf, type Case, groups, messagesOf } from './kit/sse-cases.js'
import { EventStreamReader } from './sse.js'

function read(chunks: readonly Uint8Array[]): object {
  const reader = new EventStreamReader()
  const messages = chunks.flatMap((chunk) => reader.push(chunk))
  const { lastEventId, reconnectionTime } = reader
  reader.end()
  return { messages, lastEventId, reconnectionTime, afterEnd: reader.lastEventId }
}

function expected(each: Case): object {
  const { id, retry } = each
  const messages = messagesOf(each)
  const lastEventId = id ?? messages.at(-1)?.lastEventId ?? ''
  return { messages, lastEventId, reconnectionTime: retry, afterEnd: lastEventId }
}

/** Each case is fed whole, byte by byte, and in three chunks cut at every place. */
for (const [group, cases] of Object.entries(groups)) {
  describe(`an event stream: ${group}`, () => {
    test.each(cases)('$name', (each) => {
      const bytes = bytesOf(each.input)
      const result = expected(each)
      expect(read([bytes]), 'whole').toEqual(result)
      expect(read(Array.from(bytes, (byte) => Uint8Array.of(byte))), 'byte by byte').toEqual(result)
      for (let cut = 0; cut <= bytes.length; cut += 1) {
        const [head, tail] = [bytes.subarray(0, cut), bytes.subarray(cut)]
        expect(read([head, new Uint8Array(), tail]), `cut at ${cut}`).toEqual(result)
        expect(read([head.subarray(0, cut >> 1), head.subarray(cut >> 1), tail]), `cut at ${cut >> 1}, ${cut}`).toEqual(
          result,
        )
      }
    })
  })
}

test('there are at least 150 cases', () => {
  expect(Object.values(groups).flat().length).toBeGreaterThanOrEqual(150)
})
