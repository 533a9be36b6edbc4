import type { CallState } from '@switchboard/contract/state'

/** Calls in the order of attention: who waits for a person, who talks, who is done. */
export interface CallGroups {
  /** Longest waiting first. */
  readonly waiting: readonly CallState[]
  /** Oldest first, so that a new call takes no row's place. */
  readonly live: readonly CallState[]
  /** Newest end first. */
  readonly ended: readonly CallState[]
}

export function groupCalls(calls: Iterable<CallState>): CallGroups {
  const waiting: CallState[] = []
  const live: CallState[] = []
  const ended: CallState[] = []
  for (const call of calls) (call.status === 'ended' ? ended : needsPerson(call) ? waiting : live).push(call)
  const asked = (call: CallState) => call.escalation?.requested_at ?? ''
  waiting.sort((a, b) => asked(a).localeCompare(asked(b)))
  live.sort((a, b) => a.started_at.localeCompare(b.started_at))
  ended.sort((a, b) => (b.ended_at ?? '').localeCompare(a.ended_at ?? ''))
  return { waiting, live, ended }
}

/** A person was asked for, and none has come yet. */
function needsPerson({ escalation }: CallState): boolean {
  return escalation?.status === 'requested'
}
