import { expect, onTestFinished, test } from 'vitest'
import { TestClock } from '../fanout/clock.test-kit.js'
import { createMetrics, type Metrics, type Sample } from '../ops/metrics.js'
import type { Desk } from './desk.js'
import { Measures } from './measures.js'

function open(): Metrics {
  const metrics = createMetrics({ version: '1.2.3' })
  onTestFinished(() => metrics.close())
  return metrics
}

/** A worker whose metrics these are, as the parent's desk asks for them. */
function deskOf(metrics: Metrics, answer = (): Promise<Sample> => metrics.sample()): Desk {
  return { line: { ask: answer } } as unknown as Desk
}

const numberOf = (text: string, series: string) =>
  text
    .split('\n')
    .find((line) => line.startsWith(`${series} `))
    ?.split(' ')[1]

test('counts are sums, and what there is one of is told once', async () => {
  const [parent, one, two] = [open(), open(), open()]
  one.delivered('workspace', 3, 100)
  two.delivered('workspace', 4, 100)
  one.streamOpened('observer')
  two.streamOpened('observer')
  one.appended('workspace', 1, 0.001, 'w')
  two.appended('workspace', 1, 0.2, 'w')
  one.read({ logWritable: () => true, logFaults: () => 2, subscriberLagMax: () => 5, storeRecords: () => ({ w: 3 }) })
  two.read({ logWritable: () => false, logFaults: () => 2, subscriberLagMax: () => 9, storeRecords: () => ({ w: 3 }) })
  parent.read({ logWritable: () => true })
  const { text, contentType } = await new Measures(parent, new TestClock()).collect([deskOf(one), deskOf(two)])
  expect(contentType).toContain('text/plain')
  expect(numberOf(text, 'switchboard_events_delivered_total{kind="workspace"}')).toBe('7')
  expect(numberOf(text, 'switchboard_open_streams{kind="observer"}')).toBe('2')
  expect(numberOf(text, 'switchboard_append_seconds_count{kind="workspace"}')).toBe('2')
  expect(numberOf(text, 'switchboard_append_seconds_bucket{le="0.001",kind="workspace"}')).toBe('1')
  expect(numberOf(text, 'switchboard_log_writable')).toBe('0')
  expect(numberOf(text, 'switchboard_log_faults')).toBe('2')
  expect(numberOf(text, 'switchboard_subscriber_lag_max_entries{kind="workspace"}')).toBe('9')
  expect(numberOf(text, 'switchboard_store_records{record="w"}')).toBe('3')
  expect(numberOf(text, 'switchboard_build_info{version="1.2.3"}')).toBe('1')
})

test('a sum does not fall when a worker ends, and its streams are gone', async () => {
  const [parent, one, two] = [open(), open(), open()]
  const [first, second] = [deskOf(one), deskOf(two)]
  const measures = new Measures(parent, new TestClock())
  for (const metrics of [one, two]) {
    metrics.gap('workspace')
    metrics.streamOpened('workspace')
    metrics.appended('workspace', 10, 0.001, 'w')
  }
  await measures.collect([first, second])
  measures.left(first)
  const after = open()
  const { text } = await measures.collect([second, deskOf(after)])
  expect(numberOf(text, 'switchboard_gaps_total{kind="workspace"}')).toBe('2')
  expect(numberOf(text, 'switchboard_append_seconds_count{kind="workspace"}')).toBe('2')
  expect(numberOf(text, 'switchboard_open_streams{kind="workspace"}')).toBe('1')
  measures.left(second)
  expect(numberOf((await measures.collect([])).text, 'switchboard_gaps_total{kind="workspace"}')).toBe('2')
})

test('a worker that does not answer stands in with what it told last', async () => {
  const [parent, one] = [open(), open()]
  const clock = new TestClock()
  let isSilent = false
  const desk = deskOf(one, () => (isSilent ? new Promise(() => {}) : one.sample()))
  const measures = new Measures(parent, clock)
  one.gap('workspace')
  await measures.collect([desk])
  isSilent = true
  const collecting = measures.collect([desk])
  await new Promise(setImmediate)
  clock.advance(2000)
  expect(numberOf((await collecting).text, 'switchboard_gaps_total{kind="workspace"}')).toBe('1')
})
