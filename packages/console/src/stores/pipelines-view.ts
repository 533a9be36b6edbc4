import type { DataSourceState } from '@switchboard/contract/state'

export interface SourceGroups {
  /** Longest streak of failures first. */
  readonly failing: readonly DataSourceState[]
  /** By id: a poll every minute must not shuffle the rows. */
  readonly healthy: readonly DataSourceState[]
}

export function groupSources(sources: Iterable<DataSourceState>, search = ''): SourceGroups {
  const wanted = search.trim().toLowerCase()
  const failing: DataSourceState[] = []
  const healthy: DataSourceState[] = []
  for (const source of sources) {
    const holds = [source.data_source_id, source.last_error ?? ''].some((text) => text.toLowerCase().includes(wanted))
    if (holds) (source.health === 'failing' ? failing : healthy).push(source)
  }
  failing.sort((a, b) => b.streak - a.streak || a.data_source_id.localeCompare(b.data_source_id))
  healthy.sort((a, b) => a.data_source_id.localeCompare(b.data_source_id))
  return { failing, healthy }
}

export interface Sync {
  /** Unix seconds, the unit of the chart's axis. */
  readonly at: number
  readonly duration_ms: number
  readonly events: number
}

/** Columns as the chart wants them: times that rise, then a line each. */
export function chartColumns(syncs: readonly Sync[]): [number[], number[], number[]] {
  const sorted = [...syncs].sort((a, b) => a.at - b.at)
  return [sorted.map(({ at }) => at), sorted.map((sync) => sync.duration_ms), sorted.map((sync) => sync.events)]
}

/** The chart said in a sentence, for those who do not see it. */
export function chartWords(syncs: readonly Sync[]): string {
  if (syncs.length === 0) return 'No good sync in the history that is kept.'
  const durations = syncs.map((sync) => sync.duration_ms).sort((a, b) => a - b)
  const median = durations[Math.floor(durations.length / 2)] ?? 0
  const events = syncs.reduce((sum, sync) => sum + sync.events, 0)
  const words = (ms: number) => `${ms.toLocaleString('en')} ms`
  return `${syncs.length.toLocaleString('en')} ${syncs.length === 1 ? 'sync' : 'syncs'}: ${words(durations[0] ?? 0)} to ${words(durations.at(-1) ?? 0)}, median ${words(median)}; ${events.toLocaleString('en')} events.`
}
