import { MASKED_TEXT } from '@switchboard/contract/core'
import type { OperatorState } from '@switchboard/contract/state'

export type OperatorGroup = 'on-call' | 'online' | 'busy' | 'offline'

/** The name of a group is also its presence in words. */
export const operatorGroups: Readonly<Record<OperatorGroup, string>> = {
  'on-call': 'On a call',
  online: 'Online',
  busy: 'Busy',
  offline: 'Offline or not heard of',
}

function operatorGroupOf({ current_call, status }: OperatorState): OperatorGroup {
  if (current_call !== null) return 'on-call'
  return status ?? 'offline'
}

/** By presence; who speaks before who listens, then who has been longest on the call, else by name. */
export function groupOperators(
  operators: Iterable<OperatorState>,
  search = '',
): ReadonlyMap<OperatorGroup, readonly OperatorState[]> {
  const wanted = search.trim().toLowerCase()
  const groups = new Map<OperatorGroup, OperatorState[]>(
    (Object.keys(operatorGroups) as OperatorGroup[]).map((group) => [group, []]),
  )
  for (const operator of operators) {
    const known = [operator.operator_id, operatorName(operator), operator.current_call?.call_sid ?? '']
    if (known.some((text) => text.toLowerCase().includes(wanted))) groups.get(operatorGroupOf(operator))?.push(operator)
  }
  for (const group of groups.values()) group.sort(inOrder)
  return groups
}

/** The profile's fields are free: the name is asked for by the one spelling that upstream uses. */
export function operatorName({ profile, operator_id }: OperatorState): string {
  return profile.name === undefined || profile.name === null || profile.name === MASKED_TEXT
    ? operator_id
    : profile.name
}

/** How often each reason closed an operator's latest intervention: the records keep no earlier ones. */
export function wrapUps(operators: Iterable<OperatorState>): readonly { reason: string; count: number }[] {
  const counts = new Map<string, number>()
  for (const { last_wrap_up_reason: reason } of operators)
    if (reason !== null) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts]
    .map(([reason, count]) => ({ reason, count }))
    .sort((a, b) => b.count - a.count || a.reason.localeCompare(b.reason))
}

function inOrder(a: OperatorState, b: OperatorState): number {
  const speaks = ({ current_call }: OperatorState) => (current_call?.mode === 'takeover' ? 0 : 1)
  const since = ({ current_call }: OperatorState) => current_call?.since ?? ''
  return speaks(a) - speaks(b) || since(a).localeCompare(since(b)) || operatorName(a).localeCompare(operatorName(b))
}
