import type { MetricType } from 'prom-client'

/** One metric, as the registry makes it and the documentation shows it. */
export interface MetricRow {
  readonly type: `${Exclude<MetricType, 'summary'>}`
  /** One line. */
  readonly meaning: string
  readonly labels?: readonly string[]
  /** How the values of several processes become one. Default: their sum. */
  readonly together?: 'sum' | 'min' | 'max' | 'first'
  /** Upper bounds of a histogram, in the unit of its name. */
  readonly buckets?: readonly number[]
}

/** From a flush of a fast disk to one that is drowning. */
const APPEND_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
/** From an idle process to one whose subscribers notice. */
const LAG_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/**
 * Every metric of ours by its name. No label ever holds an id, a name or personal data: `kind` is the kind of channel
 * (`workspace` or `observer`), `code` a failure of the table, `route` a route's template.
 */
export const metricTable = {
  switchboard_events_appended_total: {
    type: 'counter',
    meaning: 'Events made durable.',
    labels: ['kind'],
  },
  switchboard_append_seconds: {
    type: 'histogram',
    meaning: 'Time from an append to its durability.',
    labels: ['kind'],
    buckets: APPEND_SECONDS,
  },
  switchboard_refusals_total: {
    type: 'counter',
    meaning: 'Requests refused and streams ended, by failure code.',
    labels: ['code'],
  },
  switchboard_open_streams: {
    type: 'gauge',
    meaning: 'Streams open now.',
    labels: ['kind'],
  },
  switchboard_streams_opened_total: {
    type: 'counter',
    meaning: 'Streams opened since the start.',
    labels: ['kind'],
  },
  switchboard_events_delivered_total: {
    type: 'counter',
    meaning: "Events handed to subscribers' sockets.",
    labels: ['kind'],
  },
  switchboard_delivered_bytes_total: {
    type: 'counter',
    meaning: "Bytes handed to subscribers' sockets.",
    labels: ['kind'],
  },
  switchboard_gaps_total: {
    type: 'counter',
    meaning: 'Subscribers told that entries they asked for are gone.',
    labels: ['kind'],
  },
  switchboard_delivery_lag_seconds: {
    type: 'histogram',
    meaning: 'Time from durable to handed to a socket that keeps up. Sampled.',
    labels: ['kind'],
    buckets: LAG_SECONDS,
  },
  switchboard_subscriber_lag_max_entries: {
    type: 'gauge',
    together: 'max',
    meaning: 'How far the slowest subscriber is behind, in sequences: entries on LMDB, 1,024 an append on JetStream.',
    labels: ['kind'],
  },
  switchboard_tail_bytes: {
    type: 'gauge',
    meaning: 'Memory held by recent entries, over all channels.',
  },
  switchboard_log_writable: {
    type: 'gauge',
    together: 'min',
    meaning: '1 while events are acknowledged, 0 while every append is refused.',
  },
  switchboard_log_faults: {
    type: 'gauge',
    together: 'max',
    meaning: 'Known faults of the storage, damaged ranges included.',
  },
  switchboard_log_bytes: {
    type: 'gauge',
    together: 'max',
    meaning: 'Size of the log on disk.',
  },
  switchboard_waiting_events: {
    type: 'gauge',
    meaning: 'Events taken in that wait to be durable; publishing is refused at 32,000 a process.',
  },
  switchboard_waiting_bytes: {
    type: 'gauge',
    meaning: 'Bytes of the bodies that they came in; publishing is refused at 32 MiB a process.',
  },
  switchboard_event_loop_late_seconds: {
    type: 'gauge',
    together: 'max',
    meaning: 'How late what is due happens, on average; no new streams are taken from 0.5 on.',
  },
  switchboard_memory_used_ratio: {
    type: 'gauge',
    together: 'max',
    meaning: 'Memory used of what the process may have, 0 to 1; nothing new is taken from 0.9 on.',
  },
  switchboard_log_behind_appends: {
    type: 'gauge',
    together: 'max',
    meaning: 'Appends in JetStream that this gateway does not have yet; always 0 on LMDB.',
  },
  switchboard_store_records: {
    type: 'gauge',
    together: 'max',
    meaning: 'Records beside the log, by what they are.',
    labels: ['record'],
  },
  switchboard_http_requests_total: {
    type: 'counter',
    meaning: 'HTTP requests answered, by route template and status.',
    labels: ['method', 'route', 'status'],
  },
  switchboard_http_request_seconds: {
    type: 'histogram',
    meaning: 'Time from a request to the end of its answer; streams are left out.',
    labels: ['method', 'route'],
    buckets: REQUEST_SECONDS,
  },
  switchboard_strangers: {
    type: 'gauge',
    meaning: 'Connections open now on which no credential was accepted.',
  },
  switchboard_strangers_cut_total: {
    type: 'counter',
    meaning: 'Connections cut because there were too many of that kind: of one `address`, or in `all`.',
    labels: ['limit'],
  },
  switchboard_worker_ends_total: {
    type: 'counter',
    meaning: 'Worker processes that ended unasked, and were replaced.',
  },
  switchboard_ready: {
    type: 'gauge',
    together: 'min',
    meaning: '1 while the process takes traffic.',
  },
  switchboard_build_info: {
    type: 'gauge',
    together: 'first',
    meaning: 'Always 1; the label says which version runs.',
    labels: ['version'],
  },
} as const satisfies Record<`switchboard_${string}`, MetricRow>

export type MetricName = keyof typeof metricTable
