import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../catalogue/define.js'
import { calls } from './calls.js'
import type { Reducer, StateEntry } from './fold.js'
import { operators } from './operators.js'
import { sources } from './sources.js'
import { surfaces } from './surfaces.js'

const START = Date.parse('2026-11-22T09:00:00Z')

/** A sample timeline as log entries; the observer's belong to the call that opened the file. */
function timeline(name: string): StateEntry[] {
  const path = fileURLToPath(new URL(`../../../../tests/fixtures/timelines/${name}.jsonl`, import.meta.url))
  const lines = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const call = lines[0].ws.call_sid
  return lines.map(({ at, ws, obs }, index) => ({
    kind: ws ? 'workspace' : 'observer',
    call: ws ? undefined : call,
    position: { time: START + Number(at) * 1000, sequence: index + 1 },
    type: ws ? ws.event_type : obs.type,
    event: ws ?? obs,
  }))
}

function foldAll<Record extends object>(reducer: Reducer<Record>, entries: readonly StateEntry[]): Map<string, Record> {
  const records = new Map<string, Record>()
  for (const entry of entries) {
    const key = reducer.key(entry)
    if (key !== undefined) records.set(key, reducer.fold(records.get(key), entry))
  }
  return records
}

const CALL = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'
const DESK = '2a9d6e70-8b14-4c3f-a1d2-5e7f90b1c203'
const escalated = timeline('call-escalation-takeover')
const upTo = (seconds: number) => escalated.filter(({ position }) => position.time <= START + seconds * 1000)

describe('a call', () => {
  test('is active with what its start told, and where the conversation stands', () => {
    expect(foldAll(calls, upTo(6)).get(CALL)).toMatchObject({
      status: 'active',
      direction: 'inbound',
      caller_id: '+15550142',
      started_at: '2026-11-22T09:00:00.000Z',
      current_state: 'greeting',
      escalated: false,
      operators: [],
    })
  })

  test('waits for a person once it is escalated, until one joins, and goes back to the agent', () => {
    expect(foldAll(calls, upTo(10)).get(CALL)?.escalation?.status).toBe('requested')
    const taken = foldAll(calls, upTo(31)).get(CALL)
    expect(taken?.escalation?.status).toBe('connected')
    expect(taken?.operators).toEqual([{ operator_id: DESK, mode: 'takeover', joined_at: '2026-11-22T09:00:21.400Z' }])
    expect(taken?.muted).toBe(true)
    expect(foldAll(calls, upTo(90)).get(CALL)?.escalation?.status).toBe('handback')
  })

  test('ended stays ended, whatever comes late', () => {
    const ended = foldAll(calls, escalated).get(CALL)
    expect(ended).toMatchObject({
      status: 'ended',
      ended_at: '2026-11-22T09:01:37.000Z',
      duration_seconds: 97.2,
      completion_reason: 'completed',
      escalated: true,
      operators: [],
      wrap_up_reason: 'resolved',
      session_ended: true,
    })
    const late = { ...(escalated[0] as StateEntry), position: { time: START + 600_000, sequence: 99 } }
    expect(calls.fold(ended, late)).toBe(ended)
  })

  test('is known from its first observer event, without any start', () => {
    const talk = escalated.filter(({ kind }) => kind === 'observer').slice(1, 3)
    expect(foldAll(calls, talk).get(CALL)).toMatchObject({
      status: 'active',
      direction: null,
      current_state: 'greeting',
    })
  })
})

test('an operator has a status, a current call with its mode, and a profile', () => {
  const shift = timeline('operator-shift')
  const id = '84e1b3c7-09fa-4d52-b6e8-7a3c5d1f2b0a'
  const during = foldAll(operators, shift.slice(0, 6)).get(id)
  expect(during).toMatchObject({ status: 'busy', current_call: { mode: 'listen' }, calls_joined: 1 })
  expect(during?.profile).toHaveProperty('phone_number', null)
  expect(foldAll(operators, shift).get(id)).toMatchObject({ status: 'offline', current_call: null })
})

test('surfaces go through review, delivery and submission, and end where their events say', () => {
  const records = foldAll(surfaces, timeline('surfaces-review-cycle'))
  const stages = [...records.values()].map(({ stage, review }) => [stage, review])
  expect(stages).toEqual([
    ['rejected', 'rejected'],
    ['completed', 'approved'],
    ['archived', null],
  ])
  expect(records.get('b2f1c0de-77aa-4bcd-8e21-6c0d9f3a5b09')).toMatchObject({
    original_surface_id: '9e8d7c6b-5a49-4382-b716-05f4e3d2c107',
    fields_saved: ['pharmacy', 'allergies'],
    submitted_at: '2026-11-22T10:15:02Z',
  })
})

test('a data source that failed twice and recovered is healthy with a streak of two', () => {
  const entries = timeline('pipeline-failing-then-well')
  const id = 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05'
  expect(foldAll(sources, entries.slice(0, 2)).get(id)).toMatchObject({ health: 'failing', streak: 2, errors: 2 })
  expect(foldAll(sources, entries).get(id)).toMatchObject({ health: 'healthy', streak: 2, events_total: 184 })
})

describe('in any order', () => {
  const everything = [
    ...escalated,
    ...timeline('operator-shift'),
    ...timeline('surfaces-review-cycle'),
    ...timeline('pipeline-failing-then-well'),
  ]
  const shuffled = fc
    .shuffledSubarray(everything, { minLength: 1 })
    .map((entries) =>
      entries.map((entry, index) => ({ ...entry, position: { time: START + index, sequence: index + 1 } })),
    )
  const foldings: readonly ((entries: readonly StateEntry[]) => Map<string, object>)[] = [
    (entries) => foldAll(calls, entries),
    (entries) => foldAll(operators, entries),
    (entries) => foldAll(surfaces, entries),
    (entries) => foldAll(sources, entries),
  ]

  test('no reducer breaks, and every record keeps its id and survives JSON', () => {
    fc.assert(
      fc.property(shuffled, (entries) => {
        for (const fold of foldings) {
          for (const [key, record] of fold(entries)) {
            expect(Object.values(record)).toContain(key)
            expect(JSON.parse(JSON.stringify(record))).toEqual(record)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  test('a call that has ended is never active again', () => {
    fc.assert(
      fc.property(shuffled, (entries) => {
        const records = new Map<string, ReturnType<typeof calls.fold>>()
        for (const entry of entries) {
          const key = calls.key(entry)
          if (key === undefined) continue
          const before = records.get(key)
          const after = calls.fold(before, entry)
          if (before?.status === 'ended') expect(after.status).toBe('ended')
          records.set(key, after)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('hostile fields neither throw nor get in', () => {
    const types = [
      'call.started',
      'call.escalated',
      'operator.joined_call',
      'surface.field_saved',
      'pipeline.error',
      'session_end',
      'speaker_muted',
    ]
    const ids = { call_sid: 'CA1', operator_id: 'o', surface_id: 's', data_source_id: 'd' }
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.object(), fc.boolean(), (type, fields, observer) => {
        const event = { ...fields, ...ids } as JsonObject
        const entry: StateEntry = {
          kind: observer ? 'observer' : 'workspace',
          call: observer ? 'CA1' : undefined,
          position: { time: START, sequence: 1 },
          type,
          event,
        }
        for (const fold of foldings) fold([entry, entry])
      }),
    )
  })
})
