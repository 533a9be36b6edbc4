import { describe, expect, test } from 'vitest'
import { createSwitchboard } from './client.js'
import { isSwitchboardError, SwitchboardError } from './errors.js'
import { buildUrl, cleanBaseUrl, endingOfStatus, retryAfterMs } from './http.js'
import { Inbox } from './inbox.js'
import { typesFilter } from './options.js'
import { comparePositions, isResumePoint, parsePosition, RepeatFilter } from './position.js'

describe('a position', () => {
  test('is time and sequence', () => {
    expect(parsePosition('1763788800123-42')).toEqual({ time: 1763788800123, sequence: 42 })
    for (const text of ['', '42', '1-', '-1', '1-2-3', ' 1-2', '1-2\n', '1e3-2', `${'9'.repeat(16)}-1`]) {
      expect(parsePosition(text), JSON.stringify(text)).toBeUndefined()
    }
  })

  test('is compared by its sequence, as numbers are', () => {
    expect(comparePositions({ time: 2, sequence: 9 }, { time: 1, sequence: 10 })).toBeLessThan(0)
    expect(comparePositions({ time: 1, sequence: 3 }, { time: 1, sequence: 3 })).toBe(0)
  })

  test('or a bare instant can be resumed from', () => {
    expect(['1-2', '1763788800123'].every(isResumePoint)).toBe(true)
    expect(['15m', '', '1-2 '].some(isResumePoint)).toBe(false)
  })

  test('that was seen is a repeat, until a gap', () => {
    const repeats = new RepeatFilter('5-10')
    const isNew = (sequence: number): boolean => repeats.isNew({ time: 0, sequence })
    expect([9, 10, 11, 11, 10, 12].map(isNew)).toEqual([false, false, true, false, false, true])
    expect(repeats.isNew(undefined)).toBe(true)
    repeats.forget()
    expect(isNew(1)).toBe(true)
  })
})

describe('an address', () => {
  test('keeps the path of its base and encodes its parameters', () => {
    expect(cleanBaseUrl('https://a.example/p//')).toBe('https://a.example/p')
    expect(buildUrl('https://a/p', '/v1/x', { a: 'b c', list: ['1', '2'], none: undefined, n: 3 })).toBe(
      'https://a/p/v1/x?a=b+c&list=1&list=2&n=3',
    )
    expect(buildUrl('https://a', '/v1')).toBe('https://a/v1')
  })

  test.each(['', 'a.example', 'ftp://a', 'https://u:p@a', 'https://a?b', 'https://a#b'])(
    'is refused: %j',
    (baseUrl) => {
      expect(() => createSwitchboard({ baseUrl, credential: 'k' })).toThrow('[invalid_argument] baseUrl')
    },
  )

  test('without a credential is no client', () => {
    expect(() => createSwitchboard({ baseUrl: 'http://a', credential: '' })).toThrow(
      '[invalid_argument] the credential is missing',
    )
  })
})

describe('Retry-After', () => {
  test.each([
    ['7', 7000],
    [' 7 ', 7000],
    ['Thu, 01 Jan 1970 00:00:09 GMT', 8000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', undefined],
    [null, undefined],
  ])('%j is %s ms', (header, ms) => {
    expect(retryAfterMs(header, 1000)).toBe(ms)
  })
})

test.each([
  [400, 'give-up'],
  [401, 'refresh'],
  [403, 'refresh'],
  [404, 'give-up'],
  [405, 'give-up'],
  [408, 'retry'],
  [409, 'give-up'],
  [413, 'give-up'],
  [415, 'give-up'],
  [422, 'give-up'],
  [429, 'retry'],
  [500, 'retry'],
  [502, 'retry'],
  [503, 'retry'],
  [504, 'retry'],
  [507, 'retry'],
])('status %i: %s', (status, advice) => {
  expect(endingOfStatus(new SwitchboardError('x', 'y', { status })).advice).toBe(advice)
})

describe('an inbox', () => {
  test('gives what was put, in order, and then its end', async () => {
    const inbox = new Inbox(10)
    expect([inbox.put('a'), inbox.put('b')]).toEqual([true, true])
    inbox.end()
    expect(inbox.put('c')).toBe(false)
    expect([await inbox.take(), await inbox.take(), await inbox.take()]).toEqual([
      { kind: 'message', text: 'a' },
      { kind: 'message', text: 'b' },
      { kind: 'end' },
    ])
  })

  test('wakes whoever waits, for a message or for the end', async () => {
    const inbox = new Inbox(10)
    const first = inbox.take()
    inbox.put('a')
    expect(await first).toEqual({ kind: 'message', text: 'a' })
    const second = inbox.take()
    inbox.end()
    expect(await second).toEqual({ kind: 'end' })
  })

  test('shuts when it is full, keeps what it has, and takes one message of any size', async () => {
    const inbox = new Inbox(5)
    expect(inbox.put('123456789')).toBe(true)
    expect(inbox.put('a')).toBe(false)
    expect(await inbox.take()).toEqual({ kind: 'message', text: '123456789' })
    expect(await inbox.take()).toEqual({ kind: 'end' })
  })

  test('keeps its order over many messages', async () => {
    const inbox = new Inbox(1_000_000)
    for (let n = 0; n < 5000; n += 1) inbox.put(String(n))
    for (let n = 0; n < 5000; n += 1) expect(await inbox.take()).toEqual({ kind: 'message', text: String(n) })
  })
})

test('a filter of types is sent with commas, or not at all', () => {
  expect(typesFilter(['call.*', '*'])).toBe('call.*,*')
  expect(typesFilter([])).toBeUndefined()
  expect(() => typesFilter(['call started'])).toThrow('[invalid_argument]')
})

describe('a SwitchboardError', () => {
  test('begins with its code and is known across copies of the SDK', () => {
    const cause = new Error('below')
    const error = new SwitchboardError('forbidden', 'not yours', { cause, status: 403 })
    expect(error.message).toBe('[forbidden] not yours')
    expect(error.cause).toBe(cause)
    expect(isSwitchboardError(error)).toBe(true)
    expect(isSwitchboardError(Object.assign(new Error('x'), { name: 'SwitchboardError', code: 'y' }))).toBe(true)
    expect(isSwitchboardError(new Error('x'))).toBe(false)
    expect(isSwitchboardError({ name: 'SwitchboardError', code: 'y' })).toBe(false)
  })
})
