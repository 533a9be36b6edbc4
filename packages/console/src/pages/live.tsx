import type { WorkspaceItem } from '@switchboard/sdk'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef } from 'react'
import { useSearchParams } from 'react-router'
import { Button, Chip, EmptyState, Failing, Panel } from '../design/parts.js'
import { ago, clockTime } from '../design/words.js'
import { nextFrame } from '../stores/store.js'
import { TimelineStore } from '../stores/timeline-store.js'
import { useDesk, useStore } from '../workspace.js'
import { NothingYet } from './nothing-yet.js'
import { sent, sentence, typeOf } from './sentence.js'

const FAMILIES = ['call', 'operator', 'surface', 'pipeline'] as const
const MARKS: Readonly<Record<string, string>> = { call: '◗', operator: '◇', surface: '▤', pipeline: '⇉' }
/** How far back the page begins when nobody chose a time. */
const SINCE = '15m'
const ROW_PX = 30

/** The address holds the view: `types`, `text`, `since` and the chosen event, so that a link opens the same. */
export function LivePage() {
  const { feed } = useDesk()
  const [query, setQuery] = useSearchParams()
  const types = query.get('types') ?? ''
  const since = query.get('since') ?? SINCE
  const text = query.get('text') ?? ''
  const chosen = query.get('event')
  const store = useMemo(
    () =>
      new TimelineStore({
        feed,
        frame: nextFrame,
        types: types === '' ? [] : types.split(','),
        since,
      }),
    [feed, types, since],
  )
  useEffect(() => {
    void store.start()
    return () => store.stop()
  }, [store])
  const { items, paused, waiting, connection, gap, dropped } = useStore(store)
  const shown = useMemo(() => newestFirst(items, text), [items, text])
  const change = (name: string, value: string | null) =>
    setQuery(
      (before) => {
        const next = new URLSearchParams(before)
        if (value === null || value === '') next.delete(name)
        else next.set(name, value)
        return next
      },
      { replace: name !== 'types' },
    )
  const search = useRef<HTMLInputElement>(null)
  const move = (by: number) => {
    const at = shown.findIndex((item) => item.id === chosen)
    const next = shown[Math.min(shown.length - 1, Math.max(0, at + by))]
    if (next) change('event', next.id)
  }
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === 'Escape') change('event', null)
      if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey) return
      if (event.key === '/') {
        event.preventDefault()
        search.current?.focus()
      }
      if (event.key === 'j') move(1)
      if (event.key === 'k') move(-1)
      if (event.key === 'Enter' && chosen === null && event.target === document.body) move(1)
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  })
  const on = types === '' ? [] : types.split(',')
  const toggle = (filter: string) =>
    change('types', (on.includes(filter) ? on.filter((each) => each !== filter) : [...on, filter]).join(','))
  const open = chosen === null ? undefined : items.find((item) => item.id === chosen)
  return (
    <div className="timeline">
      <div className="bar">
        {FAMILIES.map((family) => (
          <Chip key={family} on={on.includes(`${family}.*`)} onToggle={() => toggle(`${family}.*`)}>
            {MARKS[family]} {family}
          </Chip>
        ))}
        <input
          ref={search}
          className="field"
          type="search"
          aria-label="Search what is shown"
          placeholder="Search what is shown"
          value={text}
          onChange={(event) => change('text', event.target.value)}
        />
        <input
          className="field"
          type="datetime-local"
          aria-label="From this time on"
          onChange={(event) => {
            const time = new Date(event.target.value)
            change('since', Number.isNaN(time.getTime()) ? null : time.toISOString())
          }}
        />
        <span className="grow" />
        <Button onClick={() => (paused ? store.resume() : store.pause())}>
          {paused ? `▶ Resume (${waiting} waiting)` : 'Ⅱ Pause'}
        </Button>
      </div>
      {gap && (
        <p className="bar muted">▲ The log no longer holds the time asked for; this begins with the oldest kept.</p>
      )}
      {dropped > 0 && <p className="bar muted">{dropped.toLocaleString()} older events have left this page.</p>}
      {connection.kind === 'stopped' && (
        <Failing what="The events could not be read" still={connection.why}>
          <Button onClick={() => change('since', null)}>Begin {SINCE} ago</Button>
        </Failing>
      )}
      <div className="both">
        {items.length === 0 ? (
          <NothingYet title="No events here yet">Events appear as they happen.</NothingYet>
        ) : shown.length === 0 ? (
          <EmptyState title="Nothing shown holds that text" />
        ) : (
          <Rows items={shown} chosen={chosen} onChoose={(id) => change('event', id)} />
        )}
        {open && (
          <Panel title={typeOf(open)} onClose={() => change('event', null)}>
            <p className="muted figures">
              {open.id} · {open.time.toISOString()}
            </p>
            <Button onClick={() => void navigator.clipboard.writeText(JSON.stringify(sent(open)))}>Copy JSON</Button>
            <pre>{JSON.stringify(sent(open), null, 2)}</pre>
          </Panel>
        )}
      </div>
    </div>
  )
}

interface RowsProps {
  readonly items: readonly WorkspaceItem[]
  readonly chosen: string | null
  readonly onChoose: (id: string) => void
}

function Rows({ items, chosen, onChoose }: RowsProps) {
  const scroll = useRef<HTMLDivElement>(null)
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => items[index]?.id ?? index,
    overscan: 10,
  })
  return (
    <div className="rows" ref={scroll} data-testid="rows">
      <div className="tall" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, start, key }) => {
          const item = items[index]
          if (item === undefined) return null
          const type = typeOf(item)
          const tone = type === 'call.escalated' ? 'person' : type.endsWith('.error') ? 'failed' : ''
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: j, k and Enter choose rows for the whole page
            // biome-ignore lint/a11y/noStaticElementInteractions: as above
            <div
              key={key}
              className={`event ${item.id === chosen ? 'chosen' : ''}`}
              data-id={item.id}
              style={{ transform: `translateY(${start}px)` }}
              onClick={() => onChoose(item.id)}
            >
              <time dateTime={item.time.toISOString()} title={ago(Date.now() - item.time.getTime())}>
                {clockTime(item.time)}
              </time>
              <span className={tone}>
                {MARKS[type.split('.')[0] ?? ''] ?? '·'} {type}
              </span>
              <span>{sentence(item)}</span>
            </div>
          )
        })}
      </div>
    </div>
  )
}

function newestFirst(items: readonly WorkspaceItem[], text: string): readonly WorkspaceItem[] {
  const wanted = text.trim().toLowerCase()
  const kept =
    wanted === '' ? [...items] : items.filter((item) => JSON.stringify(sent(item)).toLowerCase().includes(wanted))
  return kept.reverse()
}
