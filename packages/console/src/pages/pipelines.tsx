import type { DataSourceState } from '@switchboard/contract/state'
import { useState } from 'react'
import { Button, Loading, RelativeTime, useNow } from '../design/parts.js'
import { BoardHead } from '../design/rows.js'
import { shortId } from '../design/words.js'
import { groupSources } from '../stores/pipelines-view.js'
import { useWorkspace } from '../workspace.js'
import './boards.css'
import { NothingYet } from './nothing-yet.js'
import { SyncHistory } from './sync-history.js'

export function PipelinesPage() {
  const { phase, sources, partial } = useWorkspace()
  const [text, setText] = useState('')
  const [open, setOpen] = useState<string>()
  const now = useNow()
  if (phase === 'loading') return <Loading />
  if (sources.size === 0) {
    return (
      <NothingYet title="No data sources yet">
        A source appears here with its first <code>pipeline.sync_completed</code> or <code>pipeline.error</code>.
      </NothingYet>
    )
  }
  const { failing, healthy } = groupSources(sources.values(), text)
  const row = (source: DataSourceState) => {
    const id = source.data_source_id
    const toggle = () => setOpen(open === id ? undefined : id)
    return <Row key={id} source={source} now={now} open={open === id} onToggle={toggle} />
  }
  return (
    <div className="boards">
      <BoardHead
        title="Pipelines"
        search="Search by id or error"
        text={text}
        onText={setText}
        partial={partial.has('sources')}
      />
      {failing.length + healthy.length === 0 && <p className="muted">No source holds that text.</p>}
      {failing.length > 0 && (
        <section className="failing" aria-label="Failing">
          <h2>
            ✕ Failing <span className="figures">{failing.length}</span>
          </h2>
          <ul>{failing.map(row)}</ul>
        </section>
      )}
      {healthy.length > 0 && (
        <section aria-label="Healthy">
          <h2>
            Healthy <span className="figures">{healthy.length}</span>
          </h2>
          <ul>{healthy.map(row)}</ul>
        </section>
      )}
    </div>
  )
}

interface RowProps {
  readonly source: DataSourceState
  readonly now: number
  readonly open: boolean
  readonly onToggle: () => void
}

function Row({ source, now, open, onToggle }: RowProps) {
  const { data_source_id: id, health, streak, last_success_at, last_error_at, last_error } = source
  const bad = health === 'failing'
  const at = bad ? last_error_at : last_success_at
  return (
    <li className="source" data-row data-source={id} tabIndex={-1}>
      <strong title={id} dir="auto">
        {shortId(id)}
      </strong>
      <span className={`figures ${bad ? 'failed' : ''}`}>
        {bad ? '✕ failed' : 'synced'} {streak > 1 && `${streak.toLocaleString()} times in a row`}
        {at && (
          <span className="muted">
            {' '}
            <RelativeTime time={at} now={now} />
          </span>
        )}
      </span>
      <span className="figures">{lastGood(source)}</span>
      <span className="figures muted">
        {source.syncs.toLocaleString()} good, {source.errors.toLocaleString()} failed,{' '}
        {source.events_total.toLocaleString()} events
      </span>
      <Button onClick={onToggle} aria-expanded={open} aria-label={`History of ${id}`}>
        {open ? 'Hide history' : 'History'}
      </Button>
      {bad && (
        <pre className="failed" dir="auto">
          {last_error ?? 'The error said nothing.'}
        </pre>
      )}
      {open && <SyncHistory source={id} syncs={source.syncs} />}
    </li>
  )
}

function lastGood({ last_event_count, last_duration_ms }: DataSourceState): string {
  if (last_duration_ms === null) return 'no good sync yet'
  const events = (last_event_count ?? 0).toLocaleString()
  return `${events} events in ${last_duration_ms.toLocaleString()} ms`
}
