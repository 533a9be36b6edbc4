import { amount, momentOf, type Reducer, type StateEntry, text } from './fold.js'

/** One data source, as its syncs so far tell it. */
export interface DataSourceState {
  readonly data_source_id: string
  readonly health: 'healthy' | 'failing'
  readonly last_result: 'success' | 'error'
  readonly last_success_at: string | null
  readonly last_error_at: string | null
  readonly last_error: string | null
  /** How many times in a row the last result came. */
  readonly streak: number
  readonly syncs: number
  readonly errors: number
  readonly last_event_count: number | null
  readonly last_duration_ms: number | null
  readonly events_total: number
}

export const sources: Reducer<DataSourceState> = {
  name: 'sources',

  key({ kind, type, event }) {
    return kind === 'workspace' && type.startsWith('pipeline.') ? (text(event.data_source_id) ?? undefined) : undefined
  },

  fold(previous, entry) {
    switch (entry.type) {
      case 'pipeline.sync_completed':
        return synced(previous ?? firstSeen(entry), entry)
      case 'pipeline.error':
        return failed(previous ?? firstSeen(entry), entry)
      default:
        return previous ?? firstSeen(entry)
    }
  },

  expired: () => false,
}

function firstSeen(entry: StateEntry): DataSourceState {
  return {
    data_source_id: text(entry.event.data_source_id) ?? '',
    health: 'healthy',
    last_result: 'success',
    last_success_at: null,
    last_error_at: null,
    last_error: null,
    streak: 0,
    syncs: 0,
    errors: 0,
    last_event_count: null,
    last_duration_ms: null,
    events_total: 0,
  }
}

function synced(source: DataSourceState, entry: StateEntry): DataSourceState {
  const count = amount(entry.event.event_count)
  return {
    ...source,
    health: 'healthy',
    last_result: 'success',
    last_success_at: momentOf(entry),
    streak: source.last_result === 'success' ? source.streak + 1 : 1,
    syncs: source.syncs + 1,
    last_event_count: count,
    last_duration_ms: amount(entry.event.duration_ms),
    events_total: source.events_total + (count ?? 0),
  }
}

function failed(source: DataSourceState, entry: StateEntry): DataSourceState {
  return {
    ...source,
    health: 'failing',
    last_result: 'error',
    last_error_at: momentOf(entry),
    last_error: text(entry.event.error),
    streak: source.last_result === 'error' ? source.streak + 1 : 1,
    errors: source.errors + 1,
  }
}
