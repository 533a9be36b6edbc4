import type { Case, Result, Row } from '../case.js'
import { inTurn, medianRow, ratio } from '../comparison.js'
import { Histogram } from '../histogram.js'
import { installed } from '../products.js'
import type { Product } from '../servers/server.js'
import type { Stage } from '../stage.js'
import { type Outcome, tryOut } from '../trial.js'

/**
 * Measures how long an event takes when nothing else is to be done: 10 a second, to one subscriber and to ten; from when it is
 * sent, and from when its publisher has the answer.
 *
 * What would fool it:
 * - A processor that sleeps between events. It wakes for all servers alike.
 * - The disk: ours is on it before anybody has the event, and how long a flush takes stands below the table.
 * - A server that acknowledges late: an event may come before its answer, and counts as 0 from there.
 * - Few events: p99 of 50 to one subscriber is the longest of them.
 */
export const latency: Case = {
  name: 'latency',
  summary: 'how long an event takes when nothing else goes on: 10 a second, 1 and 10 subscribers',
  run,
}

const SUBSCRIBERS = [1, 10]
const PER_SECOND = 10
const SECONDS = 5
const MICROSECONDS = 1_000

async function run(stage: Stage): Promise<Result> {
  const { present } = await installed()
  const measured: Row[] = []
  const rows: Row[] = []
  for (const subscribers of SUBSCRIBERS) {
    const some = await inTurn(stage, present, (product) => measure(stage, product, subscribers))
    measured.push(...some)
    const found = present.flatMap(({ name }) => {
      const row = medianRow(some.filter(({ server }) => server === name))
      return row === undefined ? [] : [row]
    })
    rows.push(...found.map((row) => ({ ...row, ofNchan: ratio(row, found, 'p50') })))
  }
  return {
    measured,
    rows,
    columns: [
      { key: 'server', heading: 'server' },
      { key: 'subscribers', heading: 'subscribers' },
      { key: 'p50', heading: 'from sending p50, ms' },
      { key: 'ofNchan', heading: 'of nchan' },
      { key: 'p99', heading: 'p99, ms' },
      { key: 'fromAckP50', heading: 'from the answer p50, ms' },
      { key: 'fromAckP99', heading: 'p99, ms' },
      { key: 'ackP50', heading: 'answer p50, ms' },
    ],
    notes: ['Events of Switchboard are on the disk before anybody has them.'],
  }
}

async function measure(stage: Stage, product: Product, subscribers: number): Promise<Row> {
  const trial = { subscribers, perSecond: PER_SECOND, seconds: SECONDS, keepsTimes: true }
  const outcome = await tryOut(stage, product, trial)
  const fromAck = fromAnswers(outcome)
  return {
    ...outcome.row,
    subscribers: String(subscribers),
    fromAckP50: fromAck.quantile(0.5) / MICROSECONDS,
    fromAckP99: fromAck.quantile(0.99) / MICROSECONDS,
  }
}

/** µs from when the publisher had its answer. */
function fromAnswers({ heard, published }: Outcome): Histogram {
  const answered = new Map(published.acked)
  const histogram = new Histogram()
  for (const [number, at] of heard.received) {
    const answeredAt = answered.get(number)
    if (answeredAt !== undefined) histogram.add(at - answeredAt)
  }
  return histogram
}
