import { systemClock } from '../../packages/server/src/clock.js'
import { entering } from '../../packages/server/src/log/append.js'
import { connectNats } from '../../packages/server/src/log/jetstream/connection.js'
import { encodeAppend } from '../../packages/server/src/log/jetstream/message.js'
import { channelSubject, eventStream } from '../../packages/server/src/log/jetstream/names.js'
import type { NatsNode } from '../../packages/server/src/nats/node.js'
import { haveCopies } from '../../packages/server/testing/node-streams.js'
import { type Case, median, type Result, type Row } from '../case.js'
import { Deployment, ONE_NODE } from '../deployment.js'
import { residentBytes } from '../processor.js'
import type { Stage } from '../stage.js'

/**
 * Measures the memory that a NATS server takes for a subject: each call has one for each type of its events, for as long as
 * they are kept. A stream with an event of each of many calls, less one with as many events of a single call; after a
 * restart, so that what is left of publishing does not count.
 *
 * What would fool it:
 * - The server's collector, which gives memory back late: with few subjects the difference drowns in it.
 * - Another version. How servers keep subjects has changed between 2.9 and 2.10, and since.
 * - Short names. These are as long as those of real calls.
 */
export const subjects: Case = {
  name: 'subjects',
  summary: 'memory of a NATS server for each call and type',
  run,
}

const EVENTS = 500_000
/** Messages sent before the server is asked whether it has kept up. */
const AHEAD = 1_000
const CALLS = [1, EVENTS]
const MIB = 1024 * 1024

async function run(stage: Stage): Promise<Result> {
  const found = new Map<number, number[]>()
  for (let round = 0; round < stage.rounds; round++) {
    for (const calls of CALLS) {
      const bytes = await measure(stage, calls)
      stage.say(`${calls} subjects: the server has ${Math.round(bytes / MIB)} MiB`)
      found.set(calls, [...(found.get(calls) ?? []), bytes])
    }
  }
  const [one = 0, many = 0] = CALLS.map((calls) => median(found.get(calls) ?? []))
  const row: Row = {
    subjects: EVENTS.toLocaleString('en-US'),
    one: one / MIB,
    many: many / MIB,
    each: (many - one) / (EVENTS - 1),
  }
  return {
    measured: [row],
    rows: [row],
    columns: [
      { key: 'subjects', heading: 'events' },
      { key: 'one', heading: 'one subject, MiB' },
      { key: 'many', heading: 'a subject each, MiB' },
      { key: 'each', heading: 'bytes a subject' },
    ],
    notes: ['Memory of the server after a restart. Every event was in the stream.'],
  }
}

async function measure(stage: Stage, calls: number): Promise<number> {
  const { gateway, nats } = await Deployment.start(stage, ONE_NODE)
  const [node] = nats?.nodes ?? []
  if (node === undefined) throw new Error('there is no NATS server')
  // It has made the stream, and would only read along.
  await gateway.kill()
  await fill(node, gateway.workspace, calls)
  await node.end()
  await node.start()
  await nats?.ready()
  await haveCopies([node], eventStream(0), EVENTS)
  const bytes = residentBytes(node.pid ?? 0)
  await node.kill()
  return bytes
}

async function fill(node: NatsNode, workspace: string, calls: number): Promise<void> {
  const connection = await connectNats({ servers: [node.url] }, systemClock)
  const type = 'user_transcript'
  const events = entering([{ type, event: { type, transcript: 'Yes.', speaker_role: 'caller' } }])
  for (let number = 0; number < EVENTS; number++) {
    const call = `CA${(number % calls).toString(16).padStart(32, '0')}`
    const channel = { workspace, call }
    connection.publish(channelSubject(0, channel, [type]), encodeAppend({ channel, events }))
    if (number % AHEAD === 0) await connection.flush()
  }
  await connection.flush()
  await haveCopies([node], eventStream(0), EVENTS)
  await connection.close()
}
