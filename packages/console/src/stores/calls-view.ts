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

/** Of those that hold the text: the caller, the ids, the reasons, the state, or the name of an operator. */
export function groupCalls(
  calls: Iterable<CallState>,
  text = '',
  nameOf: (operatorId: string) => string = (id) => id,
): CallGroups {
  const wanted = text.trim().toLowerCase()
  const waiting: CallState[] = []
  const live: CallState[] = []
  const ended: CallState[] = []
  for (const call of calls) {
    if (wanted !== '' && !wordsOf(call, nameOf).includes(wanted)) continue
    if (call.status === 'ended') ended.push(call)
    else if (needsPerson(call)) waiting.push(call)
    else live.push(call)
  }
  waiting.sort((a, b) => compare(a.escalation?.requested_at, b.escalation?.requested_at))
  live.sort((a, b) => compare(a.started_at, b.started_at))
  ended.sort((a, b) => compare(b.ended_at, a.ended_at))
  return { waiting, live, ended }
}

/** How many wait for a person, and how many talk: told with every frame, so nothing is put in order for it. */
export function countCalls(calls: ReadonlyMap<string, CallState>): { readonly waiting: number; readonly live: number } {
  let waiting = 0
  let live = 0
  for (const call of calls.values()) {
    if (call.status === 'ended') continue
    if (needsPerson(call)) waiting += 1
    else live += 1
  }
  return { waiting, live }
}

/** Calls that ended since an instant. */
export interface EndedTotals {
  readonly count: number
  /** Undefined when none of them says how long it was. */
  readonly medianSeconds: number | undefined
  readonly escalated: number
}

/** @param since Unix ms. */
export function totalsOf(ended: readonly CallState[], since: number): EndedTotals {
  const of = ended.filter(({ ended_at }) => ended_at !== null && Date.parse(ended_at) >= since)
  const seconds = of.flatMap(({ duration_seconds }) => (duration_seconds === null ? [] : [duration_seconds]))
  seconds.sort((a, b) => a - b)
  return {
    count: of.length,
    medianSeconds: seconds[Math.floor(seconds.length / 2)],
    escalated: of.filter(({ escalated }) => escalated).length,
  }
}

/** The same calls as they are now, each where it was: nothing moves under somebody's hand. New ones come last. */
export function heldIn(before: CallGroups, now: CallGroups): CallGroups {
  const fresh = new Map([...now.waiting, ...now.live, ...now.ended].map((call) => [call.call_sid, call]))
  const keep = (calls: readonly CallState[]) =>
    calls.flatMap(({ call_sid }) => {
      const call = fresh.get(call_sid)
      fresh.delete(call_sid)
      return call ? [call] : []
    })
  const kept = { waiting: keep(before.waiting), live: keep(before.live), ended: keep(before.ended) }
  const added = (calls: readonly CallState[]) => calls.filter(({ call_sid }) => fresh.has(call_sid))
  return {
    waiting: [...kept.waiting, ...added(now.waiting)],
    live: [...kept.live, ...added(now.live)],
    ended: [...kept.ended, ...added(now.ended)],
  }
}

/** A person was asked for, and none has come yet. */
export function needsPerson({ status, escalation }: CallState): boolean {
  return status !== 'ended' && escalation?.status === 'requested'
}

function wordsOf(call: CallState, nameOf: (operatorId: string) => string): string {
  const { call_sid, caller_id, service_id, current_state, completion_reason, wrap_up_reason, escalation } = call
  const names = call.operators.map(({ operator_id }) => nameOf(operator_id))
  const reasons = [completion_reason, wrap_up_reason, escalation?.reason]
  return [call_sid, caller_id, service_id, current_state, ...reasons, ...names].join(' ').toLowerCase()
}

function compare(a: string | null | undefined, b: string | null | undefined): number {
  const [left, right] = [a ?? '', b ?? '']
  return left < right ? -1 : left > right ? 1 : 0
}
