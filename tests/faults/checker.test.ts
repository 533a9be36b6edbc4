import { describe, expect, test } from 'vitest'
import { type ChannelHistory, check, type Seen, type ViolationKind } from './checker.js'
import { seenOf, stamped, workspaceEvent } from './events.js'

const NAME = 'first'
const entry = (n: number, sequence = n + 1, channel = NAME): Seen => ({
  time: 1000 + sequence,
  sequence,
  stamp: { channel, publisher: 0, n },
})
const four = [entry(0), entry(1), entry(2), entry(3)]

/** A channel in which all went well, but for what a test changes. */
function history(change: Partial<ChannelHistory> = {}): ChannelHistory {
  const acked = new Map(four.map(({ time, sequence }, n) => [n, `${time}-${sequence}`]))
  return {
    name: NAME,
    log: { seen: four, gaps: [] },
    publications: [{ publisher: 0, acked, unknown: new Set([4]) }],
    subscriptions: [{ name: 'a reader', seen: four, gaps: [] }],
    ...change,
  }
}
const kindsOf = (change: Partial<ChannelHistory>) =>
  new Set(check([history(change)]).violations.map(({ kind }) => kind))
const logOf = (seen: readonly Seen[]) => ({
  log: { seen, gaps: [] },
  subscriptions: [{ name: 'a reader', seen, gaps: [] }],
})
const readerOf = (seen: readonly Seen[]) => ({ subscriptions: [{ name: 'a reader', seen, gaps: [] }] })

test('a history in which all went well has no violation, whether what was not answered is there or not', () => {
  expect(check([history()])).toEqual({ acked: 4, unknown: 1, stored: 4, delivered: 4, violations: [] })
  expect(kindsOf(logOf([...four, entry(4)]))).toEqual(new Set())
})

describe('each kind of violation is found when it is planted', () => {
  const planted: readonly (readonly [ViolationKind, string, Partial<ChannelHistory>])[] = [
    ['lost', 'at the end', logOf(four.slice(0, 3))],
    ['doubled', 'in the log', logOf([...four, entry(3, 5)])],
    ['doubled', 'at a subscriber', readerOf([...four, entry(3)])],
    ['reordered', 'in the log', logOf([entry(0), entry(2, 2), entry(1, 3), entry(3)])],
    ['crossed', 'in the log', logOf([...four, entry(0, 5, 'second')])],
    ['altered', 'in the log', logOf([...four.slice(0, 3), { ...entry(3), stamp: undefined }])],
    ['invented', 'in the log', logOf([...four, entry(9, 5)])],
    ['moved', 'in the log', logOf([...four.slice(0, 3), { ...entry(3), time: 2000 }])],
    ['ids', 'a time that runs backwards', logOf([...four, { ...entry(4), time: 1 }])],
    ['ids', 'a sequence that does not increase', logOf([...four, entry(4, 4)])],
    ['differs', 'more than the log has', readerOf([...four, entry(4)])],
    ['differs', 'another event at the same place', readerOf([...four.slice(0, 3), entry(4, 4)])],
    ['untold', 'a hole in the log', logOf([entry(0), entry(1), entry(3)])],
    ['untold', 'at a subscriber', readerOf([entry(0), entry(1), entry(3)])],
  ]
  test.each(planted)('%s, %s', (kind, _where, change) => {
    expect(kindsOf(change)).toContain(kind)
  })
})

test('what was told is missing is no violation, to whom it was told', () => {
  const gaps = [{ from: 3, to: 3 }]
  const seen = [entry(0), entry(1), entry(3)]
  expect(kindsOf({ log: { seen, gaps } })).toEqual(new Set())
  expect(kindsOf({ subscriptions: [{ name: 'a reader', seen, gaps }] })).toEqual(new Set())
})

test('a text says which event it is, and any changed character is seen', () => {
  const stamp = { channel: NAME, publisher: 3, n: 5 }
  const text = stamped(stamp, 300)
  expect(seenOf('1000-7', workspaceEvent(text))).toEqual({ time: 1000, sequence: 7, stamp })
  for (let at = 0; at < text.length; at++) {
    const changed = `${text.slice(0, at)}~${text.slice(at + 1)}`
    expect(seenOf('1000-7', workspaceEvent(changed)).stamp).toBeUndefined()
  }
})
