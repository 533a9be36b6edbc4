import { describe, expect, test } from 'vitest'
import type { Applied } from './applied.js'
import { type JoinFacts, join, whyUseless } from './join.js'

const STREAM = '2026-11-25T10:00:00Z'
const applied = (sequence: number, more: Partial<Applied> = {}): Applied => ({
  sequence,
  time: sequence * 1000,
  from: sequence + 1,
  stream: STREAM,
  ...more,
})
const facts = (more: Partial<JoinFacts> & { first?: number; last?: number; created?: string }): JoinFacts => {
  const { first = 1, last = 100, created = STREAM } = more
  return {
    applied: undefined,
    checkpoint: undefined,
    timeOfLast: undefined,
    ...more,
    stream: { first, last, created, hasMessages: last >= first },
  }
}

describe('a gateway without a copy', () => {
  test.each([
    ['begins with the first message of a new stream', { last: 0 }, { kind: 'begin', from: applied(0) }],
    ['begins with the first message of a whole stream', {}, { kind: 'begin', from: applied(0) }],
    ['prefers a checkpoint: the middle of the stream may have been purged', { checkpoint: 40 }, { kind: 'restore' }],
    ['needs a checkpoint when the beginning is gone', { first: 30, checkpoint: 40 }, { kind: 'restore' }],
    [
      'takes one that ends before the first message: nobody has more',
      { first: 60, checkpoint: 40 },
      { kind: 'restore' },
    ],
    ['says so when there is none', { first: 30 }, { kind: 'begin-late', from: { sequence: 29, from: 30 } }],
  ])('%s', (_, given, expected) => {
    expect(join(facts(given))).toMatchObject(expected)
  })
})

describe('a gateway with a copy', () => {
  const copy = applied(50)
  test.each([
    ['goes on behind what it has', {}],
    ['goes on when it has everything', { last: 50 }],
    ['goes on when all that it has is gone by age', { first: 51 }],
    ['goes on when the message that it has last is still the same', { timeOfLast: 50_000 }],
    ['does not look at checkpoints', { checkpoint: 90 }],
  ])('%s', (_, given) => {
    expect(join(facts({ applied: copy, ...given }))).toEqual({ kind: 'continue', from: copy })
  })

  test.each([
    ['of a stream that was made anew', { created: 'later' }],
    ['of what the stream has lost', { last: 49 }],
    ['of another message in the same place', { timeOfLast: 50_001 }],
    ['that has missed messages which are gone', { first: 52 }],
  ])('%s throws it away', (_, given) => {
    expect(join(facts({ applied: copy, ...given }))).toMatchObject({ kind: 'discard', why: expect.any(String) })
  })

  test('that waits for the rest of a batch goes back to its first part, if that is still there', () => {
    const waiting = applied(50, { from: 48 })
    expect(join(facts({ applied: waiting, first: 48 }))).toEqual({ kind: 'continue', from: waiting })
    expect(join(facts({ applied: waiting, first: 49 }))).toMatchObject({ kind: 'discard' })
  })
})

describe('a checkpoint', () => {
  const useless = (more: { last?: number; created?: string; timeOfLast?: number }) =>
    whyUseless(applied(50), facts(more).stream, more.timeOfLast)

  test.each([
    ['of this stream', {}],
    ['whose last message is there', { timeOfLast: 50_000 }],
    [
      'of a stream that was restored from a back-up, and so made at another time',
      { created: 'later', timeOfLast: 50_000 },
    ],
  ])('%s is of use', (_, given) => {
    expect(useless(given)).toBeUndefined()
  })

  test.each([
    ['of a stream that was made anew', { created: 'later' }],
    ['of a stream that was made anew, and has another message there', { created: 'later', timeOfLast: 50_001 }],
    ['of what the stream has lost', { last: 49 }],
    ['of another message in the same place', { timeOfLast: 50_001 }],
  ])('%s is of none', (_, given) => {
    expect(useless(given)).toEqual(expect.any(String))
  })
})
