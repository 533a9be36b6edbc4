import { pollUntil } from '../../packages/server/src/nats/poll.js'
import { leaderOf } from '../../packages/server/testing/node-streams.js'
import { Audience } from '../audience.js'
import { type Case, median, type Result, type Row } from '../case.js'
import { Deployment, THREE_NODES } from '../deployment.js'
import { Ledger } from '../ledger.js'
import { Load, publishPaced } from '../load.js'
import type { Stage } from '../stage.js'

/**
 * Measures how long people wait when something dies by `kill -9`: publishers, when the NATS server that leads the stream
 * does; subscribers, when their gateway does and they come back to the other with the last id they had.
 *
 * What would fool it:
 * - Few rounds. An election has a random part of seconds: all rounds are told, not the best.
 * - Clients that come back at once, as these do, one and all. Real ones wait a moment first, at random, by their `retry:`.
 * - A client that does not notice. A process that was killed closes its connections; a machine that lost its power does not,
 *   and is noticed when heartbeats stay away: 45 s, with ours.
 * - Subscribers that are connected, and hear nothing: one is counted as back when it has an event again.
 */
export const failover: Case = {
  name: 'failover',
  summary: "the stream's leader is killed, then a gateway with 1,000 subscribers",
  run,
}

const PUBLISHERS = 16
const SUBSCRIBERS = 1_000
const EVENTS_PER_SECOND = 20
const BEFORE = 40
const AFTER = 200
const AGAIN_MS_MAX = 60_000
const STREAM = 'SB_EVENTS_0'

async function run(stage: Stage): Promise<Result> {
  const leader = await leaderKilled(stage)
  const gateway = await gatewayKilled(stage)
  return {
    measured: [...leader, ...gateway],
    rows: [
      summary('leader of the stream', 'longest wait of a publisher', leader),
      summary('gateway', `until all ${SUBSCRIBERS.toLocaleString('en-US')} subscribers have an event again`, gateway),
    ],
    columns: [
      { key: 'killed', heading: 'killed' },
      { key: 'measured', heading: 'measured' },
      { key: 'rounds', heading: 'rounds' },
      { key: 'least', heading: 'least, s' },
      { key: 'median', heading: 'median, s' },
      { key: 'most', heading: 'most, s' },
    ],
    notes: [
      'Three NATS servers, three copies. No publish failed, nothing acknowledged was lost; no subscriber missed an event or had one twice.',
    ],
  }
}

function summary(killed: string, measured: string, rows: readonly Row[]): Row {
  const seconds = rows.map(({ seconds }) => Number(seconds))
  return {
    killed,
    measured,
    rounds: String(rows.length),
    least: Math.min(...seconds),
    median: median(seconds),
    most: Math.max(...seconds),
  }
}

async function leaderKilled(stage: Stage): Promise<Row[]> {
  const { nats, gateway } = await Deployment.start(stage, THREE_NODES)
  if (nats === undefined) throw new Error('there are no NATS servers')
  const ledger = new Ledger()
  const load = await Load.start({ gateway, ledger, inFlight: PUBLISHERS, batch: 1 })
  const answered = async () => {
    // Twice: what was under way may have been answered in this moment.
    const wanted = load.answered.map((count) => count + 2)
    await pollUntil('every publisher to be answered again', AGAIN_MS_MAX, async () =>
      load.answered.every((count, index) => count >= (wanted[index] ?? 0))
        ? { answer: true }
        : { missing: 'some wait' },
    )
  }
  const rows: Row[] = []
  for (let round = 1; round <= stage.rounds; round++) {
    await answered()
    const leader = await leaderOf(nats.nodes, STREAM)
    load.takeLongestMs()
    await leader.kill()
    await answered()
    const seconds = load.takeLongestMs() / 1000
    stage.say(`leader killed, round ${round}: publishers waited ${seconds.toFixed(2)} s`)
    rows.push({ killed: 'leader', round, seconds })
    await nats.startAll()
  }
  await load.stop()
  await ledger.check(gateway)
  return rows
}

async function gatewayKilled(stage: Stage): Promise<Row[]> {
  const deployment = await Deployment.start(stage, THREE_NODES)
  const rows: Row[] = []
  let published = 0
  for (let round = 1; round <= stage.rounds; round++) {
    const doomed = await deployment.add(stage)
    const then = deployment.gateway
    const audience = await Audience.open(stage, {
      count: SUBSCRIBERS,
      entrance: doomed.entrance(then),
      after: published,
    })
    const pace = { perSecond: EVENTS_PER_SECOND, publishers: 1 }
    await publishPaced(then, { ...pace, first: published + 1, count: BEFORE })
    await audience.reached(published + BEFORE)
    const publishing = publishPaced(then, { ...pace, first: published + BEFORE + 1, count: AFTER })
    const killedAt = Date.now()
    await doomed.kill()
    await publishing
    published += BEFORE + AFTER
    const { backAt } = await audience.reached(published)
    if (backAt.length !== SUBSCRIBERS) throw new Error(`${backAt.length} of ${SUBSCRIBERS} subscribers came back`)
    const seconds = (Math.max(...backAt) - killedAt) / 1000
    const medianSeconds = (median(backAt) - killedAt) / 1000
    stage.say(`gateway killed, round ${round}: all subscribers back after ${seconds.toFixed(2)} s`)
    rows.push({ killed: 'gateway', round, seconds, medianSeconds })
    await audience.close()
  }
  return rows
}
