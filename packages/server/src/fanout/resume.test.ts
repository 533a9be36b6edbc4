import { describe, expect, test } from 'vitest'
import { callStarted, MemoryLog } from './memory-log.test-kit.js'
import { findStart, startFrom } from './resume.js'

const at = (sequence: number, time = sequence * 10) => ({ time, sequence })
const whole = { newest: at(9), oldest: at(1), removed: undefined }
const cut = { newest: at(9), oldest: at(4), removed: at(3) }
const after = (position: { time: number; sequence: number }) => ({ kind: 'after' as const, position })

describe('a subscriber that gives no position', () => {
  test('begins after the newest entry, and knows it from the first frame on', () => {
    expect(startFrom({ kind: 'live' }, { bounds: whole }, 'w')).toEqual({ after: at(9), resumed: false, id: '90-9' })
  })

  test('on a log that never had an entry is given the position before the first', () => {
    const bounds = { newest: { time: 77, sequence: 0 }, oldest: undefined, removed: undefined }
    expect(startFrom({ kind: 'live' }, { bounds }, 'w').id).toBe('77-0')
  })
})

describe('a subscriber that comes back', () => {
  test('goes on after the position it gives', () => {
    const start = startFrom(after(at(5)), { bounds: cut, kept: at(5) }, 'w')
    expect(start).toEqual({ after: at(5), resumed: true, id: '50-5' })
  })

  test('with the newest entry that was removed has missed nothing', () => {
    expect(startFrom(after(at(3)), { bounds: cut }, 'w')).toEqual({ after: at(3), resumed: true, id: '30-3' })
  })

  test('with the sequence of the newest removed entry and another time is not known', () => {
    expect(startFrom(after(at(3, 31)), { bounds: cut }, 'w').gap?.code).toBe('unknown_position')
  })

  test('too late is told what is left, and goes on with the oldest kept', () => {
    const start = startFrom(after(at(2)), { bounds: cut }, 'w')
    expect(start.after).toEqual(at(3))
    expect(start.resumed).toBe(false)
    expect(start.gap).toEqual({
      code: 'history_truncated',
      requested: '20-2',
      oldest: '40-4',
      newest: '90-9',
      state_url: '/v1/w/state',
    })
  })

  test('too late keeps its old position until it has been told, so that a cut in between tells it again', () => {
    expect(startFrom(after(at(2)), { bounds: cut }, 'w').id).toBe('20-2')
  })

  test('with a position beyond the newest is not known: the log was reset', () => {
    const start = startFrom(after(at(10)), { bounds: whole }, 'w')
    expect(start.gap?.code).toBe('unknown_position')
    expect(start.after.sequence).toBe(0)
  })

  test('with a sequence that has another time is not known: it is from another log', () => {
    expect(startFrom(after(at(5, 51)), { bounds: whole, kept: at(5) }, 'w').gap?.code).toBe('unknown_position')
  })

  test('with a sequence that this channel never gave is not known', () => {
    expect(startFrom(after(at(5)), { bounds: cut }, 'w').gap?.code).toBe('unknown_position')
  })

  test('with an entry that was damaged since goes on after it', () => {
    expect(startFrom(after(at(5)), { bounds: cut, damaged: true }, 'w')).toMatchObject({ after: at(5), resumed: true })
  })

  test('with a malformed header is told so, and its text is not made an id', () => {
    const start = startFrom({ kind: 'malformed', text: 'x'.repeat(500) }, { bounds: whole }, 'w')
    expect(start.gap?.code).toBe('unknown_position')
    expect(start.gap?.requested).toHaveLength(64)
    expect(start.id).toBeUndefined()
  })
})

describe('a subscriber that asks from the beginning', () => {
  test('is given everything when nothing was removed', () => {
    expect(startFrom(after(at(0, 0)), { bounds: whole }, 'w')).toMatchObject({ after: { sequence: 0 }, resumed: true })
    expect(startFrom({ kind: 'all' }, { bounds: whole }, 'w').gap).toBeUndefined()
  })

  test('is told when something was removed', () => {
    expect(startFrom(after(at(0, 0)), { bounds: cut }, 'w').gap?.code).toBe('history_truncated')
    expect(startFrom({ kind: 'all' }, { bounds: cut }, 'w').gap).toMatchObject({ requested: null })
  })
})

describe('a subscriber that asks from an instant on', () => {
  test('begins after the last entry before it', () => {
    const start = startFrom({ kind: 'from', time: 50 }, { bounds: cut, before: at(4) }, 'w')
    expect(start).toEqual({ after: at(4), resumed: true, id: '40-4' })
  })

  test('is told when entries of that instant or later were removed', () => {
    expect(startFrom({ kind: 'from', time: 30 }, { bounds: cut }, 'w').gap?.code).toBe('history_truncated')
    expect(startFrom({ kind: 'from', time: 31 }, { bounds: cut }, 'w').gap).toBeUndefined()
  })

  test('includes every entry of that very millisecond', async () => {
    const log = new MemoryLog()
    const channel = { workspace: 'w' }
    log.time = 1000
    await log.append(channel, [callStarted(1)])
    log.time = 2000
    await log.append(channel, [callStarted(2), callStarted(3)])
    expect((await findStart(log, channel, { kind: 'from', time: 2000 })).after.sequence).toBe(1)
    expect((await findStart(log, channel, { kind: 'from', time: 2001 })).after.sequence).toBe(3)
    expect((await findStart(log, channel, { kind: 'from', time: 0 })).after.sequence).toBe(0)
  })
})

test('a position of a damaged range is found to be one by what the log says of its health', async () => {
  const log = new MemoryLog()
  const channel = { workspace: 'w' }
  const { positions } = await log.append(channel, [callStarted(1), callStarted(2), callStarted(3)])
  log.damage(channel, 2, 2)
  const [, second] = positions
  if (second === undefined) throw new Error('unreachable')
  expect(await findStart(log, channel, { kind: 'after', position: second })).toMatchObject({
    after: second,
    resumed: true,
  })
})
