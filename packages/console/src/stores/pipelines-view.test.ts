import type { DataSourceState } from '@switchboard/contract/state'
import { expect, test } from 'vitest'
import { chartColumns, chartWords, groupSources } from './pipelines-view.js'

const source = (data_source_id: string, streak: number, health: DataSourceState['health']): DataSourceState => ({
  data_source_id,
  health,
  last_result: health === 'failing' ? 'error' : 'success',
  last_success_at: null,
  last_error_at: null,
  last_error: health === 'failing' ? '503 after 3 tries' : null,
  streak,
  syncs: 0,
  errors: 0,
  last_event_count: null,
  last_duration_ms: null,
  events_total: 0,
})

test('the longest streak of failures comes first; healthy ones keep their places', () => {
  const all = [
    source('d', 9, 'healthy'),
    source('a', 1, 'failing'),
    source('b', 4, 'failing'),
    source('c', 1, 'healthy'),
  ]
  const { failing, healthy } = groupSources(all)
  expect(failing.map((each) => each.data_source_id)).toEqual(['b', 'a'])
  expect(healthy.map((each) => each.data_source_id)).toEqual(['c', 'd'])
  expect(groupSources(all, '503').healthy).toEqual([])
})

test('the chart and its words tell the same syncs', () => {
  const syncs = [
    { at: 20, duration_ms: 900, events: 0 },
    { at: 10, duration_ms: 12740, events: 184 },
  ]
  expect(chartColumns(syncs)).toEqual([
    [10, 20],
    [12740, 900],
    [184, 0],
  ])
  expect(chartWords(syncs)).toBe('2 syncs: 900 ms to 12,740 ms, median 12,740 ms; 184 events.')
  expect(chartWords([])).toContain('No good sync')
})
