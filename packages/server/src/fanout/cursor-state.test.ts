import { expect, test } from 'vitest'
import { type CursorEvent, type CursorState, next } from './cursor-state.js'

const place = { position: { time: 10, sequence: 5 }, through: 5 }
const moved = { position: { time: 11, sequence: 6 }, through: 6 }
const skipped = { position: place.position, through: 9 }

const states: Record<CursorState['kind'], CursorState> = {
  'reading-log': { kind: 'reading-log', place },
  'on-tail': { kind: 'on-tail', place },
  'socket-full': { kind: 'socket-full', place },
  closed: { kind: 'closed', place, why: 'client' },
}

const events: Record<CursorEvent['kind'], CursorEvent> = {
  advanced: { kind: 'advanced', position: moved.position },
  skipped: { kind: 'skipped', through: 9 },
  'reached-tail': { kind: 'reached-tail' },
  'fell-behind': { kind: 'fell-behind' },
  'filled-socket': { kind: 'filled-socket' },
  'drained-socket': { kind: 'drained-socket' },
  ended: { kind: 'ended', why: 'stream_error' },
}

const ended: CursorState = { kind: 'closed', place, why: 'stream_error' }

/** `same`: the very same object. `throws`: a mistake of ours. */
const expected: Record<CursorState['kind'], Record<CursorEvent['kind'], CursorState | 'same' | 'throws'>> = {
  'reading-log': {
    advanced: { kind: 'reading-log', place: moved },
    skipped: { kind: 'reading-log', place: skipped },
    'reached-tail': { kind: 'on-tail', place },
    'fell-behind': 'same',
    'filled-socket': { kind: 'socket-full', place },
    'drained-socket': 'same',
    ended,
  },
  'on-tail': {
    advanced: { kind: 'on-tail', place: moved },
    skipped: { kind: 'on-tail', place: skipped },
    'reached-tail': 'same',
    'fell-behind': { kind: 'reading-log', place },
    'filled-socket': { kind: 'socket-full', place },
    'drained-socket': 'same',
    ended,
  },
  'socket-full': {
    advanced: 'throws',
    skipped: 'throws',
    'reached-tail': 'same',
    'fell-behind': 'same',
    'filled-socket': 'same',
    'drained-socket': { kind: 'reading-log', place },
    ended,
  },
  closed: {
    advanced: 'same',
    skipped: 'same',
    'reached-tail': 'same',
    'fell-behind': 'same',
    'filled-socket': 'same',
    'drained-socket': 'same',
    ended: 'same',
  },
}

for (const [stateKind, row] of Object.entries(expected)) {
  for (const [eventKind, outcome] of Object.entries(row)) {
    const state = states[stateKind as CursorState['kind']]
    const event = events[eventKind as CursorEvent['kind']]
    test(`a cursor that is ${stateKind}, told ${eventKind}`, () => {
      if (outcome === 'throws') expect(() => next(state, event)).toThrow()
      else if (outcome === 'same') expect(next(state, event)).toBe(state)
      else expect(next(state, event)).toEqual(outcome)
    })
  }
}

test('a cursor never goes back', () => {
  expect(() => next(states['on-tail'], { kind: 'advanced', position: { time: 10, sequence: 4 } })).toThrow('P2')
  expect(next(states['on-tail'], { kind: 'skipped', through: 4 })).toBe(states['on-tail'])
})

test('a cursor that is told where it stands already stays the same object', () => {
  expect(next(states['on-tail'], { kind: 'advanced', position: place.position })).toBe(states['on-tail'])
})
