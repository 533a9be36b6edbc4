import type { Projection } from '../src/log/log.js'

/** Counts what happened on each call, from both kinds of channel. `poison` in an event makes it throw, as a bug would. */
export const callsProjection: Projection = {
  name: 'calls',
  key: (channel, _, event) => channel.call ?? (typeof event.call_sid === 'string' ? event.call_sid : undefined),
  fold(previous, { position, type, event }) {
    if (event.poison === true) throw new Error('poisoned')
    if (event.silent === true && previous) return previous
    return {
      events: Number(previous?.events ?? 0) + 1,
      last: position.sequence,
      time: position.time,
      type,
      ...(event.name !== undefined && { name: event.name }),
    }
  },
  personal: {
    subject: 'call',
    mask: (record) => (record.name === undefined ? record : { ...record, name: '[masked]' }),
  },
  expired: (record, before) => record.type === 'call.ended' && Number(record.time) < before,
}
