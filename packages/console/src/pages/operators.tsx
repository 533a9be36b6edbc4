import type { OperatorState } from '@switchboard/contract/state'
import { useState } from 'react'
import { Loading, RelativeTime, useNow } from '../design/parts.js'
import { BoardHead } from '../design/rows.js'
import { clockDuration, shortId } from '../design/words.js'
import { groupOperators, operatorGroups, operatorName, wrapUps } from '../stores/operators-view.js'
import { useWorkspace } from '../workspace.js'
import './boards.css'
import { NothingYet } from './nothing-yet.js'

export function OperatorsPage() {
  const { phase, operators, partial } = useWorkspace()
  const [text, setText] = useState('')
  const now = useNow()
  if (phase === 'loading') return <Loading />
  if (operators.size === 0) {
    return (
      <NothingYet title="No operators yet">
        People appear here when they are registered, come online or join a call.
      </NothingYet>
    )
  }
  const groups = [...groupOperators(operators.values(), text)]
  const reasons = wrapUps(operators.values())
  return (
    <div className="boards">
      <BoardHead
        title="Operators"
        search="Search by name, id or call"
        text={text}
        onText={setText}
        partial={partial.has('operators')}
      />
      {groups.every(([, members]) => members.length === 0) && <p className="muted">Nobody found.</p>}
      {groups
        .filter(([, members]) => members.length > 0)
        .map(([group, members]) => (
          <section key={group} aria-label={operatorGroups[group]}>
            <h2 className={group === 'offline' ? 'muted' : ''}>
              {operatorGroups[group]} <span className="figures">{members.length}</span>
            </h2>
            <ul>
              {members.map((operator) => (
                <Row key={operator.operator_id} operator={operator} now={now} />
              ))}
            </ul>
          </section>
        ))}
      {reasons.length > 0 && (
        <section aria-label="Latest wrap-up reasons">
          <h2>Latest wrap-up reasons</h2>
          <dl className="reasons">
            {reasons.map(({ reason, count }) => (
              <div key={reason}>
                <dt dir="auto">{reason}</dt>
                <dd className="figures">{count}</dd>
              </div>
            ))}
          </dl>
        </section>
      )}
    </div>
  )
}

function Row({ operator, now }: { operator: OperatorState; now: number }) {
  const { operator_id, status, status_since, current_call, calls_joined, last_wrap_up_reason } = operator
  const name = operatorName(operator)
  return (
    <li
      className={`person-row ${current_call ? 'on-call' : (status ?? 'offline')}`}
      data-row
      data-operator={operator_id}
      tabIndex={-1}
    >
      <strong title={operator_id} dir="auto">
        {name === operator_id ? shortId(name) : name}
      </strong>
      <span className="presence">
        {status === 'online' ? '●' : status === 'busy' ? '◐' : '○'} {status ?? 'not heard of'}{' '}
        {status_since && (
          <span className="muted">
            <RelativeTime time={status_since} now={now} />
          </span>
        )}
      </span>
      <span>
        {current_call && (
          <>
            {current_call.mode === 'takeover' ? 'speaks on ' : 'listens to '}
            <span dir="auto" title={current_call.call_sid}>
              {shortId(current_call.call_sid)}
            </span>{' '}
            <time dateTime={current_call.since}>{clockDuration(now - Date.parse(current_call.since))}</time>
          </>
        )}
      </span>
      <span className="figures">
        {calls_joined.toLocaleString()} {calls_joined === 1 ? 'call' : 'calls'}
      </span>
      <span className="muted" dir="auto">
        {last_wrap_up_reason}
      </span>
    </li>
  )
}
