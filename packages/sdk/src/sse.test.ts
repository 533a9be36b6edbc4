import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventStreamLimitError, type EventStreamMessage, EventStreamReader } from './sse.js'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

function readInPieces(bytes: Uint8Array, sizes: readonly number[]): object {
  const reader = new EventStreamReader()
  const messages: EventStreamMessage[] = []
  let at = 0
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = sizes.length === 0 ? bytes.length : (sizes[turn % sizes.length] ?? 1)
    messages.push(...reader.push(bytes.subarray(at, at + size)))
    at += size
  }
  return { messages, lastEventId: reader.lastEventId, reconnectionTime: reader.reconnectionTime }
}

describe('any cutting into chunks gives the same result', () => {
  const token = fc.constantFrom(
    'data',
    'event',
    'id',
    'retry',
    ':',
    ' ',
    '\n',
    '\r',
    '\r\n',
    '\0',
    '\uFEFF',
    'é',
    '😀',
    '12',
    'x',
  )
  const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 8 })

  test('for streams of what the grammar knows', () => {
    fc.assert(
      fc.property(fc.array(token, { maxLength: 60 }), sizes, (tokens, cuts) => {
        const bytes = utf8(tokens.join(''))
        expect(readInPieces(bytes, cuts)).toEqual(readInPieces(bytes, []))
      }),
      { numRuns: 2000 },
    )
  })

  test('for any bytes at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), sizes, (bytes, cuts) => {
        expect(readInPieces(bytes, cuts)).toEqual(readInPieces(bytes, []))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('it takes time linear in the bytes', () => {
  const MiB = 1024 * 1024

  /** Of this process alone, as other work on the machine takes turns with it; and the least of three, as it only adds. */
  function millisecondsOf(run: () => void): number {
    const times = [1, 2, 3].map(() => {
      const from = process.cpuUsage()
      run()
      const { user, system } = process.cpuUsage(from)
      return (user + system) / 1000
    })
    return Math.min(...times)
  }

  function byteByByte(chars: number): void {
    const reader = new EventStreamReader()
    const bytes = utf8(`data: ${'a'.repeat(chars)}\n\n`)
    const messages: EventStreamMessage[] = []
    for (let at = 0; at < bytes.length; at += 1) messages.push(...reader.push(bytes.subarray(at, at + 1)))
    expect(messages[0]?.data.length).toBe(chars)
  }

  test('a line of 1 MiB arrives byte by byte, and four times the line takes about four times as long', () => {
    byteByByte(MiB / 8)
    const quarter = millisecondsOf(() => byteByByte(MiB / 4))
    const full = millisecondsOf(() => byteByByte(MiB))
    expect(full).toBeLessThan(3000)
    // Quadratic time would be 16 times as long.
    expect(full / quarter).toBeLessThan(9)
  })

  test('a long chunk of short lines with one kind of line end is not searched for the other at every line', () => {
    const chunk = (lines: number) => utf8('data: a\n'.repeat(lines))
    const read = (bytes: Uint8Array) => () => void new EventStreamReader().push(bytes)
    read(chunk(10_000))()
    const quarter = millisecondsOf(read(chunk(50_000)))
    expect(millisecondsOf(read(chunk(200_000))) / quarter).toBeLessThan(9)
  })
})

describe('a block has a limit', () => {
  test('a line that never ends fails once it is too long, and the reader stays failed', () => {
    const reader = new EventStreamReader({ eventCharsMax: 100 })
    reader.push(utf8(`data: ${'a'.repeat(90)}`))
    expect(() => reader.push(utf8('a'.repeat(20)))).toThrow(EventStreamLimitError)
    expect(() => reader.push(utf8('\n\ndata: b\n\n'))).toThrow(EventStreamLimitError)
  })

  test('many short data lines of one block count together', () => {
    const reader = new EventStreamReader({ eventCharsMax: 100 })
    expect(() => reader.push(utf8('data: aaaaaaaa\n'.repeat(20)))).toThrow('[event_too_large]')
  })

  test('what was complete before the limit is in the error', () => {
    const reader = new EventStreamReader({ eventCharsMax: 100 })
    try {
      reader.push(utf8(`data: a\n\ndata: ${'b'.repeat(200)}\n\n`))
      expect.unreachable()
    } catch (error) {
      if (!(error instanceof EventStreamLimitError)) throw error
      expect(error.code).toBe('event_too_large')
      expect(error.messages).toEqual([{ type: 'message', data: 'a', lastEventId: '' }])
    }
  })

  test('where it fails does not depend on the chunks', () => {
    const bytes = utf8(`data: a\n\nid: 1\ndata: ${'b'.repeat(60)}\ndata: ${'c'.repeat(60)}\n\n`)
    for (const size of [1, 7, 50, 1000]) {
      const reader = new EventStreamReader({ eventCharsMax: 100 })
      const push = (): void => {
        for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
      }
      expect(push, `chunks of ${size}`).toThrow(EventStreamLimitError)
      expect(reader.lastEventId).toBe('')
    }
  })

  test('comments and blocks that ended do not count', () => {
    const reader = new EventStreamReader({ eventCharsMax: 100 })
    for (let turn = 0; turn < 50; turn += 1)
      reader.push(utf8(`: ${'x'.repeat(50)}\nid: ${turn}\ndata: ${'y'.repeat(40)}\n\n`))
    expect(reader.lastEventId).toBe('49')
  })

  test('a limit that is none is refused', () => {
    expect(() => new EventStreamReader({ eventCharsMax: 0 })).toThrow(RangeError)
    expect(() => new EventStreamReader({ eventCharsMax: Number.NaN })).toThrow(RangeError)
  })
})

test('after end() the reader reads another stream: byte order mark, tail and id buffer begin anew', () => {
  const reader = new EventStreamReader()
  reader.push(utf8('id: 1\ndata: a\n\nid: 2\ndata: lost'))
  reader.end()
  expect(reader.lastEventId).toBe('1')
  expect(reader.push(utf8('\uFEFFdata: b\n\n'))).toEqual([{ type: 'message', data: 'b', lastEventId: '' }])
})
