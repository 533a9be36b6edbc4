import type { Case, Result, Row } from '../case.js'
import { medianRow } from '../comparison.js'
import { ours } from '../servers/ours.js'
import type { Stage } from '../stage.js'
import { boundText, type Trial, tryOut } from '../trial.js'

/**
 * Measures whether a delivery costs more where there are many subscribers, at 50,000 deliveries a second all the time; and
 * whether an event does where there are many channels, each a call with an observer, at 1,000 events a second.
 *
 * What would fool it:
 * - Few events for many subscribers: what is done once for an event weighs less, and memory is touched that nothing has
 *   touched for long.
 * - The client, which has as much to do as the server: its cores stand beside it.
 * - Events that come together are written together. Rates are such that few do; a machine that is busy with other work brings
 *   them together even so.
 */
export const growth: Case = {
  name: 'growth',
  summary: 'cost of a delivery by the number of subscribers, 100 to 19,000, and of channels, 10 to 10,000',
  run,
}

const SUBSCRIBERS = [100, 1_000, 5_000, 10_000, 19_000]
const DELIVERIES_PER_SECOND = 50_000
const CHANNELS = [10, 100, 1_000, 10_000]
const EVENTS_PER_SECOND = 1_000
const SECONDS = 3
const MICROSECONDS = 1e6

const trials: readonly Trial[] = [
  ...SUBSCRIBERS.map((subscribers) => ({
    subscribers,
    perSecond: DELIVERIES_PER_SECOND / subscribers,
    seconds: SECONDS,
  })),
  ...CHANNELS.map((channels) => ({
    subscribers: channels,
    channels,
    // Channels are calls: they need no preparation, and workspaces a key each.
    protocol: 'websocket' as const,
    perSecond: EVENTS_PER_SECOND,
    seconds: SECONDS,
  })),
]

async function run(stage: Stage): Promise<Result> {
  const measured: Row[] = []
  for (let round = 1; round <= stage.rounds; round++) {
    for (const trial of trials) {
      const place = placeOf(trial)
      stage.say(`round ${round}: ${place.subscribers} subscribers, channels: ${place.channels}`)
      measured.push({ round, ...(await tryOut(stage, ours, trial)).row, ...place })
    }
  }
  const rows = trials.flatMap((trial) => {
    const { subscribers, channels } = placeOf(trial)
    const row = medianRow(measured.filter((one) => one.subscribers === subscribers && one.channels === channels))
    if (row === undefined) return []
    const microseconds = MICROSECONDS / Number(row.deliveriesPerCpuSecond)
    return [{ ...row, microseconds, clients: boundText(Number(row.clientCores)) }]
  })
  return {
    measured,
    rows,
    columns: [
      { key: 'subscribers', heading: 'subscribers' },
      { key: 'channels', heading: 'channels' },
      { key: 'microseconds', heading: 'CPU µs a delivery' },
      { key: 'deliveriesPerSecond', heading: 'deliveries/s' },
      { key: 'p50', heading: 'p50, ms' },
      { key: 'p99', heading: 'p99, ms' },
      { key: 'mebibytes', heading: 'memory, MiB' },
      { key: 'clients', heading: 'cores taken by the clients' },
    ],
    notes: [
      'Where each subscriber has a channel of its own, a delivery includes taking, checking and keeping the event.',
      'Every subscriber had every event once and in order.',
    ],
  }
}

function placeOf({ subscribers, channels = 1 }: Trial) {
  return { subscribers: subscribers.toLocaleString('en-US'), channels: channels.toLocaleString('en-US') }
}
