import type { CallState } from '@switchboard/contract'
import type { Log } from '../log/log.js'
import type { CallLookup } from './observer-frames.js'

/**
 * Calls as the log's `calls` projection keeps them. It is folded in the append's own transaction, so a call is known,
 * and known to have ended, as soon as the event that says so was acknowledged.
 */
export function callLookup(log: Log): CallLookup {
  return async (workspace, callSid) => {
    const found = await log.record(workspace, 'calls', callSid)
    if (found === undefined) return undefined
    const call = found.record as unknown as CallState
    return {
      direction: call.direction,
      callerId: call.caller_id,
      serviceId: call.service_id,
      startedAt: Date.parse(call.started_at),
      endedAt: call.status === 'ended' ? Date.parse(call.ended_at ?? call.started_at) : null,
      durationSeconds: call.duration_seconds,
      completionReason: call.completion_reason,
      currentState: call.current_state,
    }
  }
}
