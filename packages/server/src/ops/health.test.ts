import { describe, expect, test } from 'vitest'
import type { Health as LogHealth } from '../log/log.js'
import { createHealth, type HealthEvent, type HealthState, nextHealth, storageCheck } from './health.js'

const states: Record<HealthState['kind'], HealthState> = {
  starting: { kind: 'starting' },
  ready: { kind: 'ready' },
  draining: { kind: 'draining' },
  failed: { kind: 'failed', reason: 'first' },
}
const events: Record<HealthEvent['kind'], HealthEvent> = {
  started: { kind: 'started' },
  stopping: { kind: 'stopping' },
  failed: { kind: 'failed', reason: 'second' },
}
const table: Record<HealthState['kind'], Record<HealthEvent['kind'], HealthState['kind'] | 'same'>> = {
  starting: { started: 'ready', stopping: 'draining', failed: 'failed' },
  ready: { started: 'same', stopping: 'draining', failed: 'failed' },
  draining: { started: 'same', stopping: 'same', failed: 'failed' },
  failed: { started: 'same', stopping: 'same', failed: 'same' },
}

for (const [kind, row] of Object.entries(table)) {
  test.each(Object.entries(row))(`${kind}, then %s: %s`, (event, expected) => {
    const state = states[kind as HealthState['kind']]
    const after = nextHealth(state, events[event as HealthEvent['kind']])
    if (expected === 'same') expect(after).toBe(state)
    else expect(after.kind).toBe(expected)
  })
}

describe('readiness', () => {
  test('begins once the server has started, and ends when it goes away', () => {
    const health = createHealth()
    expect(health.readiness()).toEqual({
      status: 'not_ready',
      checks: [{ name: 'process', ok: false, detail: 'It is starting.' }],
    })
    health.tell({ kind: 'started' })
    expect(health.readiness()).toEqual({ status: 'ready', checks: [{ name: 'process', ok: true }] })
    health.tell({ kind: 'stopping' })
    expect(health).toMatchObject({ isReady: false, isDraining: true })
    expect(health.readiness().checks[0]?.detail).toContain('going away')
    health.tell({ kind: 'failed', reason: 'It failed.' })
    expect(health.readiness().checks[0]?.detail).toBe('It failed.')
  })

  test('follows its checks, and comes back when they do', () => {
    const health = createHealth()
    let wrong: string | undefined = 'The disk is full.'
    health.tell({ kind: 'started' })
    health.check('storage', () => wrong)
    expect(health.readiness()).toMatchObject({
      status: 'not_ready',
      checks: [
        { name: 'process', ok: true },
        { name: 'storage', ok: false, detail: 'The disk is full.' },
      ],
    })
    wrong = undefined
    expect(health.isReady).toBe(true)
  })
})

describe('the storage check', () => {
  const check = (health: LogHealth) => storageCheck({ health: () => health })()

  test('has nothing to say of a healthy log', () => {
    expect(check({ writable: true, faults: [] })).toBeUndefined()
  })

  test('says what is wrong and what to do, without telling whose events they are', () => {
    const channel = { workspace: 'canary-workspace', call: 'canary-call' }
    const damaged = { code: 'damaged', channel, from: 1, to: 2, detail: 'canary' } as const
    expect(check({ writable: true, faults: [damaged] })).toMatch(
      /^1 damaged place in what is stored: .* `switchboard restore`/,
    )
    const full = { code: 'storage_full', detail: 'canary' } as const
    const words = check({ writable: false, faults: [damaged, damaged, full] })
    expect(words).toBe(
      'The disk is full: make room. 2 damaged places in what is stored: the log of the server names them, and `switchboard restore` brings a back-up back. Nothing more is acknowledged.',
    )
    for (const [code, said] of [
      ['storage_fault', 'The storage failed'],
      ['unreachable', 'The NATS servers do not answer'],
      ['behind', 'It is still catching up'],
    ] as const) {
      expect(check({ writable: false, faults: [{ code, detail: 'canary' }] })).toContain(said)
    }
  })
})
