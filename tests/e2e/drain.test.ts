import { expect, test } from 'vitest'
import { TestServer, until } from '../kit.js'
import { acknowledgedBy, expectAll, fourPublishers, stopAll } from '../publishers.js'
import { Pulse } from '../pulse.js'

const STREAMS = 200
const DRAIN_MS = 10_000

const LAST_WORDS = /retry: (\d+)\n\nevent: error\ndata: \{"code":"server_draining"/

test.each([1, 2])(
  'SIGTERM under load, %i process(es): every stream is told, comes back at another time, and nothing acknowledged is lost',
  async (workers) => {
    const server = await TestServer.start({
      env: { SWITCHBOARD_WORKERS: `${workers}`, SWITCHBOARD_DRAIN: `${DRAIN_MS}ms` },
    })
    const pulses = Array.from({ length: STREAMS }, () => new Pulse(server, true))
    await server.streamsOpen('workspace', STREAMS)
    const publishers = fourPublishers(server)
    await until('some events', () => acknowledgedBy(publishers).size > 200 || undefined)

    const began = performance.now()
    await server.kill('SIGTERM')
    const tookMs = performance.now() - began
    expect(server.exitCode).toBe(0)
    expect(tookMs).toBeLessThan(DRAIN_MS)
    await until('all streams to end', () => pulses.every(({ isOpen }) => !isOpen) || undefined)

    const retries = pulses.map(({ text }) => Number(LAST_WORDS.exec(text)?.[1]))
    expect(Math.min(...retries)).toBeGreaterThanOrEqual(1000)
    // Each process spreads its own: as many instants as it has streams, over two seconds.
    expect(new Set(retries).size).toBeGreaterThan((STREAMS / workers) * 0.8)
    expect(Math.max(...retries) - Math.min(...retries)).toBeGreaterThan(1500)
    // Each has had events in order and without a hole, so that it resumes behind its last.
    const sequences = pulses.map(({ text }) =>
      [...text.matchAll(/^id: \d+-(\d+)\nevent: pipeline/gm)].map(([, n]) => Number(n)),
    )
    for (const seen of sequences) {
      const [first = 0] = seen
      expect(seen).toEqual(Array.from({ length: seen.length }, (_, index) => first + index))
    }
    // The publishers go on where they were, at the next.
    await server.run()
    const before = acknowledgedBy(publishers).size
    await until('more events', () => acknowledgedBy(publishers).size > before + 20 || undefined)
    await stopAll(publishers)
    const acknowledged = acknowledgedBy(publishers)
    await expectAll(server, acknowledged)
    console.log(
      `SIGTERM, ${workers} process(es): ${STREAMS} streams told in ${Math.round(tookMs)} ms, ${acknowledged.size} acknowledged, 0 lost, retry ${Math.min(...retries)} to ${Math.max(...retries)} ms`,
    )
  },
)
