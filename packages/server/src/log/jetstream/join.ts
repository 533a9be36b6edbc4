import type { Applied } from './applied.js'
import type { StreamState } from './pulse.js'

/** What a gateway does with the copy it has, when it comes back to the stream. */
export type Joining =
  /** Goes on behind what it has. */
  | { readonly kind: 'continue'; readonly from: Applied }
  /** Begins with the stream's first message: nothing was ever removed before it. */
  | { readonly kind: 'begin'; readonly from: Applied }
  /** Begins with a checkpoint: what is not in the stream any more is only there. */
  | { readonly kind: 'restore' }
  /** Begins with the stream's first message, without what came before it. */
  | { readonly kind: 'begin-late'; readonly from: Applied }
  /** Throws the copy away and looks again. `why` is for people. */
  | { readonly kind: 'discard'; readonly why: string }

export interface JoinFacts {
  /** What the copy says of itself; undefined when there is none. */
  readonly applied: Applied | undefined
  readonly stream: StreamState
  /** The last message that the newest checkpoint holds; undefined when there is none. */
  readonly checkpoint: number | undefined
  /** The stream's time of the message that the copy holds last; undefined when it is not there any more. */
  readonly timeOfLast: number | undefined
}

/**
 * A copy is only worth something as a copy of this stream: of one that was made anew, or that has lost what it had
 * acknowledged, the stream is right and the copy is thrown away.
 *
 *     stream        first ─────────────── last
 *     copy          ── applied                     continue
 *     copy   ── applied   ×   ×                    what it misses is gone: from a checkpoint
 *     copy   ────────────────────── applied ──     the stream lost it: discard
 */
export function join({ applied, stream, checkpoint, timeOfLast }: JoinFacts): Joining {
  const { first, created } = stream
  const nothing = (sequence: number): Applied => ({ sequence, time: 0, from: sequence + 1, stream: created })
  if (applied === undefined) {
    // Also where the stream is whole at its beginning: messages may have been purged from its middle.
    if (checkpoint !== undefined) return { kind: 'restore' }
    return first <= 1 ? { kind: 'begin', from: nothing(0) } : { kind: 'begin-late', from: nothing(first - 1) }
  }
  const strange = whyStrange(applied, stream, timeOfLast)
  if (strange !== undefined) return { kind: 'discard', why: strange }
  // What was purged while it was away may be all that it misses; to find that out is not worth a wrong copy.
  if (first > applied.from) return { kind: 'discard', why: 'it was away for so long that a part of the stream is gone' }
  return { kind: 'continue', from: applied }
}

/** Why a checkpoint is of no use with this stream; undefined when it is. `timeOfLast` as in `JoinFacts`. */
export function whyUseless(applied: Applied, stream: StreamState, timeOfLast: number | undefined): string | undefined {
  // A stream that was restored from a back-up was made at another time, and has the same messages.
  const isKnown = timeOfLast === applied.time && applied.sequence <= stream.last
  return isKnown ? undefined : whyStrange(applied, stream, timeOfLast)
}

/** Why what was made of a stream's messages is not of this one; undefined when it is. */
function whyStrange(
  { sequence, time, stream: made }: Applied,
  { last, created }: StreamState,
  timeOfLast: number | undefined,
): string | undefined {
  if (made !== created) return 'the stream was made anew'
  if (last < sequence) return 'the stream has lost messages that it had acknowledged'
  if (timeOfLast !== undefined && timeOfLast !== time) return 'the stream holds other messages than it had acknowledged'
  return undefined
}
