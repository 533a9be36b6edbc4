import type { CallState } from '@switchboard/contract/state'
import { type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { Link } from 'react-router'
import { Button, Duration, Loading, RelativeTime, useNow } from '../design/parts.js'
import { BoardHead } from '../design/rows.js'
import { Said } from '../design/text.js'
import { clockDuration, shortId } from '../design/words.js'
import { type CallGroups, groupCalls, heldIn, needsPerson, totalsOf } from '../stores/calls-view.js'
import { operatorName } from '../stores/operators-view.js'
import { useWorkspace } from '../workspace.js'
import './calls.css'
import { NothingYet } from './nothing-yet.js'

/** Ended calls drawn at first, and more with each press. */
const ENDED_SHOWN = 100

export function CallsPage() {
  const { phase, calls, operators, partial } = useWorkspace()
  const [text, setText] = useState('')
  const [shown, setShown] = useState(ENDED_SHOWN)
  const now = useNow()
  const board = useRef<HTMLDivElement>(null)
  const nameOf = (id: string) => {
    const operator = operators.get(id)
    return operator ? operatorName(operator) : shortId(id)
  }
  const fresh = useMemo(() => groupCalls(calls.values(), text, nameOf), [calls, operators, text])
  const { groups, hold } = useHeld(fresh)
  useMoves(board)
  if (phase === 'loading') return <Loading />
  if (calls.size === 0) return <NothingYet title="No calls yet">Calls appear here as they start.</NothingYet>
  const { waiting, live, ended } = groups
  const row = (call: CallState) => <CallRow key={call.call_sid} call={call} now={now} nameOf={nameOf} />
  const isFound = waiting.length + live.length + ended.length > 0
  return (
    <div className="calls" ref={board} onPointerMove={hold}>
      <BoardHead
        title="Calls"
        search="Search by number, id, reason or operator"
        text={text}
        onText={setText}
        partial={partial.has('calls')}
      />
      {!isFound && <p className="muted">No call holds that text.</p>}
      {waiting.length > 0 && (
        <section aria-label="Needs a person">
          <h2 className="person">
            ▲ Needs a person <span className="figures">{waiting.length}</span>
          </h2>
          <ul>{waiting.map(row)}</ul>
        </section>
      )}
      <section aria-label="Live">
        <h2>
          Live <span className="figures">{live.length}</span>
        </h2>
        <ul>{live.map(row)}</ul>
        {live.length === 0 && <p className="muted">{text ? 'None found.' : 'Nobody is on the line.'}</p>}
      </section>
      <section aria-label="Ended">
        <h2 className="muted">
          Ended <span className="figures">{ended.length.toLocaleString()}</span>
          <Today ended={ended} now={now} />
        </h2>
        <ul>{ended.slice(0, shown).map(row)}</ul>
        {ended.length > shown && (
          <Button onClick={() => setShown(shown + ENDED_SHOWN)}>
            {Math.min(ENDED_SHOWN, ended.length - shown)} more of {(ended.length - shown).toLocaleString()}
          </Button>
        )}
      </section>
    </div>
  )
}

function Today({ ended, now }: { ended: readonly CallState[]; now: number }) {
  // The day is the reader's own, and changes once in it.
  const midnight = new Date(now).setHours(0, 0, 0, 0)
  const { count, medianSeconds, escalated } = useMemo(() => totalsOf(ended, midnight), [ended, midnight])
  return (
    <span className="today figures">
      today {count.toLocaleString()}
      {medianSeconds !== undefined && ` · median ${clockDuration(medianSeconds * 1000)}`}
      {` · ${escalated.toLocaleString()} escalated`}
    </span>
  )
}

interface CallRowProps {
  readonly call: CallState
  readonly now: number
  readonly nameOf: (operatorId: string) => string
}

function CallRow({ call, now, nameOf }: CallRowProps) {
  const over = call.status === 'ended'
  const waits = needsPerson(call)
  const lasted =
    call.duration_seconds !== null ? call.duration_seconds * 1000 : over ? 0 : now - Date.parse(call.started_at)
  return (
    <li className={`call ${over ? 'over' : ''}`} data-call={call.call_sid}>
      <span className="person">{waits ? '▲' : ''}</span>
      <Duration ms={lasted} />
      <Link to={`/calls/${encodeURIComponent(call.call_sid)}`} title={call.call_sid} data-row>
        {call.caller_id ? <Said text={call.caller_id} /> : shortId(call.call_sid)}
      </Link>
      <span className="wide" title={call.service_id ?? ''} dir="auto">
        {call.service_id && shortId(call.service_id)}
      </span>
      <span className="wide">
        <Said text={whatHappens(call, nameOf)} />
      </span>
      {waits ? (
        <span className="person">
          waiting <Duration ms={now - Date.parse(call.escalation?.requested_at ?? '')} />
        </span>
      ) : (
        <span className="muted">{call.ended_at && <RelativeTime time={call.ended_at} now={now} />}</span>
      )}
      <Link className={`button wide ${waits ? 'strong' : ''}`} to={`/calls/${encodeURIComponent(call.call_sid)}`}>
        {over ? 'Replay' : 'Observe'}
      </Link>
    </li>
  )
}

function whatHappens(call: CallState, nameOf: (operatorId: string) => string): string {
  const { status, escalation, operators, completion_reason, current_state } = call
  if (status === 'ended') return (completion_reason ?? 'ended').replaceAll('_', ' ')
  if (escalation?.status === 'requested') return escalation.reason ?? 'asked for a person'
  const [first] = operators
  if (first) return `${nameOf(first.operator_id)} ${first.mode === 'takeover' ? 'speaks' : 'listens'}`
  return (current_state ?? '').replaceAll('_', ' ')
}

/** How long after the pointer has rested rows may move again. */
const HELD_MS = 3000

/** The groups as they are, or held in their order while a pointer moves over them. */
function useHeld(fresh: CallGroups): { readonly groups: CallGroups; readonly hold: () => void } {
  const [heldUntil, setHeldUntil] = useState(0)
  const last = useRef(fresh)
  const isHeld = heldUntil > performance.now()
  const groups = useMemo(() => (isHeld ? heldIn(last.current, fresh) : fresh), [fresh, isHeld])
  useEffect(() => {
    last.current = groups
  }, [groups])
  useEffect(() => {
    const timer = setTimeout(() => setHeldUntil(0), Math.max(0, heldUntil - performance.now()))
    return () => clearTimeout(timer)
  }, [heldUntil])
  const hold = () => {
    const until = performance.now() + HELD_MS
    // Not with every pixel: each is a picture.
    if (until - heldUntil > HELD_MS / 4) setHeldUntil(until)
  }
  return { groups, hold }
}

const MOVE_MS = 150

/** A row that changes its place is seen to move there, once, unless somebody asked for less motion. */
function useMoves(board: RefObject<HTMLElement | null>): void {
  const places = useRef(new Map<string, number>())
  useLayoutEffect(() => {
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches
    const before = places.current
    places.current = new Map()
    for (const row of board.current?.querySelectorAll<HTMLElement>('[data-call]') ?? []) {
      const id = row.dataset.call ?? ''
      places.current.set(id, row.offsetTop)
      const was = before.get(id)
      if (calm || was === undefined || was === row.offsetTop) continue
      row.animate([{ transform: `translateY(${was - row.offsetTop}px)` }, { transform: 'none' }], MOVE_MS)
    }
  })
}
