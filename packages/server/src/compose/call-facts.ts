import type { JsonObject } from '@switchboard/contract'
import type { Log } from '../log/log.js'
import type { CallFacts, CallLookup } from '../transport/observer-frames.js'

/** What an observer is told first of its call, from the state that the log keeps of it. */
export function callFacts(log: Log): CallLookup {
  return async (workspace, callSid) => {
    const known = await log.record(workspace, 'calls', callSid)
    if (known) return factsOf(known.record)
    // Its first event may have been acknowledged at another process a moment ago.
    await log.catchUp()
    const found = await log.record(workspace, 'calls', callSid)
    return found && factsOf(found.record)
  }
}

function factsOf(record: JsonObject): CallFacts {
  return {
    direction: text(record.direction),
    callerId: text(record.caller_id),
    serviceId: text(record.service_id),
    startedAt: moment(record.started_at),
    endedAt: moment(record.ended_at),
    durationSeconds: typeof record.duration_seconds === 'number' ? record.duration_seconds : null,
    completionReason: text(record.completion_reason),
    currentState: text(record.current_state),
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function moment(value: unknown): number | null {
  return typeof value === 'string' ? Date.parse(value) : null
}
