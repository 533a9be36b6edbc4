import { auditActions } from '@switchboard/contract/core'
import type { AuditRecord } from '@switchboard/sdk'
import { useEffect, useState } from 'react'
import { Button, EmptyState, Failing, Loading, RelativeTime, useNow } from '../design/parts.js'
import { Said } from '../design/text.js'
import { clockDuration, shortId } from '../design/words.js'
import { nextFrame } from '../stores/store.js'
import { TrailStore } from '../stores/trail-store.js'
import { useDesk, useStore } from '../workspace.js'

/** Who watched, read and changed what, the newest first. */
export function Trail({ nameOf }: { nameOf: (keyId: string) => string | undefined }) {
  const { switchboard } = useDesk()
  const [store] = useState(() => new TrailStore({ switchboard, frame: nextFrame }))
  useEffect(() => void store.load(), [store])
  return (
    <section aria-label="Access trail">
      <h2>Who watched, read and changed</h2>
      <Records store={store} nameOf={nameOf} />
    </section>
  )
}

const OF_A_CALL = ['observer.opened', 'observer.ended', 'history.read', 'state.read'] as const

/** Who has watched a call and read it, once somebody wants to know: to ask is noted in the trail. */
export function TrailOfCall({ callSid }: { callSid: string }) {
  const { switchboard } = useDesk()
  const [store] = useState(
    () => new TrailStore({ switchboard, frame: nextFrame, wanted: { callSid, action: OF_A_CALL } }),
  )
  const [open, setOpen] = useState(false)
  return (
    <details
      className="all-events"
      onToggle={(event) => {
        if (event.currentTarget.open && !open) void store.load()
        setOpen(event.currentTarget.open)
      }}
    >
      <summary>Who has watched</summary>
      {open && <Records store={store} nameOf={() => undefined} short />}
    </details>
  )
}

interface RecordsProps {
  readonly store: TrailStore
  readonly nameOf: (keyId: string) => string | undefined
  /** True where there is little room. */
  readonly short?: boolean
}

function Records({ store, nameOf, short = false }: RecordsProps) {
  const snapshot = useStore(store)
  const now = useNow()
  if (snapshot.kind === 'loading') return <Loading />
  if (snapshot.kind === 'denied') {
    return (
      <p className="muted">
        It is shown to keys that have <code>{snapshot.permission}</code>.
      </p>
    )
  }
  if (snapshot.kind === 'failed') {
    return (
      <Failing what="The trail could not be read" still={`${snapshot.why} It is kept all the same.`}>
        <Button onClick={() => void store.load()}>Try again</Button>
      </Failing>
    )
  }
  const { records, hasMore, busy, wrong } = snapshot
  if (records.length === 0) return <EmptyState title="Nobody yet">What is watched and read appears here.</EmptyState>
  return (
    <>
      {short ? (
        <ol>
          {records.map((record) => (
            <li key={record.sequence} data-record={record.sequence}>
              <Who record={record} nameOf={nameOf} /> {record.action}{' '}
              <span className="muted">
                <RelativeTime time={record.time} now={now} /> {moreOf(record)} {seen(record)}
              </span>
            </li>
          ))}
        </ol>
      ) : (
        <table>
          <thead>
            <tr>
              {['When', 'Who', 'Did', 'To', 'Personal data', 'From', 'More'].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {records.map((record) => (
              <Row key={record.sequence} record={record} nameOf={nameOf} now={now} />
            ))}
          </tbody>
        </table>
      )}
      {wrong !== undefined && (
        <p className="wrong" role="alert">
          ✕ The next page could not be read: {wrong} <Button onClick={() => void store.load()}>Begin again</Button>
        </p>
      )}
      {hasMore && (
        <Button disabled={busy} onClick={() => void store.more()}>
          Older ones
        </Button>
      )}
    </>
  )
}

interface RowProps {
  readonly record: AuditRecord
  readonly nameOf: (keyId: string) => string | undefined
  readonly now: number
}

function Row({ record, nameOf, now }: RowProps) {
  const { sequence, time, action, target, address } = record
  return (
    <tr data-record={sequence} title={`Record ${sequence}`}>
      <td data-label="When">
        <RelativeTime time={time} now={now} />
      </td>
      <td data-label="Who">
        <Who record={record} nameOf={nameOf} />
      </td>
      <td data-label="Did" title={Object.hasOwn(auditActions, action) ? auditActions[action] : undefined}>
        {action}
      </td>
      <td data-label="To" title={target.id}>
        {target.kind === 'workspace' ? (
          <span className="muted">the workspace</span>
        ) : (
          `${target.kind} ${target.kind === 'key' ? (nameOf(target.id) ?? target.id) : shortId(target.id)}`
        )}
      </td>
      <td data-label="Personal data">{seen(record)}</td>
      <td data-label="From">{address}</td>
      <td data-label="More" className="muted">
        {moreOf(record)}
      </td>
    </tr>
  )
}

function Who({ record: { actor }, nameOf }: Pick<RowProps, 'record' | 'nameOf'>) {
  if (actor.key_id === null) return <span className="muted">the server</span>
  const name = actor.kind === 'admin' ? 'admin key' : (nameOf(actor.key_id) ?? actor.key_id)
  return (
    <>
      <Said text={name} />
      {actor.kind === 'access-token' && <span className="muted"> · access token</span>}
    </>
  )
}

function seen({ personal_data: shown }: AuditRecord): string {
  return shown === 'none' ? '' : shown
}

/** How long, how much, and why it ended. */
function moreOf({ details: { duration_ms: ms, delivered, reason, count } }: AuditRecord): string {
  return [
    ...(typeof ms === 'number' ? [clockDuration(ms)] : []),
    ...(typeof delivered === 'number' ? [`${delivered.toLocaleString()} events`] : []),
    ...(typeof reason === 'string' ? [reason] : []),
    ...(typeof count === 'number' && count > 1 ? [`${count.toLocaleString()} times`] : []),
  ].join(' · ')
}
