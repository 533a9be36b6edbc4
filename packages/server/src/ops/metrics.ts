import { type ChannelKind, failures } from '@switchboard/contract'
import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client'
import type { StrangerLimit } from '../http/strangers.js'
import type { Meter } from '../meter.js'
import { type MetricName, type MetricRow, metricTable } from './metric-table.js'

/** What is read when somebody asks for the metrics, rather than counted as it happens. What is left out stays at 0. */
export interface Readings {
  /** Entries that the slowest subscriber is behind. */
  readonly subscriberLagMax?: (kind: ChannelKind) => number
  readonly tailBytes?: () => number
  readonly logWritable?: () => boolean
  readonly logFaults?: () => number
  readonly logBytes?: () => number | Promise<number>
  readonly logBehind?: () => number
  readonly waitingEvents?: () => number
  readonly waitingBytes?: () => number
  readonly eventLoopLateSeconds?: () => number
  readonly memoryShare?: () => number
  /** How many records there are of what, for example `{ api_keys: 12 }`. The names become labels: never ids. */
  readonly storeRecords?: () => Readonly<Record<string, number>>
  readonly strangers?: () => number
  readonly ready?: () => boolean
}

export interface RequestMeasure {
  readonly method: string
  /** The route's template (`/v1/:workspace_id/events`), or undefined when no route fitted: never the address itself. */
  readonly route: string | undefined
  readonly status: number
  /** From the request to the end of its answer. */
  readonly ms: number
  /** A stream: counted, but its length is no answering time. */
  readonly streaming?: boolean
}

/** In the Prometheus text format, with that format's content type. */
export interface Collected {
  readonly contentType: string
  readonly text: string
}

/** The metrics of one process at one instant, as they are sent to another. */
export type Sample = readonly MetricObjectWithValues<MetricValue<string>>[]

/** The metrics of one process. */
export interface Metrics extends Meter {
  request(measure: RequestMeasure): void
  /** A connection was cut for a limit on strangers. */
  strangerCut(limit: StrangerLimit): void
  /** A worker process has ended unasked. */
  workerEnded(): void
  /** Adds readings; a later one replaces an earlier one of the same name. */
  read(readings: Readings): void
  collect(): Promise<Collected>
  sample(): Promise<Sample>
  readonly registry: Registry
  /** Forgets everything. */
  close(): void
}

const KINDS = ['workspace', 'observer'] as const satisfies readonly ChannelKind[]
const STRANGER_LIMITS = ['address', 'all'] as const satisfies readonly StrangerLimit[]
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])

