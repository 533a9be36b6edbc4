import { calls, type JsonObject, operators, type Reducer, sources, surfaces } from '@switchboard/contract'
import { channelKind } from '../log/block.js'
import type { Projection } from '../log/log.js'
import { personalRecords } from './personal.js'

/**
 * The contract's reducers as projections of the log, so that state is folded in the append's own transaction: it never
 * lags behind what was acknowledged, and needs no checkpoint and no reading back at a start.
 */
export const projections: readonly Projection[] = [
  projection(calls),
  projection(operators),
  projection(surfaces),
  projection(sources),
]

function projection<Record extends object>(reducer: Reducer<Record>): Projection {
  const personal = personalRecords[reducer.name]
  return {
    name: reducer.name,
    key: (channel, type, event) => reducer.key({ kind: channelKind(channel), call: channel.call, type, event }),
    // The log keeps records as plain JSON: what a reducer made is what it is given back.
    fold: (previous, { channel, position, type, event }) =>
      reducer.fold(previous as Record | undefined, {
        kind: channelKind(channel),
        call: channel.call,
        position,
        type,
        event,
      }) as unknown as JsonObject,
    ...(personal && { personal }),
    expired: (record, before) => reducer.expired(record as unknown as Record, before),
  }
}
