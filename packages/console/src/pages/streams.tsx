import { type FailureCode, failures } from '@switchboard/contract/core'
import type { Activity, OpenStream } from '@switchboard/sdk'
import { useEffect, useState } from 'react'
import { Button, Denied, EmptyState, Failing, Loading, RelativeTime, useNow } from '../design/parts.js'
import { shortId } from '../design/words.js'
import { nextFrame } from '../stores/store.js'
import { StreamsStore } from '../stores/streams-store.js'
import { useDesk, useStore } from '../workspace.js'
import './access.css'

export function StreamsPage() {
  const { switchboard } = useDesk()
  const [store] = useState(() => new StreamsStore({ switchboard, frame: nextFrame, now: Date.now }))
  const snapshot = useStore(store)
  const now = useNow()
  useEffect(() => {
    const follow = () => (document.visibilityState === 'hidden' ? store.stop() : store.start())
    follow()
    document.addEventListener('visibilitychange', follow)
    return () => {
      document.removeEventListener('visibilitychange', follow)
      store.stop()
    }
  }, [store])
  if (snapshot.kind === 'loading') return <Loading />
  if (snapshot.kind === 'denied') return <Denied permission={snapshot.permission} />
  if (snapshot.kind === 'failed') {
    return (
      <Failing what="The streams could not be read" still={`${snapshot.why} Streams that are open go on.`}>
        <Button onClick={() => store.again()}>Try again</Button>
      </Failing>
    )
  }
  const { streams, activity, rate, stale } = snapshot
  return (
    <div className="access">
      <h1>Streams</h1>
      {stale !== undefined && (
        <p className="wrong" role="alert">
          ✕ The last reading failed: {stale} What stands here is older.{' '}
          <Button onClick={() => store.again()}>Try again</Button>
        </p>
      )}
      <Figures streams={streams} activity={activity} rate={rate} now={now} />
      <Refusals activity={activity} now={now} />
      <section aria-label="Open streams">
        <h2>
          Open <span className="figures">{streams.length.toLocaleString()}</span>
        </h2>
        {streams.length === 0 ? (
          <EmptyState title="Nobody listens">
            A stream appears here when a program opens <code>/events/stream</code> or observes a call.
          </EmptyState>
        ) : (
          <Table streams={streams} now={now} />
        )}
      </section>
    </div>
  )
}

interface FiguresProps {
  readonly streams: readonly OpenStream[]
  readonly activity: Activity
  readonly rate: number | undefined
  readonly now: number
}

function Figures({ streams, activity, rate, now }: FiguresProps) {
  const observers = streams.filter(({ kind }) => kind === 'observer').length
  const behind = streams.filter(({ lag }) => lag > 0).length
  const perSecond = rate === undefined ? '…' : rate.toLocaleString(undefined, { maximumFractionDigits: 1 })
  return (
    <dl className="counts">
      <div>
        <dt>Workspace streams</dt>
        <dd>{(streams.length - observers).toLocaleString()}</dd>
      </div>
      <div>
        <dt>Call observers</dt>
        <dd>{observers.toLocaleString()}</dd>
      </div>
      <div>
        <dt>Behind</dt>
        <dd className={behind > 0 ? 'behind' : ''}>{behind.toLocaleString()}</dd>
      </div>
      <div>
        <dt>Published</dt>
        <dd>
          {perSecond} <small className="muted">events/s</small>
        </dd>
      </div>
      <div>
        <dt>
          Since <RelativeTime time={activity.since} now={now} />
        </dt>
        <dd>
          {activity.published.toLocaleString()} <small className="muted">events</small>
        </dd>
      </div>
    </dl>
  )
}

function Refusals({ activity, now }: { activity: Activity; now: number }) {
  return (
    <section aria-label="Refusals">
      <h2>Refused since the server started</h2>
      {activity.refusals.length === 0 && <p className="muted">Nothing was refused.</p>}
      <ul>
        {activity.refusals.map(({ code, count, last_at }) => (
          <li key={code} className="refusal">
            <span className="figures">{count.toLocaleString()}</span>
            <span>{Object.hasOwn(failures, code) ? failures[code as FailureCode].title : code}</span>
            <code className="muted">{code}</code>
            <span className="muted">
              last <RelativeTime time={last_at} now={now} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Table({ streams, now }: { streams: readonly OpenStream[]; now: number }) {
  return (
    <table>
      <thead>
        <tr>
          {['Behind', 'Kind', 'Key', 'Call', 'Filter', 'Personal data', 'Since', 'Position'].map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {streams.map((stream, index) => (
          <Row key={`${stream.connection_id} ${index}`} stream={stream} now={now} />
        ))}
      </tbody>
    </table>
  )
}

function Row({ stream, now }: { stream: OpenStream; now: number }) {
  const { kind, key_id, key_name, credential, call_sid, types, masked, opened_at, position, lag } = stream
  return (
    <tr data-stream={stream.connection_id} title={stream.connection_id}>
      <td data-label="Behind" className={`figures ${lag > 0 ? 'behind' : 'muted'}`}>
        {lag > 0 ? `▲ ${lag.toLocaleString()}` : 'up to date'}
      </td>
      <td data-label="Kind">{kind === 'observer' ? 'call observer' : 'workspace'}</td>
      <td data-label="Key">
        <bdi>{key_name ?? key_id ?? 'admin key'}</bdi>
        {credential === 'access-token' && <span className="muted"> · access token</span>}
      </td>
      <td data-label="Call" title={call_sid ?? undefined}>
        {call_sid === null ? <span className="muted">all</span> : shortId(call_sid)}
      </td>
      <td data-label="Filter">{types === null ? <span className="muted">all types</span> : types.join(', ')}</td>
      <td data-label="Personal data">{masked ? 'masked' : 'clear'}</td>
      <td data-label="Since">
        <RelativeTime time={opened_at} now={now} />
      </td>
      <td data-label="Position" className="figures">
        {position ?? <span className="muted">begins</span>}
      </td>
    </tr>
  )
}
