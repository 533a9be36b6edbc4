import type { Watcher } from '@switchboard/sdk'
import { useState } from 'react'
import { Json, Said } from '../design/text.js'
import { clockDuration } from '../design/words.js'
import type { CallSnapshot } from '../stores/call-store.js'
import type { CallEntry } from '../stores/conversation.js'
import type { ToolRun } from '../stores/tool-runs.js'
import { TrailOfCall } from './trail.js'

interface CallSideProps {
  readonly callSid: string
  readonly call: CallSnapshot
  /** The end of the call's time line, in Unix ms. */
  readonly end: number
  /** Undefined when it is not known who watches. */
  readonly watchers: readonly Watcher[] | undefined
}

/** What the agent tried, who is on the line, and every event in full. */
export function CallSide({ callSid, call, end, watchers }: CallSideProps) {
  const { picture, beginsAt, entries, replay } = call
  const shown = replay ? entries.filter(({ at }) => at <= replay.at) : entries
  return (
    <aside className="call-side" aria-label="Details">
      <section aria-label="Tools">
        <h2>
          Tools <span className="figures muted">{picture.tools.length}</span>
        </h2>
        {picture.tools.length === 0 && <p className="muted">The agent has used none so far.</p>}
        <ol className="tools">
          {picture.tools.map((run) => (
            <ToolRow key={run.callId} run={run} beginsAt={beginsAt} end={end} now={replay?.at ?? end} />
          ))}
        </ol>
      </section>
      {picture.forwards.length > 0 && (
        <section aria-label="Forwards">
          <h2>Forwards</h2>
          <ul>
            {picture.forwards.map(({ id, at, place, failed, result }) => (
              <li key={id} className={failed ? 'failed' : ''}>
                <time>{clockDuration(at - beginsAt)}</time> {failed ? '✕' : '✓'} <Said text={place} />:{' '}
                <Said text={result} />
              </li>
            ))}
          </ul>
        </section>
      )}
      <section aria-label="On the line">
        <h2>On the line</h2>
        {picture.parties.length === 0 && <p className="muted">Nobody’s audio has been told of.</p>}
        <ul>
          {picture.parties.map(({ name, heardSince }) => (
            <li key={name}>
              <Said text={name} />{' '}
              <span className="muted">
                {heardSince === undefined ? '○ not heard yet' : `● heard since ${clockDuration(heardSince - beginsAt)}`}
              </span>
            </li>
          ))}
        </ul>
        <Signals call={call} />
      </section>
      {watchers && watchers.length > 0 && (
        <section aria-label="Watching">
          <h2>
            Watching <span className="figures muted">{watchers.length}</span>
          </h2>
          <ul>
            {watchers.map(({ connection_id, name, masked }) => (
              <li key={connection_id}>
                <Said text={name} /> <span className="muted">{masked ? 'sees personal data masked' : 'sees all'}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <TrailOfCall callSid={callSid} />
      <AllEvents entries={shown} beginsAt={beginsAt} />
    </aside>
  )
}

function Signals({ call: { picture } }: { call: CallSnapshot }) {
  const { mood, answerMs } = picture
  if (mood === undefined && answerMs === undefined) return null
  return (
    <p className="muted figures">
      {mood && `the caller sounds ${mood.name}${mood.trend ? ` (${mood.trend})` : ''}`}
      {mood && answerMs !== undefined && ' · '}
      {answerMs !== undefined && `latest answer after ${Math.round(answerMs)} ms`}
    </p>
  )
}

interface ToolRowProps {
  readonly run: ToolRun
  readonly beginsAt: number
  readonly end: number
  /** What a tool that still runs has run until, in Unix ms. */
  readonly now: number
}

function ToolRow({ run, beginsAt, end, now }: ToolRowProps) {
  const { name, startedAt, durationMs, status, input, output, error, depth, where } = run
  const length = Math.max(1, end - beginsAt)
  const ran = durationMs ?? Math.max(0, now - startedAt)
  const percent = (ms: number) => `${Math.min(100, Math.max(0, (ms / length) * 100))}%`
  return (
    <li className={`tool ${status}`} style={{ marginInlineStart: depth * 16 }}>
      <details>
        <summary>
          <time>{clockDuration(startedAt - beginsAt)}</time>
          <strong dir="auto">{name}</strong>
          <span className="figures">
            {status === 'running' ? `running ${clockDuration(ran)}` : `${status === 'failed' ? '✕ ' : ''}${took(ran)}`}
          </span>
          {/* Where in the call it ran: the same said in words before it. */}
          <span className="lane" aria-hidden="true">
            <span style={{ insetInlineStart: percent(startedAt - beginsAt), width: percent(ran) }} />
          </span>
        </summary>
        {where && <p className="muted">{where}</p>}
        {input !== undefined && (
          <>
            <h3>in</h3>
            <Json label={`Input of ${name}`} value={input} />
          </>
        )}
        {output !== undefined && (
          <>
            <h3>out</h3>
            <Json label={`Output of ${name}`} value={output} />
          </>
        )}
      </details>
      {status === 'failed' && (
        <p className="failed">{error === undefined ? 'It failed without saying why.' : <Said text={error} />}</p>
      )}
    </li>
  )
}

function took(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms).toLocaleString()} ms` : clockDuration(ms)
}

/** Events drawn in full. */
const EVENTS_SHOWN_MAX = 300

/** Drawn only while it is open: a call has thousands, and the page is drawn with each. */
function AllEvents({ entries, beginsAt }: { entries: readonly CallEntry[]; beginsAt: number }) {
  const [open, setOpen] = useState(false)
  return (
    <details className="all-events" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        All events <span className="figures muted">{entries.length.toLocaleString()}</span>
      </summary>
      {open && <EventList entries={entries} beginsAt={beginsAt} />}
    </details>
  )
}

function EventList({ entries, beginsAt }: { entries: readonly CallEntry[]; beginsAt: number }) {
  const shown = entries.slice(-EVENTS_SHOWN_MAX).reverse()
  return (
    <>
      {entries.length > shown.length && <p className="muted">The newest {shown.length}, newest first.</p>}
      <ol>
        {shown.map((entry) => (
          <EventRow key={`${told(entry).type} ${entry.id}`} entry={entry} beginsAt={beginsAt} />
        ))}
      </ol>
    </>
  )
}

function EventRow({ entry, beginsAt }: { entry: CallEntry; beginsAt: number }) {
  const [open, setOpen] = useState(false)
  const { type, event } = told(entry)
  return (
    <li>
      <details
        onToggle={(toggled) => {
          // The list's own would hear of it too.
          toggled.stopPropagation()
          setOpen(toggled.currentTarget.open)
        }}
      >
        <summary>
          <time>{clockDuration(entry.at - beginsAt)}</time> {type}
        </summary>
        {open && <Json label={type} value={{ id: entry.id, ...event }} />}
      </details>
    </li>
  )
}

/** The event as it was sent, also when its type is newer than the SDK. */
function told(entry: CallEntry): { readonly type: string; readonly event: object } {
  const event = 'observer' in entry ? entry.observer : entry.workspace
  if ('raw' in event) return { type: event.actual_type, event: event.raw }
  return { type: 'type' in event ? event.type : event.event_type, event }
}
