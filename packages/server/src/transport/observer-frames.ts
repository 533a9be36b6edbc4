import {
  type Catalogue,
  type FailureCode,
  failures,
  formatPosition,
  type JsonObject,
  limits,
  mask,
  type Position,
} from '@switchboard/contract'
import { textMessage } from '../fanout/framing.js'
import type { Gap } from '../fanout/gap.js'

/** What is known of a call. Null is what no event has told. */
export interface CallFacts {
  readonly direction: string | null
  readonly callerId: string | null
  readonly serviceId: string | null
  /** Unix ms. */
  readonly startedAt: number | null
  /** Unix ms; null while the call is active. */
  readonly endedAt: number | null
  readonly durationSeconds: number | null
  readonly completionReason: string | null
  readonly currentState: string | null
}

/** Undefined when no event of either kind has ever told of the call. */
export type CallLookup = (workspace: string, callSid: string) => Promise<CallFacts | undefined>

/** The call as one reader may see it. */
export interface CallView {
  readonly catalogue: Catalogue
  readonly workspace: string
  readonly callSid: string
  readonly masked: boolean
}

/**
 * The first message: the call so far. Public clients expect text and numbers, so what is not known is empty or 0;
 * a direction that is not known is left out, since each of its values would be a claim.
 * @param id The point to come back with, if the connection is cut now.
 */
export function sessionInfo(call: CallView, facts: CallFacts, now: number, id: string): Buffer {
  const startedAt = facts.startedAt ?? undefined
  const seconds = facts.durationSeconds ?? (startedAt === undefined ? 0 : ((facts.endedAt ?? now) - startedAt) / 1000)
  return made(call, id, {
    type: 'session_info',
    call_sid: call.callSid,
    ...(facts.direction === null ? {} : { direction: facts.direction }),
    caller_id: facts.callerId ?? '',
    service_id: facts.serviceId ?? '',
    workspace_id: call.workspace,
    start_time: startedAt === undefined ? 0 : startedAt / 1000,
    duration_seconds: Math.max(0, seconds),
    current_state: facts.currentState ?? '',
  })
}

/** The end, for a call whose producers did not tell it. */
export function sessionEnd(call: CallView, facts: CallFacts, position: Position): Buffer {
  const ran = facts.startedAt !== null && facts.endedAt !== null ? (facts.endedAt - facts.startedAt) / 1000 : 0
  return made(call, formatPosition(position), {
    type: 'session_end',
    call_sid: call.callSid,
    completion_reason: facts.completionReason ?? '',
    duration_s: facts.durationSeconds ?? Math.max(0, ran),
    final_state: facts.currentState ?? '',
  })
}

function made({ catalogue, masked }: CallView, id: string, event: JsonObject & { readonly type: string }): Buffer {
  const shown = masked ? mask(catalogue.get('observer', event.type), event) : event
  // The position is no part of the event, and is not masked.
  return message({ ...shown, id })
}

export function sessionLive(position: Position): Buffer {
  return message({ type: 'session_live', id: formatPosition(position) })
}

/** Like the workspace stream's: it carries the position to resume from beyond the gap, when there is one. */
export function observerGap(gap: Gap, resumeFrom: Position | undefined): Buffer {
  return message({ type: 'stream.gap', ...gap, ...(resumeFrom ? { id: formatPosition(resumeFrom) } : {}) })
}

/** Without a `type`: public clients watch for silence in messages, and hand only typed ones on. */
export function observerHeartbeat(now: number): Buffer {
  return message({ heartbeat: now })
}

function message(content: JsonObject): Buffer {
  return textMessage(Buffer.from(JSON.stringify(content)))
}

/** For failures that the table gives no close code (RFC 6455's registry: internal error, try again later). */
const UNEXPECTED = 1011
const TRY_LATER = 1013

export function closeCode(code: FailureCode): number {
  const failure = failures[code]
  if ('close' in failure) return failure.close
  return failure.retry === 'later' ? TRY_LATER : UNEXPECTED
}

/** Begins with the failure's code, and is cut to what a close frame may carry. */
export function closeReason(code: FailureCode, detail: string): string {
  const reason = Buffer.from(`${code}: ${detail}`)
  if (reason.length <= limits.closeReasonBytesMax) return reason.toString()
  // Not in the middle of a character: a continuation byte is 10xxxxxx.
  let end = limits.closeReasonBytesMax
  while (((reason[end] as number) & 0xc0) === 0x80) end -= 1
  return reason.toString('utf8', 0, end)
}
