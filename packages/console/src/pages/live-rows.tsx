import type { WorkspaceItem } from '@switchboard/sdk'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import { Button } from '../design/parts.js'
import { ago, clockTime } from '../design/words.js'
import { typeOf } from '../stores/event-text.js'
import type { Timeline } from '../stores/timeline-store.js'
import { markOf } from './marks.js'
import { sentence } from './sentence.js'

const ROW_PX = 30
/** This near an end, more is read there. */
const NEAR_PX = 600

interface LiveRowsProps {
  readonly timeline: Timeline
  /** The instant that was asked for: its event is in sight at first. */
  readonly at: Date | undefined
  readonly chosen: string | undefined
  readonly onChoose: (id: string | undefined) => void
  readonly onOlder: () => void
  readonly onNewer: () => void
}

/** Events, newest on top. Who has scrolled down reads: what comes does not move it. */
export function LiveRows({ timeline, at, chosen, onChoose, onOlder, onNewer }: LiveRowsProps) {
  const { shown, arrived, loading, isLive, atStart } = timeline
  const scroll = useRef<HTMLDivElement>(null)
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => rowAt(shown, index)?.id ?? index,
    overscan: 10,
  })
  const unseen = useAnchor(scroll, arrived)
  const current = useRef(chosen)
  current.current = chosen
  useEffect(() => {
    if (at === undefined) return
    const place = shown.findIndex((item) => item.time >= at)
    if (place >= 0) rows.scrollToIndex(shown.length - 1 - place, { align: 'center' })
    // Once: whoever has scrolled away from there wants to be elsewhere.
  }, [at?.getTime()])
  const scrolled = () => {
    const { scrollTop = 0, scrollHeight = 0, clientHeight = 0 } = scroll.current ?? {}
    if (!isLive && scrollTop < NEAR_PX) onNewer()
    if (!atStart && scrollHeight - scrollTop - clientHeight < NEAR_PX) onOlder()
  }
  // What was read has not filled the page, or was asked for while something else was read.
  useEffect(() => {
    if ((scroll.current?.scrollTop ?? 0) > 0 || !isLive) scrolled()
  })
  const walk = (by: number) => {
    const place = shown.findIndex((item) => item.id === current.current)
    const from = place === -1 ? -1 : shown.length - 1 - place
    const next = Math.min(shown.length - 1, Math.max(0, from + by))
    // Keys may come faster than the page is drawn.
    current.current = rowAt(shown, next)?.id
    onChoose(current.current)
    if (scroll.current) bringIntoSight(scroll.current, next)
  }
  useRowKeys(walk, chosen === undefined)
  return (
    <div className="events">
      {unseen > 0 && (
        <Button className="unseen" onClick={() => scroll.current?.scrollTo({ top: 0 })}>
          ↑ {unseen.toLocaleString()} new
        </Button>
      )}
      <div
        className="rows"
        ref={scroll}
        data-testid="rows"
        role="listbox"
        aria-label="Events, newest first"
        aria-activedescendant={chosen === undefined ? undefined : rowId(chosen)}
        tabIndex={0}
        onScroll={scrolled}
        onClick={({ target }) => {
          const row = target instanceof Element ? target.closest<HTMLElement>('[data-id]') : null
          if (row) onChoose(row.dataset.id)
        }}
        onKeyDown={({ key }) => {
          if (key === 'ArrowDown') walk(1)
          if (key === 'ArrowUp') walk(-1)
        }}
      >
        <div className="tall" role="presentation" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, start }) => {
            const item = rowAt(shown, index)
            return item && <EventRow key={item.id} item={item} start={start} isChosen={item.id === chosen} />
          })}
        </div>
        <p className="end muted" role="presentation">
          {loading === 'older'
            ? 'Reading older events'
            : atStart
              ? 'This is the oldest that is kept.'
              : shown.length > 0 && 'Older events are read as you come here.'}
        </p>
      </div>
    </div>
  )
}

function EventRow({ item, start, isChosen }: { item: WorkspaceItem; start: number; isChosen: boolean }) {
  const type = typeOf(item)
  const tone = type === 'call.escalated' ? 'person' : type.endsWith('.error') ? 'failed' : ''
  return (
    <div
      id={rowId(item.id)}
      role="option"
      aria-selected={isChosen}
      tabIndex={-1}
      className={`event ${isChosen ? 'chosen' : ''}`}
      data-id={item.id}
      style={{ transform: `translateY(${start}px)` }}
    >
      <time dateTime={item.time.toISOString()} title={ago(Date.now() - item.time.getTime())}>
        {clockTime(item.time)}
      </time>
      <span className={tone}>
        <span aria-hidden="true">{markOf(type)}</span> <span className="type-name">{type}</span>
      </span>
      <bdi dir="auto">{sentence(item)}</bdi>
    </div>
  )
}

/** By hand, since every row is as high: the list's own way measures first, and fast keys overtake it. */
function bringIntoSight(element: HTMLElement, index: number): void {
  const top = index * ROW_PX
  const { scrollTop } = element
  // `clientHeight` rounds up, and would leave a part of a pixel out of sight.
  const height = Math.floor(element.getBoundingClientRect().height)
  if (top < scrollTop) element.scrollTop = top
  else if (top + ROW_PX > scrollTop + height) element.scrollTop = top + ROW_PX - height
}

/** The newest stand on top, and the last of the list is the newest. */
function rowAt(shown: readonly WorkspaceItem[], index: number): WorkspaceItem | undefined {
  return shown[shown.length - 1 - index]
}

function rowId(id: string): string {
  return `event-${id}`
}

/** Keeps what is read in its place while more comes on top. Answers how many have come since the reader left the top. */
function useAnchor(scroll: React.RefObject<HTMLDivElement | null>, arrived: number): number {
  const before = useRef(arrived)
  const [seen, setSeen] = useState(arrived)
  const [away, setAway] = useState(false)
  useLayoutEffect(() => {
    const added = arrived - before.current
    before.current = arrived
    const element = scroll.current
    if (element && added > 0 && element.scrollTop > 0) element.scrollTop += added * ROW_PX
  }, [arrived, scroll])
  useEffect(() => {
    const element = scroll.current
    const look = () => {
      const isAway = (element?.scrollTop ?? 0) > ROW_PX
      setAway(isAway)
      if (!isAway) setSeen(before.current)
    }
    element?.addEventListener('scroll', look)
    return () => element?.removeEventListener('scroll', look)
  }, [scroll])
  return away ? Math.max(0, arrived - seen) : 0
}

/** `j` and `k` walk for the whole page; Enter opens the newest when none is chosen. */
function useRowKeys(walk: (by: number) => void, isNoneChosen: boolean): void {
  useEffect(() => {
    const press = ({ key, target, ctrlKey, metaKey, altKey }: KeyboardEvent) => {
      if (ctrlKey || metaKey || altKey) return
      if (target instanceof HTMLElement && target.closest('input, select, textarea, dialog')) return
      if (key === 'j') walk(1)
      if (key === 'k') walk(-1)
      const onPage = target === document.body || (target instanceof HTMLElement && target.role === 'listbox')
      if (key === 'Enter' && isNoneChosen && onPage) walk(1)
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  })
}
