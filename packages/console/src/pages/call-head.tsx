import type { CallState } from '@switchboard/contract/state'
import { Link } from 'react-router'
import { Said } from '../design/text.js'
import { shortId } from '../design/words.js'
import type { CallSnapshot } from '../stores/call-store.js'

interface CallHeadProps {
  readonly callSid: string
  readonly call: CallSnapshot
  /** The newest record there is of it. */
  readonly record: CallState | undefined
  readonly nameOf: (operatorId: string) => string
  /** How many watch it; undefined when that is not known. */
  readonly watching: number | undefined
  readonly lasted: string
}

/** Who it is, how long it lasts, and who is on it. */
export function CallHead({ callSid, call, record, nameOf, watching, lasted }: CallHeadProps) {
  const { info, picture, over, replay } = call
  const caller = record?.caller_id ?? info?.caller_id
  const service = record?.service_id ?? info?.service_id
  const state = picture.state ?? (replay ? undefined : record?.current_state)
  return (
    <header className="call-head">
      <Link to="/calls" aria-label="All calls" className="button">
        ←
      </Link>
      <h1 title={callSid}>{caller ? <Said text={caller} /> : shortId(callSid)}</h1>
      <span className="muted">{record?.direction ?? info?.direction ?? 'inbound'}</span>
      {service && (
        <span className="muted" title={service} dir="auto">
          {shortId(service)}
        </span>
      )}
      {state && <span className="state">{state.replaceAll('_', ' ')}</span>}
      <span className="grow" />
      {picture.waiting && <strong className="person">▲ waits for a person</strong>}
      {picture.muted && <span className="muted">agent muted</span>}
      {picture.operators.map(({ operatorId, mode }) => (
        <span key={operatorId} dir="auto">
          {nameOf(operatorId)} <span className="muted">{mode === 'takeover' ? 'speaks' : 'listens'}</span>
        </span>
      ))}
      {watching !== undefined && !over && <span className="muted figures">{watching} watching</span>}
      <span className="figures">
        {lasted} <CallConnection call={call} over={over} />
      </span>
    </header>
  )
}

function CallConnection({ call: { connection, replay }, over }: { call: CallSnapshot; over: boolean }) {
  if (replay) return <span className="connection">◷ replay</span>
  if (over) return <span className="connection muted">ended</span>
  switch (connection.kind) {
    case 'live':
      return (
        <span className="connection live">
          <b>●</b> live
        </span>
      )
    case 'reconnecting':
      return (
        <span className="connection" title={connection.why}>
          ○ reconnecting
        </span>
      )
    case 'stopped':
      return (
        <span className="connection wrong" title={connection.why}>
          ✕ {connection.code}
        </span>
      )
    case 'connecting':
    case 'catching-up':
      return <span className="connection muted">○ connecting</span>
  }
}
