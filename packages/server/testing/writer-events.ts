import type { Channel, NewEvent } from '../src/log/log.js'

export const CHANNELS: readonly Channel[] = [{ workspace: 'w1' }, { workspace: 'w1', call: 'CA1' }, { workspace: 'w2' }]

/** The event `n` of writer.ts. Its text tells every event from every other, and any change of a byte. */
export function numbered(n: number): NewEvent {
  const text = `${n}:${'abcdefghij'.repeat(n % 40)}`
  return {
    type: 'call.started',
    event: { event_type: 'call.started', n, call_sid: `CA${n % 5}`, text },
    idempotency: { key: String(n), fingerprint: text },
  }
}
