import type { FailureCode } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { TestClock } from '../fanout/clock.test-kit.js'
import { noMeter } from '../meter.js'
import type { Seats } from './seats.js'
import { principal, TestGate } from './server.test-kit.js'
import { createSessions, type Session } from './sessions.js'

const DAY_MS = 86_400_000

function registry(maxStreamsPerWorkspace = 10, seats?: Seats, maxStreamsPerKey?: number) {
  const clock = new TestClock()
  const gate = new TestGate()
  const sessions = createSessions({
    gate,
    clock,
    meter: noMeter,
    maxStreamsPerWorkspace,
    maxStreamsPerKey,
    drainMs: 5000,
    ...(seats && { seats }),
  })
  const told: { key: string; code: FailureCode; retryMs: number | undefined }[] = []
  const cut: string[] = []
  const open = (key: string, expiresAt?: number, workspace = 'w', kind: 'workspace' | 'observer' = 'workspace') =>
    sessions.open({
      workspace,
      kind,
      principal: principal(key, [], expiresAt),
      facts: () => ({ connectionId: key, callSid: null, position: null, types: null, masked: true }),
      end: (code, { retryMs }) => told.push({ key, code, retryMs }),
      destroy: () => cut.push(key),
    })
  return { clock, gate, sessions, told, cut, open }
}

function opened(session: Session | string): Session {
  if (typeof session === 'string') throw new Error(session)
  return session
}

describe('the registry of streams', () => {
  test('counts both kinds of a workspace together, and each workspace for itself', () => {
    const { open, sessions } = registry(2)
    open('a')
    const observer = opened(open('a', undefined, 'w', 'observer'))
    expect(open('a')).toBe('too_many_streams')
    expect(open('a', undefined, 'other')).not.toBeTypeOf('string')
    expect(sessions.counts()).toEqual({ workspace: 2, observer: 1 })
    observer.gone()
    expect(open('a')).not.toBeTypeOf('string')
  })

  test('leaves room for others when one key has its maximum, where there is one', () => {
    const { open, sessions } = registry(4, undefined, 2)
    const first = opened(open('a'))
    open('a', undefined, 'w', 'observer')
    expect(open('a')).toBe('too_many_streams')
    expect(open('b')).not.toBeTypeOf('string')
    first.gone()
    expect(open('a')).not.toBeTypeOf('string')
    expect(sessions.maxStreamsPerKey).toBe(2)
  })

  test('tells which streams of a workspace are open, and of no other workspace', () => {
    const { open, sessions } = registry()
    open('a')
    const second = opened(open('b', undefined, 'w', 'observer'))
    open('c', undefined, 'other')
    const keys = (workspace: string) => sessions.list(workspace).map(({ keyId, kind }) => `${keyId} ${kind}`)
    expect([keys('w'), keys('other')]).toEqual([['a workspace', 'b observer'], ['c workspace']])
    second.end('credential_revoked')
    expect(keys('w')).toEqual(['a workspace'])
  })

  test('ends the streams of a revoked key, and of no other', () => {
    const { open, gate, told } = registry()
    open('a')
    open('b')
    open('a')
    gate.revoke('a')
    expect(told.map(({ key, code }) => `${key} ${code}`)).toEqual(['a credential_revoked', 'a credential_revoked'])
  })

  test('ends a stream once, whatever happens to it', () => {
    const { open, gate, told, clock } = registry()
    const session = opened(open('a', clock.now() + 1000))
    gate.revoke('a')
    clock.advance(2000)
    session.end('stream_error')
    session.gone()
    session.gone()
    expect(told).toHaveLength(1)
  })

  test('cuts who does not take the goodbye in time, and leaves alone who does', () => {
    const { open, gate, cut, clock } = registry()
    const quick = opened(open('a'))
    open('a')
    gate.revoke('a')
    quick.gone()
    clock.advance(2000)
    expect(cut).toEqual(['a'])
  })

  test('lets a credential live for longer than a timer can count', () => {
    const { open, told, clock } = registry()
    open('a', clock.now() + 40 * DAY_MS)
    clock.advance(40 * DAY_MS - 1)
    expect(told).toEqual([])
    clock.advance(1)
    expect(told).toMatchObject([{ code: 'credential_expired' }])
  })

  test('ends a stream whose credential has just expired at once', () => {
    const { open, told, clock } = registry()
    open('a', clock.now() - 1)
    clock.advance(0)
    expect(told).toMatchObject([{ code: 'credential_expired' }])
  })

  test('holds no timer of a stream that is gone', () => {
    const { open, clock } = registry()
    opened(open('a', clock.now() + DAY_MS)).gone()
    expect(clock.timers).toBe(0)
  })

  test('drains thousands within the time, a few at once, each told another time to come back', async () => {
    const { open, sessions, told, clock } = registry(5000)
    const all = Array.from({ length: 2000 }, (_, index) => opened(open(`k${index}`)))
    let drained = false
    const draining = sessions.drain().then(() => {
      drained = true
    })
    expect(open('late')).toBe('server_draining')
    expect(told.length).toBeLessThan(2000)
    for (let step = 0; step < 20 && told.length < 2000; step++) {
      clock.advance(50)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(told).toHaveLength(2000)
    expect(new Set(told.map(({ retryMs }) => retryMs)).size).toBe(2000)
    expect(drained).toBe(false)
    for (const session of all) session.gone()
    await draining
  })

  test('drains at once when nobody is there', async () => {
    await registry().sessions.drain()
  })
})

/** Seats that are asked for elsewhere: each answer comes when the test gives it. */
function seatsElsewhere() {
  const asked: ((isFree: boolean | Error) => void)[] = []
  const given: string[] = []
  const seats: Seats = {
    take: () =>
      new Promise((resolve, reject) => {
        asked.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)))
      }),
    give: (workspace) => given.push(workspace),
  }
  return { seats, asked, given }
}

describe('a stream whose seat another process gives', () => {
  test('is admitted when it has one, and gives it back once', async () => {
    const { seats, asked, given } = seatsElsewhere()
    const session = opened(registry(10, seats).open('a'))
    asked[0]?.(true)
    expect(await session.admitted).toBe(true)
    session.gone()
    session.gone()
    expect(given).toEqual(['w'])
  })

  test('is ended when there is none, and gives nothing back', async () => {
    const { seats, asked, given } = seatsElsewhere()
    const { open, told } = registry(10, seats)
    const session = opened(open('a'))
    asked[0]?.(false)
    expect(await session.admitted).toBe(false)
    session.gone()
    expect(told).toMatchObject([{ code: 'too_many_streams' }])
    expect(given).toEqual([])
  })

  test('that ends while it waits gives back what it then gets, and is told why it ended', async () => {
    const { seats, asked, given } = seatsElsewhere()
    const { open, gate, told } = registry(10, seats)
    const revoked = opened(open('a'))
    const left = opened(open('b'))
    gate.revoke('a')
    left.gone()
    for (const answer of asked) answer(true)
    expect([await revoked.admitted, await left.admitted]).toEqual([false, false])
    expect(told).toMatchObject([{ key: 'a', code: 'credential_revoked' }])
    expect(given).toEqual(['w', 'w'])
  })

  test('is ended when nobody can say whether there is one', async () => {
    const { seats, asked } = seatsElsewhere()
    const { open, told } = registry(10, seats)
    const session = opened(open('a'))
    asked[0]?.(new Error('gone'))
    expect(await session.admitted).toBe(false)
    expect(told).toMatchObject([{ code: 'stream_unavailable' }])
  })
})
