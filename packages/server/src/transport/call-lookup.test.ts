import { calls, type JsonObject } from '@switchboard/contract'
import { expect, test } from 'vitest'
import { MemoryLog } from '../fanout/memory-log.test-kit.js'
import { callLookup } from './call-lookup.js'

const SID = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'

function lookup(events: readonly JsonObject[]) {
  let state: ReturnType<typeof calls.fold> | undefined
  for (const [index, event] of events.entries()) {
    const position = { time: 1_763_788_800_000 + index * 1000, sequence: index + 1 }
    state = calls.fold(state, { kind: 'workspace', call: undefined, position, type: String(event.event_type), event })
  }
  const log = new MemoryLog()
  log.record = async () => (state ? { key: SID, record: JSON.parse(JSON.stringify(state)) } : undefined)
  return callLookup(log)('w', SID)
}

const started = { event_type: 'call.started', call_sid: SID, direction: 'inbound', service_id: 'desk', caller_id: '+1' }
const ended = { event_type: 'call.ended', call_sid: SID, duration_seconds: 7, completion_reason: 'completed' }

test('a call that no event told of is unknown', async () => {
  expect(await lookup([])).toBeUndefined()
})

test('an active call has begun and not ended', async () => {
  expect(await lookup([started])).toMatchObject({
    direction: 'inbound',
    callerId: '+1',
    serviceId: 'desk',
    startedAt: 1_763_788_800_000,
    endedAt: null,
    durationSeconds: null,
  })
})

test('an ended call tells when and why', async () => {
  expect(await lookup([started, ended])).toMatchObject({
    endedAt: 1_763_788_801_000,
    durationSeconds: 7,
    completionReason: 'completed',
  })
})
