import { accept, builtinCatalogue, type JsonObject } from '@switchboard/contract'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Unfinished } from './closing.js'
import { type SimulatorOptions, simulate } from './simulate.js'
import { callOf, type TimelineItem } from './timeline.js'

const STORY: SimulatorOptions = { callsPerMinute: 12, durationSeconds: 600, startMs: 1_795_255_200_000, speed: 1 }

const workspace = (items: readonly TimelineItem[]): readonly JsonObject[] =>
  items.flatMap((item) => ('ws' in item ? [item.ws] : []))
const observed = (items: readonly TimelineItem[]): readonly JsonObject[] =>
  items.flatMap((item) => ('obs' in item ? [item.obs] : []))

function byCall(items: readonly TimelineItem[]): ReadonlyMap<string, readonly TimelineItem[]> {
  const calls = new Map<string, TimelineItem[]>()
  for (const item of items) {
    const sid = callOf(item)
    if (sid !== undefined) calls.set(sid, [...(calls.get(sid) ?? []), item])
  }
  return calls
}

/** Walks a life of types through the states it may have; says where it leaves them. */
function walk(
  machine: Readonly<Record<string, Readonly<Record<string, string>>>>,
  start: string,
  types: readonly string[],
) {
  let state = start
  for (const type of types) {
    const next = machine[state]?.[type]
    if (next === undefined) throw new Error(`${type} in the state ${state}, after ${types.join(' ')}`)
    state = next
  }
  return state
}

const anySeed = fc.record({
  seed: fc.integer({ min: 0, max: 1_000_000 }),
  callsPerMinute: fc.double({ min: 0.2, max: 60, noNaN: true }),
})
const check = (property: (items: readonly TimelineItem[]) => void): void =>
  fc.assert(
    fc.property(anySeed, ({ seed, callsPerMinute }) =>
      property([...simulate(seed, { ...STORY, callsPerMinute, durationSeconds: 240 })]),
    ),
    // The example: an operator's shift ended, and the next began, while the last calls were told to their end.
    { numRuns: 25, examples: [[{ seed: 999991, callsPerMinute: 59.28473956022667 }]] },
  )

test('the same seed tells the same story, and another seed another', () => {
  const story = (seed: number): string => JSON.stringify([...simulate(seed, STORY)])
  expect(story(7)).toBe(story(7))
  expect(story(7)).not.toBe(story(8))
})

test('a longer story begins like a shorter one', () => {
  const short = [...simulate(3, { ...STORY, durationSeconds: 60 })].filter(({ at }) => at < 60)
  const long = [...simulate(3, STORY)].filter(({ at }) => at < 60)
  expect(short).toEqual(long)
})

test('a story without an end can be read as far as one likes', () => {
  let count = 0
  for (const item of simulate(1, { ...STORY, durationSeconds: Number.POSITIVE_INFINITY })) {
    if (++count === 20_000) expect(item.at).toBeGreaterThan(600)
    if (count >= 20_000) break
  }
  expect(count).toBe(20_000)
})

test('every event fits the catalogue of a strict workspace', () => {
  check((items) => {
    for (const item of items) {
      const answer =
        'ws' in item
          ? accept(builtinCatalogue, 'workspace', item.ws, { extraFields: 'refuse' })
          : accept(builtinCatalogue, 'observer', item.obs, { extraFields: 'refuse' })
      if (!answer.ok) throw new Error(`${JSON.stringify(item)}: ${JSON.stringify(answer.errors)}`)
    }
  })
})

test('time never goes back', () => {
  check((items) => {
    for (const [index, item] of items.entries()) expect(item.at).toBeGreaterThanOrEqual(items[index - 1]?.at ?? 0)
  })
})