/** A registry of its own, so that a process may run several servers, as tests do. */
export function createMetrics(options: { readonly version: string }): Metrics {
  const registry = new Registry()
  let readings: Readings = {}
  collectDefaultMetrics({ register: registry })

  const counter = (name: MetricName) => new Counter({ ...definition(name), registers: [registry] })
  const gauge = (name: MetricName, collect?: (gauge: Gauge<string>) => void | Promise<void>) =>
    new Gauge({
      ...definition(name),
      registers: [registry],
      ...(collect && {
        collect() {
          return collect(this)
        },
      }),
    })
  const histogram = (name: MetricName) => {
    const { buckets = [] }: MetricRow = metricTable[name]
    return new Histogram({ ...definition(name), buckets: [...buckets], registers: [registry] })
  }

  const appended = counter('switchboard_events_appended_total')
  const appendSeconds = histogram('switchboard_append_seconds')
  const refusals = counter('switchboard_refusals_total')
  const openStreams = gauge('switchboard_open_streams')
  const streamsOpened = counter('switchboard_streams_opened_total')
  const delivered = counter('switchboard_events_delivered_total')
  const deliveredBytes = counter('switchboard_delivered_bytes_total')
  const gaps = counter('switchboard_gaps_total')
  const deliveryLag = histogram('switchboard_delivery_lag_seconds')
  const requests = counter('switchboard_http_requests_total')
  const requestSeconds = histogram('switchboard_http_request_seconds')
  const strangersCut = counter('switchboard_strangers_cut_total')
  const workerEnds = counter('switchboard_worker_ends_total')
  gauge('switchboard_build_info').set({ version: options.version }, 1)

  gauge('switchboard_subscriber_lag_max_entries', (lag) => {
    for (const kind of KINDS) lag.set({ kind }, readings.subscriberLagMax?.(kind) ?? 0)
  })
  gauge('switchboard_tail_bytes', (bytes) => bytes.set(readings.tailBytes?.() ?? 0))
  gauge('switchboard_log_writable', (writable) => writable.set(Number(readings.logWritable?.() ?? false)))
  gauge('switchboard_log_faults', (faults) => faults.set(readings.logFaults?.() ?? 0))
  gauge('switchboard_log_bytes', async (bytes) => bytes.set((await readings.logBytes?.()) ?? 0))
  gauge('switchboard_log_behind_appends', (behind) => behind.set(readings.logBehind?.() ?? 0))
  gauge('switchboard_waiting_events', (events) => events.set(readings.waitingEvents?.() ?? 0))
  gauge('switchboard_waiting_bytes', (bytes) => bytes.set(readings.waitingBytes?.() ?? 0))
  gauge('switchboard_event_loop_late_seconds', (late) => late.set(readings.eventLoopLateSeconds?.() ?? 0))
  gauge('switchboard_memory_used_ratio', (share) => share.set(readings.memoryShare?.() ?? 0))
  gauge('switchboard_strangers', (strangers) => strangers.set(readings.strangers?.() ?? 0))
  gauge('switchboard_ready', (ready) => ready.set(Number(readings.ready?.() ?? false)))
  gauge('switchboard_store_records', (records) => {
    records.reset()
    for (const [record, count] of Object.entries(readings.storeRecords?.() ?? {})) records.set({ record }, count)
  })

  // A series that is absent until it first counts looks like one that is broken: begin at 0.
  for (const kind of KINDS) {
    for (const counted of [appended, streamsOpened, delivered, deliveredBytes, gaps]) counted.inc({ kind }, 0)
    openStreams.set({ kind }, 0)
  }

  for (const code of Object.keys(failures)) refusals.inc({ code }, 0)
  for (const limit of STRANGER_LIMITS) strangersCut.inc({ limit }, 0)

  return {
    registry,
    appended(kind, events, seconds) {
      appended.inc({ kind }, events)
      appendSeconds.observe({ kind }, seconds)
    },
    refused: (code) => refusals.inc({ code }),
    streamOpened(kind) {
      openStreams.inc({ kind })
      streamsOpened.inc({ kind })
    },
    streamClosed: (kind) => openStreams.dec({ kind }),
    delivered(kind, events, bytes) {
      delivered.inc({ kind }, events)
      deliveredBytes.inc({ kind }, bytes)
    },
    gap: (kind) => gaps.inc({ kind }),
    deliveryLag: (kind, seconds) => deliveryLag.observe({ kind }, seconds),

    request({ method: asked, route = 'none', status, ms, streaming = false }) {
      // Anybody may invent methods.
      const method = METHODS.has(asked) ? asked : 'other'
      requests.inc({ method, route, status: String(status) })
      if (!streaming) requestSeconds.observe({ method, route }, ms / 1000)
    },

    strangerCut: (limit) => strangersCut.inc({ limit }),
    workerEnded: () => workerEnds.inc(),

    read(more) {
      readings = { ...readings, ...more }
    },

    sample: () => registry.getMetricsAsJSON(),

    collect: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),

    close: () => registry.clear(),
  }
}

/** Samples of several processes as if they were one, each metric put together as its row says. */
export async function collectSamples(samples: readonly Sample[]): Promise<Collected> {
  const registry = AggregatorRegistry.aggregate(samples as Sample[])
  return { contentType: registry.contentType, text: await registry.metrics() }
}

/** What of two samples has to be kept when their processes are gone: what was counted, for a sum must never fall. */
export async function keptCounts(samples: readonly Sample[]): Promise<Sample> {
  const counted = samples.map((sample) => sample.filter(({ type }) => COUNTED.has(`${type}`)))
  return AggregatorRegistry.aggregate(counted).getMetricsAsJSON()
}

const COUNTED: ReadonlySet<string> = new Set(['counter', 'histogram'])

function definition(name: MetricName) {
  const { meaning, labels = [], together = 'sum' }: MetricRow = metricTable[name]
  return { name, help: meaning, labelNames: [...labels], aggregator: together }
}
