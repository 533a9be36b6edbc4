import { amount, changed, momentOf, type Reducer, type StateEntry, text } from './fold.js'

/** An operator who is on a call now. */
export interface OperatorOnCall {
  readonly operator_id: string
  readonly mode: 'listen' | 'takeover'
  readonly joined_at: string
}

/**
 * The request for a person.
 *
 *     none ──call.escalated──▶ requested ──joined_call──▶ connected ──back to listen, or left──▶ handback
 *                                  └──────────────── call.ended, from each of them ────────────▶ completed
 */
export interface Escalation {
  readonly escalation_id: string
  readonly trigger: string | null
  readonly reason: string | null
  readonly requested_at: string
  readonly status: 'requested' | 'connected' | 'handback' | 'completed'
}

/** One call, as its events so far tell it. What no event has told is null. */
export interface CallState {
  readonly call_sid: string
  readonly status: 'active' | 'ended'
  readonly direction: string | null
  readonly service_id: string | null
  readonly caller_id: string | null
  /** When `call.started` was taken in, or else the first event of the call. */
  readonly started_at: string
  readonly ended_at: string | null
  readonly duration_seconds: number | null
  readonly completion_reason: string | null
  readonly escalated: boolean
  readonly escalation: Escalation | null
  readonly operators: readonly OperatorOnCall[]
  /** Where the agent's conversation stands, in the agent's own words. */
  readonly current_state: string | null
  /** True while the agent's voice is off. */
  readonly muted: boolean
  readonly wrap_up_reason: string | null
  /** True once a producer has sent `session_end` on the observer. */
  readonly session_ended: boolean
}

export const calls: Reducer<CallState> = {
  name: 'calls',

  key({ kind, call, event }) {
    return kind === 'observer' ? call : (text(event.call_sid) ?? undefined)
  },

  fold(previous, entry) {
    const call = previous ?? firstSeen(entry)
    return entry.kind === 'workspace' ? foldWorkspace(call, entry) : foldObserver(call, entry)
  },

  expired: (call, before) => call.ended_at !== null && Date.parse(call.ended_at) < before,
}

function firstSeen(entry: StateEntry): CallState {
  return {
    call_sid: entry.call ?? text(entry.event.call_sid) ?? '',
    status: 'active',
    direction: null,
    service_id: null,
    caller_id: null,
    started_at: momentOf(entry),
    ended_at: null,
    duration_seconds: null,
    completion_reason: null,
    escalated: false,
    escalation: null,
    operators: [],
    current_state: null,
    muted: false,
    wrap_up_reason: null,
    session_ended: false,
  }
}

function foldWorkspace(call: CallState, entry: StateEntry): CallState {
  const { event } = entry
  switch (entry.type) {
    case 'call.started':
      // A start that comes late fills in what was missing; it never reopens an ended call.
      return changed(call, {
        direction: text(event.direction) ?? call.direction,
        service_id: text(event.service_id) ?? call.service_id,
        caller_id: text(event.caller_id) ?? call.caller_id,
        started_at: call.direction === null && call.status === 'active' ? momentOf(entry) : call.started_at,
      })
    case 'call.ended':
      return changed(ended(call, entry), {
        direction: text(event.direction) ?? call.direction,
        duration_seconds: amount(event.duration_seconds) ?? call.duration_seconds,
        completion_reason: text(event.completion_reason) ?? call.completion_reason,
        escalated: call.escalated || event.escalated === true,
      })
    case 'call.escalated': {
      const escalation: Escalation = {
        escalation_id: text(event.escalation_id) ?? '',
        trigger: text(event.trigger),
        reason: text(event.reason),
        requested_at: momentOf(entry),
        status: call.status === 'ended' ? 'completed' : call.operators.length > 0 ? 'connected' : 'requested',
      }
      if (call.escalation?.escalation_id === escalation.escalation_id) return changed(call, { escalated: true })
      return changed(call, { escalated: true, escalation })
    }
    case 'operator.joined_call':
      if (call.status === 'ended') return call
      return withOperator(call, entry)
    case 'operator.mode_changed':
      if (call.status === 'ended') return call
      return withOperator(call, entry)
    case 'operator.left_call': {
      const operators = call.operators.filter(({ operator_id }) => operator_id !== event.operator_id)
      if (operators.length === call.operators.length) return call
      return { ...call, operators, escalation: escalationWith(call.escalation, operators) }
    }
    case 'operator.wrap_up':
      return changed(call, { wrap_up_reason: text(event.wrap_up_reason) ?? call.wrap_up_reason })
    default:
      return call
  }
}

function withOperator(call: CallState, entry: StateEntry): CallState {
  const operatorId = text(entry.event.operator_id)
  if (operatorId === null) return call
  const mode = entry.event.mode === 'listen' ? 'listen' : 'takeover'
  const known = call.operators.find(({ operator_id }) => operator_id === operatorId)
  if (known?.mode === mode) return call
  const operator: OperatorOnCall = known
    ? { ...known, mode }
    : { operator_id: operatorId, mode, joined_at: momentOf(entry) }
  const operators = known
    ? call.operators.map((each) => (each === known ? operator : each))
    : [...call.operators, operator]
  const escalation = escalationWith(call.escalation, operators, !known)
  return { ...call, operators, escalation }
}

/** An escalation is with somebody while an operator has just joined or speaks, and handed back after that. */
function escalationWith(
  escalation: Escalation | null,
  operators: readonly OperatorOnCall[],
  joined = false,
): Escalation | null {
  if (escalation === null || escalation.status === 'completed') return escalation
  const speaking = operators.some(({ mode }) => mode === 'takeover')
  if (joined || speaking) return changed(escalation, { status: 'connected' })
  return escalation.status === 'connected' ? { ...escalation, status: 'handback' } : escalation
}

function foldObserver(call: CallState, entry: StateEntry): CallState {
  const { event } = entry
  switch (entry.type) {
    case 'session_info':
      return changed(call, {
        direction: call.direction ?? text(event.direction),
        service_id: call.service_id ?? text(event.service_id),
        caller_id: call.caller_id ?? text(event.caller_id),
        current_state: text(event.current_state) ?? call.current_state,
      })
    case 'session_start':
      return changed(call, {
        service_id: call.service_id ?? text(event.service_id),
        current_state: call.current_state ?? text(event.initial_state),
      })
    case 'user_transcript':
      return changed(call, { current_state: text(event.state) ?? call.current_state })
    case 'state_transition':
      return changed(call, { current_state: text(event.next_state) ?? call.current_state })
    case 'speaker_muted':
      return typeof event.muted === 'boolean' ? changed(call, { muted: event.muted }) : call
    case 'session_end':
      // `call.ended` has the last word on how long and why; until it comes, this is what is known.
      return changed(ended(call, entry), {
        session_ended: true,
        duration_seconds: call.duration_seconds ?? amount(event.duration_s),
        completion_reason: call.completion_reason ?? text(event.completion_reason),
        current_state: text(event.final_state) ?? call.current_state,
      })
    default:
      return call
  }
}

/** Ended stays ended: the first end gives the time. Nobody is on an ended call. */
function ended(call: CallState, entry: StateEntry): CallState {
  if (call.status === 'ended') return call
  const escalation = call.escalation === null ? null : changed(call.escalation, { status: 'completed' })
  return { ...call, status: 'ended', ended_at: momentOf(entry), operators: [], muted: false, escalation }
}