test('a call starts first, is escalated at most once and before anybody joins for it, and ends once', () => {
  const free = {
    'operator.joined_call': 'joined',
    'call.escalated': 'waiting',
    'call.ended': 'ended',
  }
  const machine = {
    new: { 'call.started': 'started' },
    started: free,
    waiting: { 'operator.joined_call': 'joined', 'call.ended': 'ended' },
    joined: { 'operator.mode_changed': 'joined', 'operator.left_call': 'left' },
    left: { 'call.ended': 'ended', 'operator.wrap_up': 'left' },
    ended: { 'operator.wrap_up': 'ended' },
  }
  check((items) => {
    for (const call of byCall(items).values()) {
      const types = workspace(call).map((event) => String(event.event_type))
      expect(walk(machine, 'new', types)).toBe('ended')
      const end = workspace(call).find((event) => event.event_type === 'call.ended')
      expect(end?.escalated).toBe(types.includes('call.escalated'))
    }
  })
})

test('what is observed lies between the start and the end of its call', () => {
  check((items) => {
    for (const call of byCall(items).values()) {
      const told = call.map((item) => ('ws' in item ? item.ws.event_type : item.obs.type))
      expect(told[0]).toBe('call.started')
      expect(told[1]).toBe('session_start')
      const end = told.indexOf('session_end')
      expect(told.indexOf('call.ended')).toBeGreaterThan(end)
      expect(observed(call).at(-1)?.type).toBe('session_end')
    }
  })
})

test('every tool that starts completes, and what is muted may speak again', () => {
  check((items) => {
    for (const call of byCall(items).values()) {
      const open = new Set<unknown>()
      let muted = false
      for (const event of observed(call)) {
        if (event.type === 'tool_call_started') open.add(event.call_id)
        if (event.type === 'tool_call_completed') expect(open.delete(event.call_id)).toBe(true)
        if (event.type !== 'speaker_muted') continue
        expect(event.muted).toBe(!muted)
        muted = event.muted === true
      }
      expect(open.size).toBe(0)
      expect(muted).toBe(false)
    }
  })
})

test("pieces of the agent's speech add up to what it said", () => {
  let spoken = ''
  let interrupted = 0
  for (const event of [...byCall([...simulate(11, STORY)]).values()].flatMap(observed)) {
    if (event.type === 'agent_transcript_delta') spoken += String(event.delta)
    if (event.type !== 'agent_transcript') continue
    expect(spoken).toBe(event.transcript)
    if (event.interrupted === true) interrupted++
    spoken = ''
  }
  expect(interrupted).toBeGreaterThan(0)
})

test('an operator is registered, online before anything else, on one call at a time, and offline at the end', () => {
  const away = { 'status online': 'online', profile: 'away' }
  const machine = {
    new: { registered: 'away' },
    away,
    online: { joined: 'joining', 'status offline': 'away' },
    joining: { 'status busy': 'busy' },
    busy: { mode: 'busy', left: 'leaving' },
    leaving: { 'status online': 'online' },
  }
  check((items) => {
    const lives = new Map<unknown, string[]>()
    for (const event of workspace(items)) {
      const type = String(event.event_type)
      if (!type.startsWith('operator.') || type === 'operator.wrap_up') continue
      const word =
        type === 'operator.status_changed' ? `status ${event.status}` : (type.split('.')[1] ?? '').split('_')[0]
      lives.set(event.operator_id, [...(lives.get(event.operator_id) ?? []), word ?? ''])
    }
    expect(lives.size).toBeGreaterThan(0)
    for (const life of lives.values()) expect(walk(machine, 'new', life)).toBe('away')
  })
})

test('a surface goes through its review, delivery and answers in an order that people could follow', () => {
  const machine = {
    new: { created: 'created' },
    created: { reshaped: 'created', pending_review: 'reviewed', updated: 'updated', delivered: 'delivered' },
    reviewed: { review_approved: 'approved', review_rejected: 'over' },
    approved: { updated: 'updated', delivered: 'delivered' },
    updated: { delivered: 'delivered' },
    delivered: { opened: 'opened', archived: 'over' },
    opened: { field_saved: 'opened', submitted: 'submitted', archived: 'over' },
    submitted: { pending_review: 'checked' },
    checked: { review_approved: 'over', review_rejected: 'over' },
  }
  check((items) => {
    const lives = new Map<unknown, string[]>()
    for (const event of workspace(items)) {
      const [family, what] = String(event.event_type).split('.')
      if (family !== 'surface') continue
      lives.set(event.surface_id, [...(lives.get(event.surface_id) ?? []), what ?? ''])
      if (what === 'reshaped') expect(lives.has(event.original_surface_id)).toBe(true)
    }
    for (const life of lives.values()) walk(machine, 'new', life)
  })
})

