import { type JsonObject, type Position, SwitchboardError } from '@switchboard/contract'
import { lineJson } from './block.js'
import type { Draught, PlacedDraught } from './codec.js'
import type { Operation } from './commits.js'
import { Draft } from './draft.js'
import type { Group } from './group.js'
import type { IdempotencyKeys } from './idempotency.js'
import type { Appended, Channel, Idempotency, NewEvent } from './log.js'
import { RecordDraft } from './records.js'

/** The longest name of a type, in UTF-8 bytes: its length is one byte in a stored block. */
export const TYPE_BYTES_MAX = 255

/** An event on its way, as it will be written. */
export interface Entering extends Draught {
  readonly idempotency?: Idempotency | undefined
}

/** Entries that come from another log. What they came to in the projections is carried over by itself. */
export interface Moved {
  /** When each was first stored, unix ms. They never run backwards. */
  readonly times: readonly number[]
  /** The channel's newest sequence before them: when there is a newer one by now, nothing is stored. */
  readonly after: number
}

/**
 * Events as they will be written.
 * @throws SwitchboardError `invalid_event` for a type that cannot be stored, `internal` for what is not JSON.
 */
export function entering(events: readonly NewEvent[]): readonly Entering[] {
  return events.map(({ type, event, idempotency }) => ({ type, event, json: jsonOf(type, event), idempotency }))
}

/** One append on its way to the disk. */
export class Append implements Operation {
  readonly entries: number
  readonly chars: number
  readonly alone = false
  readonly whenFull = false
  private answer: Appended = { positions: [], replayed: 0 }
  private fresh: number[] = []

  constructor(
    private readonly channel: Channel,
    private readonly events: readonly Entering[],
    private readonly request: Idempotency | undefined,
    private readonly keys: IdempotencyKeys,
    private readonly resolve: (appended: Appended) => void,
    private readonly reject: (error: SwitchboardError) => void,
    private readonly moved?: Moved | undefined,
  ) {
    this.entries = events.length
    this.chars = events.reduce((sum, { json }) => sum + json.length, 0)
  }

  /** Once prepared: which of the events were new, by their index. */
  get stored(): readonly number[] {
    return this.fresh
  }

  prepare(group: Group): void {
    const { channel, request, keys, moved } = this
    const place = group.channel(channel)
    const { key } = place
    if (moved && place.newest.sequence > moved.after) {
      throw new SwitchboardError('conflict', 'the channel has other entries by now')
    }
    const draft = new Draft(group.draft)
    // 1. The request as a whole may be a repeat, of one stored long ago or of one that waits in this very group.
    const first = request && keys.recall(draft, channel, key, 'request', request, group.now)
    if (first) {
      this.answer = { positions: first, replayed: this.events.length }
      return
    }
    // 2. So may single events. The others get their places.
    const positions: Position[] = []
    const fresh: PlacedDraught[] = []
    const indexes: number[] = []
    for (const [index, event] of this.events.entries()) {
      const { idempotency } = event
      const [given] = (idempotency && keys.recall(draft, channel, key, 'event', idempotency, group.now)) ?? []
      const position = given ?? group.place(place, fresh.length, moved?.times[index])
      positions.push(position)
      if (given) continue
      const { type, json, isErased } = event
      fresh.push({ type, event: event.event, json, isErased, position })
      indexes.push(index)
      if (idempotency) keys.remember(draft, key, 'event', idempotency, [position], group.now)
    }
    if (request) keys.remember(draft, key, 'request', request, positions, group.now)
    // 3. What they change in the projections.
    const records = new RecordDraft(group.records)
    if (!moved) for (const { type, event, position } of fresh) records.fold({ channel, position, type, event })
    // 4. Nothing above has touched the group, so whatever threw there has refused this append alone. Nothing below throws.
    draft.keep()
    records.keep()
    place.entries.push(...fresh)
    this.fresh = indexes
    this.answer = { positions, replayed: positions.length - fresh.length }
  }

  done(): void {
    this.resolve(this.answer)
  }

  failed(error: SwitchboardError): void {
    this.reject(error)
  }
}

function jsonOf(type: string, event: JsonObject): string {
  if (type.length === 0 || Buffer.byteLength(type) > TYPE_BYTES_MAX) {
    throw new SwitchboardError('invalid_event', `a type has 1 to ${TYPE_BYTES_MAX} bytes`)
  }
  try {
    return lineJson(event)
  } catch (cause) {
    throw new SwitchboardError('internal', 'an event that is not JSON came to the log', { cause })
  }
}
