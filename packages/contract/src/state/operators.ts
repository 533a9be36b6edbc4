import { changed, momentOf, type Reducer, type StateEntry, text } from './fold.js'

/** The call an operator is on. */
export interface CurrentCall {
  readonly call_sid: string
  readonly mode: 'listen' | 'takeover'
  readonly since: string
}

/** One operator, as the events so far tell it. */
export interface OperatorState {
  readonly operator_id: string
  readonly status: 'online' | 'busy' | 'offline' | null
  readonly status_since: string | null
  readonly registered_at: string | null
  readonly current_call: CurrentCall | null
  /** Calls joined so far. */
  readonly calls_joined: number
  /** Profile fields by name, each as last changed. */
  readonly profile: { readonly [name: string]: string | null }
  readonly last_wrap_up_reason: string | null
  readonly updated_at: string
}

export const operators: Reducer<OperatorState> = {
  name: 'operators',

  key({ kind, type, event }) {
    return kind === 'workspace' && type.startsWith('operator.') ? (text(event.operator_id) ?? undefined) : undefined
  },

  fold(previous, entry) {
    const operator = previous ?? firstSeen(entry)
    const next = foldOperator(operator, entry)
    return next === operator && previous ? previous : changed(next, { updated_at: momentOf(entry) })
  },

  expired: () => false,
}

function firstSeen(entry: StateEntry): OperatorState {
  return {
    operator_id: text(entry.event.operator_id) ?? '',
    status: null,
    status_since: null,
    registered_at: null,
    current_call: null,
    calls_joined: 0,
    profile: {},
    last_wrap_up_reason: null,
    updated_at: momentOf(entry),
  }
}

function foldOperator(operator: OperatorState, entry: StateEntry): OperatorState {
  const { event } = entry
  const callSid = text(event.call_sid)
  switch (entry.type) {
    case 'operator.registered':
      return changed(operator, { registered_at: operator.registered_at ?? text(event.timestamp) ?? momentOf(entry) })
    case 'operator.status_changed': {
      const { status } = event
      if (status !== 'online' && status !== 'busy' && status !== 'offline') return operator
      if (status === operator.status) return operator
      // Who is offline is on no call, even if the message that they left was lost.
      const current_call = status === 'offline' ? null : operator.current_call
      return { ...operator, status, status_since: momentOf(entry), current_call }
    }
    case 'operator.profile_updated': {
      const changes = event.changes
      if (typeof changes !== 'object' || changes === null) return operator
      return { ...operator, profile: { ...operator.profile, ...(changes as OperatorState['profile']) } }
    }
    case 'operator.joined_call':
    case 'operator.mode_changed': {
      if (callSid === null) return operator
      const mode = event.mode === 'listen' ? 'listen' : 'takeover'
      const current = operator.current_call
      if (current?.call_sid === callSid) {
        return current.mode === mode ? operator : { ...operator, current_call: { ...current, mode } }
      }
      const current_call = { call_sid: callSid, mode, since: momentOf(entry) } as const
      return { ...operator, current_call, calls_joined: operator.calls_joined + 1 }
    }
    case 'operator.left_call':
      return operator.current_call?.call_sid === callSid ? { ...operator, current_call: null } : operator
    case 'operator.wrap_up':
      return changed(operator, { last_wrap_up_reason: text(event.wrap_up_reason) ?? operator.last_wrap_up_reason })
    default:
      return operator
  }
}
