import { expect, test } from 'vitest'
import { surfaceDelivered, syncCompleted } from './events.js'
import { Numbers, type NumbersOptions } from './numbers.js'

const SENT = 123_456
const frame = (number: number): string =>
  `id: 1763788800000-${number * 1024}\nevent: pipeline.sync_completed\ndata: ${syncCompleted.text(number, SENT, number)}\n\n`
const stream = (numbers: readonly number[]): Buffer => Buffer.from(`retry: 3000\n\n${numbers.map(frame).join('')}`)

function seen(pieces: readonly Buffer[], options?: NumbersOptions) {
  const numbers = new Numbers({ remembersId: true, ...options })
  for (const piece of pieces) numbers.push(piece)
  const { count, gaps, repeats, late, strays, lastId } = numbers
  return { count, gaps, repeats, late, strays, lastId }
}

test('numbers in their order are counted, and nothing is wrong', () => {
  expect(seen([stream([1, 2, 3])])).toEqual({
    count: 3,
    gaps: 0,
    repeats: 0,
    late: 0,
    strays: 0,
    lastId: '1763788800000-3072',
  })
})

test('they may be cut anywhere', () => {
  const bytes = stream([1, 2, 12, 13])
  for (const remembersId of [true, false]) {
    const whole = seen([bytes], { remembersId })
    expect(whole).toMatchObject({ count: 4, gaps: 9 })
    for (let at = 0; at <= bytes.length; at++) {
      expect(seen([bytes.subarray(0, at), bytes.subarray(at)], { remembersId })).toEqual(whole)
    }
    expect(
      seen(
        [...bytes].map((byte) => Buffer.from([byte])),
        { remembersId },
      ),
    ).toEqual(whole)
  }
})

test('what is missing, what comes again and what comes late is found', () => {
  expect(seen([stream([1, 4, 5])])).toMatchObject({ gaps: 2, repeats: 0 })
  expect(seen([stream([1, 2, 2, 3])])).toMatchObject({ gaps: 0, repeats: 1 })
  expect(seen([stream([1, 3, 2])])).toMatchObject({ gaps: 0, repeats: 0, late: 1 })
})

test('the id to resume from is that of the last event that came, not of one that was cut off', () => {
  const bytes = stream([1, 2])
  const cut = bytes.indexOf('"event_count":2')
  expect(seen([bytes.subarray(0, cut)])).toMatchObject({ count: 1, lastId: '1763788800000-1024' })
})

test('of several publishers each has an order of its own', () => {
  expect(seen([stream([2, 1, 3, 5, 4, 6])], { lanes: 3 })).toMatchObject({ count: 6, gaps: 0, repeats: 0 })
  expect(seen([stream([2, 1, 3, 5, 7, 6])], { lanes: 3 })).toMatchObject({ gaps: 1 })
  expect(seen([stream([2, 1, 3, 5, 2, 4])], { lanes: 3 })).toMatchObject({ repeats: 1 })
})

test('they may begin anywhere', () => {
  for (const after of [0, 1, 5, 6, 7]) {
    const next = Array.from({ length: 7 }, (_, index) => after + 1 + index)
    expect(seen([stream(next)], { lanes: 3, after })).toMatchObject({ gaps: 0, repeats: 0 })
    expect(seen([stream(next)], { after })).toMatchObject({ gaps: 0, repeats: 0 })
    expect(seen([stream(next.slice(1))], { lanes: 3, after })).toMatchObject({ gaps: 1 })
    expect(seen([stream([after, ...next])], { lanes: 3, after })).toMatchObject({ repeats: 1 })
  }
})

test('a stream that carries some lanes must carry all of those, and nothing of others', () => {
  const only = { lanes: 4, only: [1, 2] }
  expect(seen([stream([1, 2, 5, 6, 9])], only)).toMatchObject({ count: 5, gaps: 0, strays: 0 })
  expect(seen([stream([1, 2, 6, 9, 10])], only)).toMatchObject({ gaps: 1, strays: 0 })
  expect(seen([stream([1, 2, 3, 5, 6])], only)).toMatchObject({ count: 5, gaps: 0, strays: 1 })
})

test('how many should come up to a number is known', () => {
  const expected = (upTo: number, options?: NumbersOptions) => new Numbers(options).expected(upTo)
  expect(expected(10)).toBe(10)
  expect(expected(10, { after: 4 })).toBe(6)
  for (const after of [0, 3, 1_000_000_000]) {
    const options = { lanes: 4, only: [1, 2], after }
    for (let more = 0; more < 12; more++) {
      const numbers = Array.from({ length: more }, (_, index) => after + 1 + index)
      expect(expected(after + more, options)).toBe(numbers.filter((number) => [1, 2].includes(number % 4)).length)
    }
  }
})

test('when an event was sent is told with its number, in events of every kind', () => {
  const heard: number[][] = []
  const onEvent = (number: number, sent: number) => heard.push([number, sent])
  seen([stream([1, 2])], { onEvent })
  const marks = surfaceDelivered.marks
  seen([Buffer.from(`data: ${surfaceDelivered.text(3, SENT, 0)}\n\n`)], { marks, onEvent, remembersId: false })
  expect(heard).toEqual([1, 2, 3].map((number) => [number, SENT]))
})
