import 'uplot/dist/uPlot.min.css'
import { SwitchboardError, type WorkspaceItem } from '@switchboard/sdk'
import { useEffect, useRef, useState } from 'react'
import uPlot from 'uplot'
import { Button, Denied, Failing } from '../design/parts.js'
import { chartColumns, chartWords, type Sync } from '../stores/pipelines-view.js'
import { useDesk } from '../workspace.js'

/** How far back the chart looks. */
const HISTORY_MS = 24 * 3600 * 1000
/** Points drawn, the newest: more than a chart of this width can tell apart. */
const SYNCS_MAX = 2000
const PAGE_SIZE = 1000
const HEIGHT_PX = 160

type History =
  | { readonly kind: 'loading' }
  | { readonly kind: 'read'; readonly syncs: readonly Sync[] }
  | { readonly kind: 'failed'; readonly code: string; readonly why: string }

/** The good syncs of a source, from the kept events: its record keeps the last one only. */
export function SyncHistory({ source, syncs }: { source: string; syncs: number }) {
  const { switchboard } = useDesk()
  const [history, setHistory] = useState<History>({ kind: 'loading' })
  const [attempt, setAttempt] = useState(0)
  // Read anew when the source has synced, or when asked to.
  useEffect(() => {
    const ended = new AbortController()
    const read = async () => {
      const found: Sync[] = []
      const after = { since: new Date(Date.now() - HISTORY_MS) }
      const types = ['pipeline.sync_completed'] as const
      const { signal } = ended
      const past = switchboard.events.list({ types, dataSourceId: source, after, pageSize: PAGE_SIZE, signal })
      for await (const item of past) {
        const sync = syncOf(item, source)
        if (sync) found.push(sync)
        if (found.length > SYNCS_MAX) found.shift()
      }
      if (!ended.signal.aborted) setHistory({ kind: 'read', syncs: found })
    }
    read().catch((error: unknown) => {
      if (ended.signal.aborted) return
      const code = error instanceof SwitchboardError ? error.code : 'unknown'
      setHistory({ kind: 'failed', code, why: error instanceof Error ? error.message : String(error) })
    })
    return () => ended.abort()
  }, [switchboard, source, syncs, attempt])
  if (history.kind === 'loading') return <output className="history muted">Reading the last 24 hours…</output>
  if (history.kind === 'failed') {
    if (history.code === 'forbidden') return <Denied permission="events:read" />
    return (
      <Failing what="The history could not be read" still={`${history.why} What the rows say is still true.`}>
        <Button onClick={() => setAttempt(attempt + 1)}>Try again</Button>
      </Failing>
    )
  }
  const words = chartWords(history.syncs)
  return (
    <figure className="history">
      {history.syncs.length > 0 && <Chart syncs={history.syncs} />}
      <figcaption className="muted figures">Last 24 hours. {words}</figcaption>
    </figure>
  )
}

function syncOf({ event, time }: WorkspaceItem, source: string): Sync | undefined {
  if (event.event_type !== 'pipeline.sync_completed' || event.data_source_id !== source) return undefined
  return { at: time.getTime() / 1000, duration_ms: event.duration_ms, events: event.event_count }
}

/** A picture only: the caption below it says the same to those who do not see it. */
function Chart({ syncs }: { syncs: readonly Sync[] }) {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const { current } = place
    if (current === null) return
    const draw = () => new uPlot(optionsFor(current), chartColumns(syncs), current)
    let plot = draw()
    const resized = new ResizeObserver(() => plot.setSize({ width: current.clientWidth, height: HEIGHT_PX }))
    resized.observe(current)
    // A canvas knows no custom properties: with another theme it is drawn anew.
    const themed = new MutationObserver(() => {
      plot.destroy()
      plot = draw()
    })
    themed.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    return () => {
      resized.disconnect()
      themed.disconnect()
      plot.destroy()
    }
  }, [syncs])
  return <div className="plot" ref={place} aria-hidden="true" data-testid="plot" />
}

function optionsFor(place: HTMLElement): uPlot.Options {
  const style = getComputedStyle(place)
  const colour = (name: string) => style.getPropertyValue(name).trim()
  const line = { stroke: colour('--line'), width: 1 }
  const axis: uPlot.Axis = { stroke: colour('--muted'), grid: line, ticks: line }
  // From zero, so that a height tells an amount.
  const fromZero: uPlot.Scale = { range: (_plot, _min, max) => [0, Math.max(1, (max ?? 0) * 1.1)] }
  // The whole day, so that two syncs of one second are not drawn as years.
  const day: uPlot.Scale = { range: () => [(Date.now() - HISTORY_MS) / 1000, Date.now() / 1000] }
  const points = { show: true, size: 5 }
  const ms = (_plot: uPlot, splits: number[]) => splits.map((each) => `${each.toLocaleString()} ms`)
  return {
    width: place.clientWidth,
    height: HEIGHT_PX,
    scales: { x: day, ms: fromZero, n: fromZero },
    axes: [
      axis,
      { ...axis, scale: 'ms', size: 88, values: ms },
      { ...axis, scale: 'n', side: 1, grid: { show: false } },
    ],
    series: [
      {},
      { label: 'duration (ms)', scale: 'ms', stroke: colour('--ink'), width: 1.5, points },
      { label: 'events', scale: 'n', stroke: colour('--muted'), width: 1.5, dash: [4, 4], points },
    ],
  }
}
