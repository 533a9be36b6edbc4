import type { SurfaceState } from '@switchboard/contract/state'
import { useMemo, useState } from 'react'
import { Loading, useNow } from '../design/parts.js'
import { BoardHead } from '../design/rows.js'
import { clockDuration, shortId } from '../design/words.js'
import { boardOf, funnelOf, groupOf, type SurfaceColumn } from '../stores/surfaces-view.js'
import { useWorkspace } from '../workspace.js'
import './boards.css'
import { NothingYet } from './nothing-yet.js'

/** Cards drawn in a column; the search looks through all that are held. */
const CARDS_SHOWN_MAX = 50

export function SurfacesPage() {
  const { phase, surfaces, partial } = useWorkspace()
  const [text, setText] = useState('')
  const now = useNow()
  const columns = useMemo(() => boardOf(surfaces.values(), text), [surfaces, text])
  const funnel = useMemo(() => funnelOf(surfaces.values()), [surfaces])
  if (phase === 'loading') return <Loading />
  if (surfaces.size === 0) {
    return (
      <NothingYet title="No surfaces yet">
        Forms appear here when they are created, and move as they are reviewed, delivered, opened and submitted.
      </NothingYet>
    )
  }
  const review = columns.find(({ group }) => group === 'review')
  const rest = columns.filter(({ group }) => group !== 'review')
  const found = columns.some((column) => column.surfaces.length > 0)
  return (
    <div className="boards">
      <BoardHead
        title="Surfaces"
        search="Search by id"
        text={text}
        onText={setText}
        partial={partial.has('surfaces')}
      />
      {!found && <p className="muted">No surface has that id.</p>}
      {review && review.surfaces.length > 0 && <Column column={review} now={now} />}
      <section className="funnel" aria-label="Funnel">
        {funnel.map(({ name, count, share }) => (
          <div key={name}>
            <span>{name}</span>
            <meter min={0} max={1} value={share} aria-label={name} />
            <span className="figures">
              {count.toLocaleString()} · {Math.round(share * 100)} %
            </span>
          </div>
        ))}
      </section>
      <div className="board">
        {rest.map((column) => (
          <Column key={column.group} column={column} now={now} />
        ))}
      </div>
    </div>
  )
}

function Column({ column: { group, name, surfaces }, now }: { column: SurfaceColumn; now: number }) {
  const mark = group === 'review' ? '▲ ' : group === 'failed' && surfaces.length > 0 ? '✕ ' : ''
  return (
    <section className={`column ${group} ${surfaces.length === 0 ? 'bare' : ''}`} aria-label={name}>
      <h2>
        {mark}
        {name} <span className="figures">{surfaces.length}</span>
      </h2>
      <ul>
        {surfaces.slice(0, CARDS_SHOWN_MAX).map((surface) => (
          <Card key={surface.surface_id} surface={surface} now={now} />
        ))}
      </ul>
      {surfaces.length > CARDS_SHOWN_MAX && (
        <p className="muted">{surfaces.length - CARDS_SHOWN_MAX} more: search to find them.</p>
      )}
    </section>
  )
}

function Card({ surface, now }: { surface: SurfaceState; now: number }) {
  const { surface_id, channel, fields_count, fields_saved, stage, review, review_reason, delivery_status } = surface
  const filled = fields_saved.length > 0 || fields_count !== null
  const told = review === 'rejected' ? (review_reason ?? 'rejected') : stage === 'delivered' ? delivery_status : null
  const bad = groupOf(surface) === 'failed'
  return (
    <li className="card" data-row data-surface={surface_id} tabIndex={-1}>
      <span title={surface_id} dir="auto">
        {shortId(surface_id)}
      </span>
      <time dateTime={surface.stage_since} title={`since ${surface.stage_since}`}>
        {clockDuration(now - Date.parse(surface.stage_since))}
      </time>
      <span className="muted">
        {channel ?? 'no channel yet'}
        {filled && (
          <span className="figures">
            {' '}
            · {fields_saved.length}/{fields_count ?? '?'} fields
          </span>
        )}
        {review === 'pending' && stage === 'completed' && ' · submitted'}
      </span>
      {told && (
        <span className={`told ${bad ? 'bad' : ''}`} dir="auto">
          {told}
        </span>
      )}
    </li>
  )
}
