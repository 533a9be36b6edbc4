import { useCallback, useEffect, useMemo, useRef } from 'react'
import { Button, Denied, EmptyState, Failing, Loading } from '../design/parts.js'
import { clockTime } from '../design/words.js'
import { nextFrame } from '../stores/store.js'
import { type Timeline, TimelineStore } from '../stores/timeline-store.js'
import { useDesk, useStore } from '../workspace.js'
import { EventPanel } from './event-panel.js'
import './live.css'
import { LiveFilters } from './live-filters.js'
import { LiveRows } from './live-rows.js'
import { type LiveView, useLiveView, useRested } from './live-view.js'
import { NothingYet } from './nothing-yet.js'

/** The workspace's log as it grows, and at any time before. */
export function LivePage() {
  const { switchboard, feed } = useDesk()
  const view = useLiveView()
  const { filter } = view
  const [chosen, choose] = useRested(view.event, (event) => view.change({ event }))
  const [text, setText] = useRested(view.text, (words) => view.change({ text: words }))
  const at = view.at?.getTime()
  const store = useMemo(
    () =>
      new TimelineStore({
        switchboard,
        feed,
        frame: nextFrame,
        filter,
        at: at === undefined ? undefined : new Date(at),
      }),
    [switchboard, feed, filter, at],
  )
  useEffect(() => {
    void store.start()
    return () => store.stop()
  }, [store])
  useEffect(() => store.search(text), [store, text])
  const timeline = useStore(store)
  const find = useCallback((id: string) => store.find(id), [store])
  const close = () => choose(undefined)
  useLiveKeys(close, () => (timeline.paused ? store.resume() : store.pause()))
  return (
    <div className="timeline">
      <LiveBar view={view} timeline={timeline} store={store} text={text} onText={setText} />
      {timeline.gap && <Gap oldest={timeline.gap.oldest} />}
      <div className="both">
        <Events view={view} timeline={timeline} store={store} chosen={chosen} onChoose={choose} onText={setText} />
        {chosen && (
          <EventPanel
            key={chosen}
            id={chosen}
            find={find}
            onOnly={(entity) => view.change({ entities: [entity] })}
            onClose={close}
          />
        )}
      </div>
    </div>
  )
}

interface Parts {
  readonly view: LiveView
  readonly timeline: Timeline
  readonly store: TimelineStore
}

interface LiveBarProps extends Parts {
  readonly text: string
  readonly onText: (text: string) => void
}

function LiveBar({ view, timeline, store, text, onText }: LiveBarProps) {
  const { paused, waiting, isLive } = timeline
  const search = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey) return
      if (event.target instanceof HTMLElement && event.target.closest('input, select, textarea, dialog')) return
      event.preventDefault()
      search.current?.focus()
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [])
  return (
    <div className="bar">
      <LiveFilters view={view} />
      <input
        ref={search}
        className="field"
        type="search"
        aria-label="Search what is shown"
        placeholder="Search what is shown"
        value={text}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
      />
      <input
        className="field"
        type="datetime-local"
        aria-label="Go to this time"
        step={1}
        value={view.at ? localTime(view.at) : ''}
        onChange={({ target: { value } }) => view.change({ at: value === '' ? undefined : new Date(value) })}
      />
      <span className="grow" />
      {!isLive && <Button onClick={() => view.change({ at: undefined })}>● Back to live</Button>}
      {isLive && (
        <Button onClick={() => (paused ? store.resume() : store.pause())}>
          {paused ? `▶ Resume (${waiting.toLocaleString()} waiting)` : 'Ⅱ Pause'}
        </Button>
      )}
    </div>
  )
}

/** As `datetime-local` wants it, in the reader's own time zone. */
function localTime(time: Date): string {
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}

function Gap({ oldest }: { oldest: number | undefined }) {
  return (
    <p className="bar missing">
      ▲ The log no longer holds all that was asked for
      {oldest !== undefined && `: what is kept begins at ${clockTime(new Date(oldest), false)}`}.
    </p>
  )
}

interface EventsProps extends Parts {
  readonly chosen: string | undefined
  readonly onChoose: (id: string | undefined) => void
  readonly onText: (text: string) => void
}

function Events({ view, timeline, store, chosen, onChoose, onText }: EventsProps) {
  const { connection, loading, items, shown } = timeline
  if (connection.kind === 'stopped' && items.length === 0) {
    if (connection.code === 'forbidden') return <Denied permission="events:read" />
    return (
      <Failing what="The events could not be read" still={connection.why}>
        XX
      </Failing>
    )
  }
  if (loading === 'first' && connection.kind === 'reconnecting') {
    return (
      <EmptyState title="Not connected">
        <p>The events are read as soon as the server answers. {connection.why}</p>
      </EmptyState>
    )
  }
  if (loading === 'first') return <Loading />
  if (items.length === 0) return <NoEvents view={view} store={store} timeline={timeline} />
  if (shown.length === 0) {
    return (
      <EmptyState title="Nothing shown holds that text">
        <p>The search looks through the {items.length.toLocaleString()} events of this page.</p>
        <Button onClick={() => onText('')}>Show all</Button>
      </EmptyState>
    )
  }
  return (
    <LiveRows
      timeline={timeline}
      at={view.at}
      chosen={chosen}
      onChoose={onChoose}
      onOlder={() => void store.loadOlder()}
      onNewer={() => void store.loadNewer()}
    />
  )
}

function NoEvents({ view, store, timeline }: Parts) {
  const isFiltered = view.types.length > 0 || view.entities.length > 0
  if (!isFiltered && timeline.atStart) {
    return <NothingYet title="No events here yet">Every event of the workspace appears here as it happens.</NothingYet>
  }
  return (
    <EmptyState title={isFiltered ? 'No such events' : 'No events here yet'}>
      <p>
        {timeline.atStart ? 'None that is kept passes the filter.' : 'None in the last 24 hours.'} New ones appear here
        as they happen.
      </p>
      {!timeline.atStart && (
        <Button disabled={timeline.loading !== undefined} onClick={() => void store.loadOlder()}>
          {timeline.loading ? 'Looking further back' : 'Look further back'}
        </Button>
      )}
    </EmptyState>
  )
}

/** Esc closes what is open, `p` pauses. */
function useLiveKeys(close: () => void, pause: () => void): void {
  useEffect(() => {
    const press = ({ key, target, ctrlKey, metaKey, altKey }: KeyboardEvent) => {
      if (key === 'Escape') close()
      if (ctrlKey || metaKey || altKey) return
      if (target instanceof HTMLElement && target.closest('input, select, textarea, dialog')) return
      if (key === 'p') pause()
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  })
}
