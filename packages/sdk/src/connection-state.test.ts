import { describe, expect, test } from 'vitest'
import {
  type ConnectionEvent,
  type ConnectionState,
  type Ending,
  next,
  RETRY_AFTER_MS_MAX,
  reconnectPolicy,
} from './connection-state.js'
import { SwitchboardError } from './errors.js'

const error = new SwitchboardError('stream_error', 'it broke')
const policy = { ...reconnectPolicy, budget: 3 }

type EventName = Exclude<ConnectionEvent['kind'], 'lost'> | Ending['advice']
type StateName = ConnectionState['kind'] | 'connecting-refused' | 'open-healthy'
/** The state after, or `same` for the same object. */
type Expected = ConnectionState | 'same'

const states: Record<StateName, ConnectionState> = {
  connecting: { kind: 'connecting', spent: 2, refused: false },
  'connecting-refused': { kind: 'connecting', spent: 2, refused: true },
  open: { kind: 'open', spent: 2, since: 95_000 },
  'open-healthy': { kind: 'open', spent: 2, since: 90_000 },
  waiting: { kind: 'waiting', spent: 2, refused: true, delayMs: 7, error },
  closed: { kind: 'closed', error },
}

const endings: Record<Ending['advice'], Ending> = {
  over: { advice: 'over' },
  resume: { advice: 'resume' },
  retry: { advice: 'retry', error },
  refresh: { advice: 'refresh', error },
  'give-up': { advice: 'give-up', error },
}

const event = (name: EventName): ConnectionEvent => {
  if (name === 'opened') return { kind: 'opened', at: 100_000 }
  if (name === 'waited' || name === 'ended') return { kind: name }
  return { kind: 'lost', at: 100_000, ending: endings[name], reconnectionTime: undefined, random: 0.5 }
}

const over: Expected = { kind: 'closed', error: undefined }
const failed: Expected = { kind: 'closed', error }
const waiting = (spent: number, refused: boolean, delayMs: number): Expected => ({
  kind: 'waiting',
  spent,
  refused,
  delayMs,
  error,
})
const connecting = (spent: number, refused: boolean): Expected => ({ kind: 'connecting', spent, refused })

// Half of 1 s, doubled for each reconnect already spent: 0.5, 1, 2 s.
const table: Record<StateName, Record<EventName, Expected>> = {
  connecting: {
    opened: { kind: 'open', spent: 2, since: 100_000 },
    waited: 'same',
    ended: over,
    over,
    resume: connecting(2, false),
    retry: waiting(3, false, 2000),
    refresh: connecting(2, true),
    'give-up': failed,
  },
  'connecting-refused': {
    opened: { kind: 'open', spent: 2, since: 100_000 },
    waited: 'same',
    ended: over,
    over,
    resume: connecting(2, false),
    retry: waiting(3, true, 2000),
    refresh: failed,
    'give-up': failed,
  },
  open: {
    opened: 'same',
    waited: 'same',
    ended: over,
    over,
    resume: connecting(2, false),
    retry: waiting(3, false, 2000),
    refresh: waiting(3, true, 2000),
    'give-up': failed,
  },
  'open-healthy': {
    opened: 'same',
    waited: 'same',
    ended: over,
    over,
    resume: connecting(0, false),
    retry: waiting(1, false, 500),
    refresh: connecting(0, true),
    'give-up': failed,
  },
  waiting: {
    opened: 'same',
    waited: connecting(2, true),
    ended: over,
    over: 'same',
    resume: 'same',
    retry: 'same',
    refresh: 'same',
    'give-up': 'same',
  },
  closed: {
    opened: 'same',
    waited: 'same',
    ended: 'same',
    over: 'same',
    resume: 'same',
    retry: 'same',
    refresh: 'same',
    'give-up': 'same',
  },
}

describe('the connection is, after', () => {
  for (const state of Object.keys(table) as StateName[]) {
    for (const name of Object.keys(table[state]) as EventName[]) {
      const expected = table[state][name]
      const what = expected === 'same' ? 'the same' : expected.kind
      test(`${state} and ${name}: ${what}`, () => {
        const before = states[state]
        const after = next(before, event(name), policy, true)
        if (expected === 'same') expect(after).toBe(before)
        else expect(after).toEqual(expected)
      })
    }
  }
})

describe('a lost connection', () => {
  const lost = (more: Partial<Extract<ConnectionEvent, { kind: 'lost' }>>): ConnectionEvent => ({
    kind: 'lost',
    at: 0,
    ending: endings.retry,
    reconnectionTime: undefined,
    random: 0.5,
    ...more,
  })
  const first: ConnectionState = { kind: 'connecting', spent: 0, refused: false }
  const delayOf = (state: ConnectionState): number | undefined => (state.kind === 'waiting' ? state.delayMs : undefined)

  test('is the end once the budget is spent, with the last failure as the cause', () => {
    const spent: ConnectionState = { kind: 'connecting', spent: 3, refused: false }
    const after = next(spent, lost({}), policy, true)
    expect(after).toMatchObject({ kind: 'closed', error: { code: 'connection_lost', cause: error } })
  })

  test('with an endless budget never is', () => {
    const spent: ConnectionState = { kind: 'connecting', spent: 1_000_000, refused: false }
    expect(delayOf(next(spent, lost({}), { ...policy, budget: Infinity }, true))).toBe(15_000)
  })

  test('is the end for a refused credential that cannot be replaced', () => {
    expect(next(first, lost({ ending: endings.refresh }), policy, false)).toEqual({ kind: 'closed', error })
  })

  test('waits anywhere between nothing and the whole delay', () => {
    expect(delayOf(next(first, lost({ random: 0 }), policy, true))).toBe(0)
    expect(delayOf(next(first, lost({ random: 0.999 }), policy, true))).toBe(999)
  })

  test("waits by the server's retry: instead, and is not kept below it by our own cap", () => {
    expect(delayOf(next(first, lost({ reconnectionTime: 3000 }), policy, true))).toBe(1500)
    expect(delayOf(next(first, lost({ reconnectionTime: 60_000 }), policy, true))).toBe(30_000)
    const third: ConnectionState = { kind: 'connecting', spent: 2, refused: false }
    expect(delayOf(next(third, lost({ reconnectionTime: 3000 }), policy, true))).toBe(6000)
  })

  test('waits out Retry-After and then as long as after other failures, but never beyond reason', () => {
    const ending: Ending = { advice: 'retry', error, retryAfterMs: 7000 }
    expect(delayOf(next(first, lost({ ending }), policy, true))).toBe(7500)
    const absurd: Ending = { advice: 'retry', error, retryAfterMs: 86_400_000 }
    expect(delayOf(next(first, lost({ ending: absurd }), policy, true))).toBe(RETRY_AFTER_MS_MAX + 500)
  })
})
