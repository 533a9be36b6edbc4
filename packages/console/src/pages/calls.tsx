import type { CallState } from '@switchboard/contract/state'
import { useState } from 'react'
import { Link } from 'react-router'
import { Duration, Loading, RelativeTime, useNow } from '../design/parts.js'
import { shortId } from '../design/words.js'
import { groupCalls } from '../stores/calls-view.js'
import { useWorkspace } from '../workspace.js'
import { NothingYet } from './nothing-yet.js'

/** Ended calls shown; a search looks through all that are held. */
const ENDED_SHOWN_MAX = 100

export function CallsPage() {
  const { phase, calls, partial } = useWorkspace()
  const [text, setText] = useState('')
  const now = useNow()
  if (phase === 'loading') return <Loading />
  if (calls.size === 0) {
    return <NothingYet title="No calls yet">Calls appear here as they start.</NothingYet>
  }
  const { waiting, live, ended } = groupCalls(calls.values())
  const wanted = text.trim().toLowerCase()
  const found = wanted === '' ? ended : ended.filter((call) => JSON.stringify(call).toLowerCase().includes(wanted))
  return (
    <div className="calls">
      <h1>Calls</h1>
      {waiting.length > 0 && (
        <section aria-label="Needs a person">
          <h2 className="person">▲ Needs a person · {waiting.length}</h2>
          <ul>
            {waiting.map((call) => (
              <CallRow key={call.call_sid} call={call} now={now} waiting />
            ))}
          </ul>
        </section>
      )}
      <section aria-label="Live">
        <h2>Live · {live.length}</h2>
        <ul>
          {live.map((call) => (
            <CallRow key={call.call_sid} call={call} now={now} />
          ))}
        </ul>
        {live.length === 0 && <p className="muted">Nobody is on the line.</p>}
      </section>
      <section aria-label="Ended">
        <h2 className="muted">
          Ended · {ended.length}
          {partial && ' of more: older calls are not shown'}
        </h2>
        <p>
          <input
            className="field"
            type="search"
            aria-label="Search ended calls"
            placeholder="Search ended calls"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </p>
        <ul>
          {found.slice(0, ENDED_SHOWN_MAX).map((call) => (
            <CallRow key={call.call_sid} call={call} now={now} />
          ))}
        </ul>
        {found.length > ENDED_SHOWN_MAX && (
          <p className="muted">{found.length - ENDED_SHOWN_MAX} more: search to find them.</p>
        )}
      </section>
    </div>
  )
}

function CallRow({ call, now, waiting = false }: { call: CallState; now: number; waiting?: boolean }) {
  const over = call.status === 'ended'
  const lasted =
    call.duration_seconds !== null ? call.duration_seconds * 1000 : over ? 0 : now - Date.parse(call.started_at)
  return (
    <li className={`call ${over ? 'over' : ''}`} data-call={call.call_sid}>
      <span className="person">{waiting ? '▲' : ''}</span>
      <Duration ms={lasted} />
      <Link to={`/calls/${encodeURIComponent(call.call_sid)}`} title={call.call_sid} data-row dir="auto">
        {call.caller_id ?? shortId(call.call_sid)}
      </Link>
      <span className="wide">{call.service_id ?? ''}</span>
      <span className="wide">{whatHappens(call)}</span>
      {waiting ? (
        <span className="person">
          waiting <Duration ms={now - Date.parse(call.escalation?.requested_at ?? '')} />
        </span>
      ) : (
        <span className="muted">{call.ended_at && <RelativeTime time={call.ended_at} now={now} />}</span>
      )}
    </li>
  )
}

function whatHappens({ status, escalation, operators, completion_reason, current_state }: CallState): string {
  if (status === 'ended') return (completion_reason ?? 'ended').replaceAll('_', ' ')
  if (escalation?.status === 'requested') return escalation.reason ?? 'asked for a person'
  const [first] = operators
  if (first) return `${shortId(first.operator_id)} ${first.mode === 'takeover' ? 'has taken over' : 'listening'}`
  return current_state ?? ''
}
