import { expect, onTestFinished, test } from 'vitest'
import { metricTable } from './metric-table.js'
import { createMetrics, type Metrics } from './metrics.js'

function open(): Metrics {
  const metrics = createMetrics({ version: '1.2.3' })
  onTestFinished(() => metrics.close())
  return metrics
}

async function line(metrics: Metrics, series: string): Promise<string | undefined> {
  const { text } = await metrics.collect()
  const found = text.split('\n').find((candidate) => candidate.startsWith(`${series} `))
  return found?.slice(series.length + 1)
}

test('the table and the registry hold the same metrics, in the same words', async () => {
  const { registry } = open()
  const made = (await registry.getMetricsAsJSON()).filter(({ name }) => !/^(nodejs|process)_/.test(name))
  const shown = made.map(({ name, type, help }) => ({ name, type: String(type), help }))
  const table = Object.entries(metricTable).map(([name, { type, meaning }]) => ({
    name,
    type: `${type}`,
    help: meaning,
  }))
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name)
  expect(shown.sort(byName)).toEqual(table.sort(byName))
})

test('names carry their units, and labels no ids', () => {
  for (const [name, row] of Object.entries(metricTable)) {
    expect(name).toMatch(/^switchboard_[a-z_]+$/)
    expect(row.meaning).toMatch(/\.$/)
    if (row.type === 'counter') expect(name).toMatch(/_total$/)
    if (row.type === 'histogram') expect(name).toMatch(/_seconds$/)
    const labels = 'labels' in row ? row.labels : []
    for (const label of labels)
      expect(['limit', 'kind', 'code', 'method', 'route', 'status', 'record', 'version']).toContain(label)
  }
})

test('what the server counts is found in the text', async () => {
  const metrics = open()
  metrics.appended('workspace', 3, 0.004, 'w')
  metrics.refused('rate_limited')
  metrics.streamOpened('observer')
  metrics.streamOpened('observer')
  metrics.streamClosed('observer')
  metrics.delivered('workspace', 5, 700)
  metrics.gap('workspace')
  metrics.deliveryLag('workspace', 0.003)
  expect(await line(metrics, 'switchboard_events_appended_total{kind="workspace"}')).toBe('3')
  expect(await line(metrics, 'switchboard_append_seconds_bucket{le="0.005",kind="workspace"}')).toBe('1')
  expect(await line(metrics, 'switchboard_refusals_total{code="rate_limited"}')).toBe('1')
  expect(await line(metrics, 'switchboard_open_streams{kind="observer"}')).toBe('1')
  expect(await line(metrics, 'switchboard_streams_opened_total{kind="observer"}')).toBe('2')
  expect(await line(metrics, 'switchboard_events_delivered_total{kind="workspace"}')).toBe('5')
  expect(await line(metrics, 'switchboard_delivered_bytes_total{kind="workspace"}')).toBe('700')
  expect(await line(metrics, 'switchboard_gaps_total{kind="workspace"}')).toBe('1')
  expect(await line(metrics, 'switchboard_delivery_lag_seconds_count{kind="workspace"}')).toBe('1')
  expect(await line(metrics, 'switchboard_build_info{version="1.2.3"}')).toBe('1')
})

test('counters that have not counted yet are there with 0', async () => {
  const metrics = open()
  expect(await line(metrics, 'switchboard_events_appended_total{kind="observer"}')).toBe('0')
  expect(await line(metrics, 'switchboard_open_streams{kind="workspace"}')).toBe('0')
})

test('readings are taken when somebody asks', async () => {
  const metrics = open()
  let lag = 1
  metrics.read({
    subscriberLagMax: (kind) => (kind === 'observer' ? lag : 0),
    logWritable: () => true,
    storeRecords: () => ({ api_keys: 12 }),
  })
  metrics.read({ logBytes: async () => 4096, ready: () => true, tailBytes: () => 10, logFaults: () => 2 })
  lag = 7
  expect(await line(metrics, 'switchboard_subscriber_lag_max_entries{kind="observer"}')).toBe('7')
  expect(await line(metrics, 'switchboard_log_writable')).toBe('1')
  expect(await line(metrics, 'switchboard_store_records{record="api_keys"}')).toBe('12')
  expect(await line(metrics, 'switchboard_log_bytes')).toBe('4096')
  expect(await line(metrics, 'switchboard_ready')).toBe('1')
  expect(await line(metrics, 'switchboard_tail_bytes')).toBe('10')
  expect(await line(metrics, 'switchboard_log_faults')).toBe('2')
})

test('requests are counted by template, and strangers cannot invent labels', async () => {
  const metrics = open()
  const route = '/v1/:workspace_id/events'
  metrics.request({ method: 'POST', route, status: 201, ms: 2 })
  metrics.request({ method: 'BREW', route: undefined, status: 404, ms: 1 })
  metrics.request({ method: 'GET', route, status: 200, ms: 3_600_000, streaming: true })
  expect(await line(metrics, `switchboard_http_requests_total{method="POST",route="${route}",status="201"}`)).toBe('1')
  expect(await line(metrics, 'switchboard_http_requests_total{method="other",route="none",status="404"}')).toBe('1')
  expect(await line(metrics, `switchboard_http_requests_total{method="GET",route="${route}",status="200"}`)).toBe('1')
  expect(await line(metrics, `switchboard_http_request_seconds_count{method="POST",route="${route}"}`)).toBe('1')
  expect(await line(metrics, `switchboard_http_request_seconds_count{method="GET",route="${route}"}`)).toBeUndefined()
})

test('two servers in one process count apart', async () => {
  const [one, two] = [open(), open()]
  one.gap('workspace')
  expect(await line(one, 'switchboard_gaps_total{kind="workspace"}')).toBe('1')
  expect(await line(two, 'switchboard_gaps_total{kind="workspace"}')).toBe('0')
  expect((await one.collect()).contentType).toContain('text/plain')
})