describe('in ten minutes at twelve calls a minute', () => {
  const items = [...simulate(7, STORY)]
  const types = new Set([...workspace(items).map((e) => e.event_type), ...observed(items).map((e) => e.type)])

  test('every type of the two channels that the product is about is seen', () => {
    for (const type of [
      ...'call.started call.ended call.escalated'.split(' '),
      ...'operator.registered operator.status_changed operator.profile_updated operator.joined_call'.split(' '),
      ...'operator.left_call operator.mode_changed operator.wrap_up pipeline.sync_completed pipeline.error'.split(' '),
      ...'created delivered updated archived reshaped submitted field_saved opened pending_review review_approved review_rejected'
        .split(' ')
        .map((what) => `surface.${what}`),
      ...'user_transcript agent_transcript tool_call_started tool_call_completed forward_call_resolved speaker_muted'.split(
        ' ',
      ),
    ]) {
      expect(types).toContain(type)
    }
  })

  test('calls come about as often as was asked', () => {
    const started = workspace(items).filter((event) => event.event_type === 'call.started').length
    expect(started).toBeGreaterThan(90)
    expect(started).toBeLessThan(150)
  })

  test('a data source that fails comes back, with what had piled up', () => {
    const last = new Map<unknown, unknown>()
    let recovered = 0
    for (const event of workspace(items)) {
      if (!String(event.event_type).startsWith('pipeline.')) continue
      const before = last.get(event.data_source_id)
      if (before === 'pipeline.error' && event.event_type === 'pipeline.sync_completed') recovered++
      last.set(event.data_source_id, event.event_type)
    }
    expect(recovered).toBeGreaterThan(0)
  })

  test('the first call comes within two seconds', () => {
    expect(items.find((item) => 'ws' in item && item.ws.event_type === 'call.started')?.at).toBeLessThan(2)
  })

  test('at ten times the speed, wall-clock times in events keep up with whoever watches', () => {
    const at = (speed: number): number => {
      const item = [...simulate(7, { ...STORY, speed })].find(
        (each) => 'ws' in each && each.ws.event_type === 'surface.submitted',
      )
      return item !== undefined && 'ws' in item ? Date.parse(String(item.ws.submitted_at)) - STORY.startMs : Number.NaN
    }
    expect(at(10)).toBeCloseTo(at(1) / 10, -1)
  })
})

test('wherever a story is stopped, it can be brought to an end without a call or an operator left over', () => {
  const story = [...simulate(21, { ...STORY, durationSeconds: 240 })]
  fc.assert(
    fc.property(fc.integer({ min: 1, max: story.length }), (count) => {
      const told = story.slice(0, count)
      const unfinished = new Unfinished()
      for (const item of told) unfinished.take(item)
      const end = unfinished.endAt(told.at(-1)?.at ?? 0)
      for (const item of end) {
        const kind = 'ws' in item ? 'workspace' : 'observer'
        const answer = accept(builtinCatalogue, kind, 'ws' in item ? item.ws : item.obs, { extraFields: 'refuse' })
        if (!answer.ok) throw new Error(JSON.stringify(answer.errors))
      }
      const both = [...told, ...end]
      for (const call of byCall(both).values()) {
        const types = call.map((item) => ('ws' in item ? item.ws.event_type : item.obs.type))
        expect(types.filter((type) => type === 'call.ended')).toHaveLength(1)
        expect(types.filter((type) => type === 'session_end')).toHaveLength(1)
        const joined = types.filter((type) => type === 'operator.joined_call').length
        expect(types.filter((type) => type === 'operator.left_call')).toHaveLength(joined)
      }
      const again = new Unfinished()
      for (const item of both) again.take(item)
      expect(again.endAt(0)).toEqual([])
    }),
    { numRuns: 60 },
  )
})
