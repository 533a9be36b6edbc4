import { Audience, faultOf, type Heard } from '../../../bench/audience.js'
import { NUMBER_BASE, type NumberedEvent } from '../../../bench/events.js'
import { narrowBuffers, ownsNetwork } from '../../../bench/network.js'
import { Publisher } from '../../../bench/publisher.js'
import { eventPlace, requestText } from '../../../bench/servers/server.js'
import { TestServer } from '../../kit.js'
import type { Violation } from '../checker.js'
import { broken, type Fault } from '../fault.js'
import { readLog } from '../scene.js'
import { spread } from '../spread.js'

const READERS = { bounded: 100, usual: 1000, full: 5000 }
/** One in so many stops reading. */
const READERS_TO_STALLED = 5
const PER_SECOND = 8
const SECONDS = { bounded: 2, usual: 8, full: 10 }
/** At either end of a connection. In a stall comes many times of it. */
const BUFFER_BYTES = 32 * 1024
const FILL_BYTES = 4000
const DEPTH = 64
const WARM_UP_REQUESTS = 500
const SILENT_MS_MAX = 5000
/** The kernel asks a reader that was full whether it has room again after up to twice the time that it was. */
const STALLED_SILENT_MS_MAX = 30_000
/** Of the latency of those who read, with some stalled to none. */
const RATIO_MAX = 2
const GROWTH_MIB_MAX = 64
const MIB = 1024 * 1024
const MICROSECONDS = 1000
const LOOK_MS = 100

const event: NumberedEvent = {
  marks: { number: '"number ', sent: ' sent ' },
  text: (number, sent, source) =>
    `{"event_type":"pipeline.error","data_source_id":"source-${source}","error":"number ${number} sent ${sent} ${'x'.repeat(FILL_BYTES)}"}`,
}

/** Readers whose connections stay open, and who take nothing from them. */
export const stall: Fault = {
  name: 'stall',
  summary: `one in ${READERS_TO_STALLED} of all readers stops reading for seconds, and reads on`,
  rounds: { bounded: 1, usual: 3, full: 5 },
  why: () =>
    ownsNetwork
      ? undefined
      : "needs a network of its own, where the kernel's buffers are narrow (root, and the program unshare)",
  async run(context) {
    const { rounds, scale, say, onEnd } = context
    const widen = narrowBuffers(BUFFER_BYTES)
    if (widen) onEnd(widen)
    const readers = READERS[scale]
    const stalled = readers / READERS_TO_STALLED
    const server = await TestServer.start({
      env: { SWITCHBOARD_MAX_STREAMS_PER_WORKSPACE: String(2 * readers) },
      onEnd,
    })
    const path = `/v1/${server.workspace}/events`
    const headers = [`authorization: Bearer ${server.adminKey}`]
    const request = requestText(path, [...headers, 'content-type: application/json'], eventPlace(event, 0))
    const desk = { port: server.port, requests: [request], batch: 1, closesConnections: false }
    const publisher = await Publisher.open(context, desk, { connections: 1, depth: DEPTH })
    const { last: after } = await publisher.publish({ requests: WARM_UP_REQUESTS })
    const audience = await Audience.open(context, {
      count: readers,
      entrance: {
        protocol: 'sse',
        ports: [server.port],
        routes: [{ path: `${path}/stream`, headers }],
        openMark: 'event: stream.opened',
      },
      marks: event.marks,
      after,
      held: { count: stalled, bytes: 0, everyMs: 0 },
    })
    const violations: Violation[] = []
    const violate = (detail: string) => violations.push(broken('readers', detail))
    let acked = WARM_UP_REQUESTS
    let last = after
    let heard: Heard | undefined
    /** @returns p99 of those who read, in ms, and the most memory that the server had, in MiB. */
    const publish = async (isStalled: boolean) => {
      await audience.begin()
      if (isStalled) await audience.hold(true)
      const memory = watch(server)
      const published = await publisher.publish({ perSecond: PER_SECOND, ms: SECONDS[scale] * 1000 })
      const behind = isStalled ? await furthestBehind(server) : 0
      if (isStalled) await audience.hold(false)
      heard = await audience.hears(published.last, isStalled ? STALLED_SILENT_MS_MAX : SILENT_MS_MAX)
      acked += published.acks
      last = published.last
      if (published.refusals > 0) violate(`${published.refusals} events were refused: ${published.refusal}`)
      return { p99: heard.latency.quantile(0.99) / MICROSECONDS, mib: memory.stop(), behind }
    }
    // Everything is compiled, and buffers have their size.
    await publish(false)
    const ratios: number[] = []
    const growths: number[] = []
    const behinds: number[] = []
    for (let round = 1; round <= rounds; round++) {
      const without = await publish(false)
      const some = await publish(true)
      ratios.push(some.p99 / without.p99)
      growths.push(some.mib - without.mib)
      behinds.push(some.behind)
      if (some.behind === 0) violate('nobody was behind: the kernel kept all of it')
      say(`p99 ${without.p99.toFixed(1)} ms with none, ${some.p99.toFixed(1)} ms with ${stalled} stalled of ${readers}`)
    }
    const fault = heard && faultOf(heard)
    if (fault !== undefined) violations.push({ kind: 'differs', where: 'readers', detail: fault, count: 1 })
    if (heard && heard.closed > 0) violate(`${heard.closed} connections were closed`)
    const ratio = [...ratios].sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0
    // Beside other tests time says nothing.
    if (scale !== 'bounded' && ratio > RATIO_MAX)
      violate(`others' p99 was ${ratio.toFixed(2)} times what it is with none`)
    const growth = Math.max(...growths)
    if (growth > GROWTH_MIB_MAX) violate(`the server took ${growth.toFixed(0)} MiB more`)
    const log = await readLog(server, server.workspace)
    const stored = log.seen.length
    if (stored !== last - NUMBER_BASE || acked !== stored)
      violations.push({ kind: 'lost', where: 'the log', detail: `${acked} acknowledged, ${stored} stored`, count: 1 })
    return {
      acked,
      unknown: 0,
      stored,
      delivered: heard?.deliveries ?? 0,
      violations,
      figures: {
        stalled: `${stalled} of ${readers}`,
        "others' p99, of that with none": ratios.map((each) => each.toFixed(2)).join(' / '),
        'memory more, MiB': spread(growths),
        'furthest behind, events': spread(behinds),
      },
    }
  },
}

async function furthestBehind(server: TestServer): Promise<number> {
  const text = await (await server.fetch(`${server.url}/metrics`)).text()
  return Number(/^switchboard_subscriber_lag_max_entries\{kind="workspace"\} (\d+)$/m.exec(text)?.[1])
}

/** The most memory that the server has, in MiB. */
function watch(server: TestServer): { stop(): number } {
  let most = 0
  const look = () => {
    most = Math.max(most, server.residentBytes() / MIB)
  }
  const timer = setInterval(look, LOOK_MS)
  return {
    stop() {
      clearInterval(timer)
      look()
      return most
    },
  }
}
