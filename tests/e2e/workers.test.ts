import { describe, expect, onTestFinished, test } from 'vitest'
import { TestServer, until } from '../kit.js'
import { acknowledgedBy, expectAll, fourPublishers, stopAll } from '../publishers.js'
import { childrenOf, isAlive, residentBytesOf, whyNoProcesses } from '../worker-processes.js'
import { keptAlive, oneAtEach, replaced, Stream, Subscriber } from '../worker-streams.js'

const reason = whyNoProcesses()
if (reason) console.log(`worker processes are not tested: ${reason}`)

const start = (workers: number, env: Record<string, string> = {}) =>
  TestServer.start({ env: { SWITCHBOARD_WORKERS: String(workers), ...env } })

describe.skipIf(reason)('a server of several workers', () => {
  test('spreads connections, and each of them is given every event once, in order, whoever published it', async () => {
    const server = await start(2)
    // One after the other: of a burst a worker that is busy gets less than its turn, and a little less even so.
    const streams: Stream[] = []
    for (let count = 0; count < 40; count++) streams.push(await Stream.open(server))
    const shares = childrenOf(server.pid).map((pid) => streams.filter(({ worker }) => worker === pid).length)
    console.log(`40 streams over 2 workers: ${shares.join(' and ')}`)
    for (const share of shares) expect(share).toBeGreaterThanOrEqual(8)
    const publishers = fourPublishers(server)
    await until('500 events', () => acknowledgedBy(publishers).size >= 500)
    await stopAll(publishers)
    const ids = await expectAll(server, acknowledgedBy(publishers))
    for (const stream of streams) {
      await until('a stream to have all', () => stream.ids.length >= ids.length)
      expect(stream.ids).toEqual(ids)
    }
  })

  test('loses nothing when workers are killed, and replaces them; streams resume at others', async () => {
    const server = await start(2)
    const subscriber = new Subscriber(server)
    await until('it to be open', () => subscriber.isOpen)
    const publishers = fourPublishers(server)
    for (let round = 0; round < 3; round++) {
      const target = acknowledgedBy(publishers).size + 100
      await until('more to be acknowledged', () => acknowledgedBy(publishers).size >= target)
      const victim = childrenOf(server.pid)[round % 2] ?? 0
      process.kill(victim, 'SIGKILL')
      await replaced(server, victim, 2)
    }
    await stopAll(publishers)
    const kept = await expectAll(server, acknowledgedBy(publishers))
    await until('the subscriber to have all', () => subscriber.ids.length >= kept.length)
    expect(subscriber.ids).toEqual(kept)
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    expect(metrics).toMatch(/^switchboard_worker_ends_total 3$/m)
    console.log(`3 workers killed: ${kept.length} stored, 0 lost, 0 doubled`)
  }, 180_000)

  test('ends with its parent, at once, and has everything that was acknowledged when it starts again', async () => {
    const server = await start(2)
    const publishers = fourPublishers(server)
    await until('some to be acknowledged', () => acknowledgedBy(publishers).size >= 200)
    const workers = childrenOf(server.pid)
    await server.kill('SIGKILL')
    await until('the workers to have ended', () => !workers.some(isAlive), 2000)
    await server.run()
    const target = acknowledgedBy(publishers).size + 100
    await until('more to be acknowledged', () => acknowledgedBy(publishers).size >= target)
    await stopAll(publishers)
    await expectAll(server, acknowledgedBy(publishers))
  }, 120_000)

  test('goes on while one of them is stopped, keeps nothing for it, and replaces it', async () => {
    const server = await start(2)
    const streams = await oneAtEach(server)
    const [stopped = 0, other = 0] = childrenOf(server.pid)
    process.kill(stopped, 'SIGSTOP')
    onTestFinished(() => {
      if (isAlive(stopped)) process.kill(stopped, 'SIGKILL')
    })
    const before = residentBytesOf(server.pid)
    const stream = streams.get(other)
    // On a connection that the other worker has: those of the stopped one wait until it is replaced.
    const padding = 'x'.repeat(4000)
    const publish = await keptAlive(server, other)
    let count = 0
    let slowest = 0
    let grown = 0
    while (isAlive(stopped)) {
      const began = performance.now()
      const batch = Array.from({ length: 200 }, () => ({
        event_type: 'pipeline.error',
        data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05',
        error: `${count++} ${padding}`,
      }))
      expect(await publish(batch)).toBe(201)
      slowest = Math.max(slowest, performance.now() - began)
      grown = Math.max(grown, residentBytesOf(server.pid) - before)
    }
    await replaced(server, stopped, 2)
    console.log(
      `a worker stopped: ${count} events of 4 kB at the other, the slowest 200 took ${Math.round(slowest)} ms, the parent grew by ${Math.round(grown / 2 ** 20)} MiB`,
    )
    await until(
      'the other stream to have all',
      () => stream?.frames.filter(({ type }) => type === 'pipeline.error').length === count,
    )
    expect(slowest).toBeLessThan(5000)
    expect(grown).toBeLessThan(256 * 2 ** 20)
    expect(server.output).toContain('a worker has ended')
  }, 120_000)
})
