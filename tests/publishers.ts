import { expect, onTestFinished } from 'vitest'
import { eventsOf, readStream, type TestServer } from './kit.js'

/** An event that carries a number. */
export const sync = (count: number) => ({
  event_type: 'pipeline.sync_completed',
  data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05',
  event_count: count,
  duration_ms: 1,
})

const RETRY_MS = 20

/** Publishes one event after the other, each until it is answered, with a key of its own. */
export class Publisher {
  readonly acknowledged = new Map<number, string>()
  private over = false
  private readonly running: Promise<void>

  constructor(
    private readonly server: TestServer,
    private readonly first: number,
    private readonly step: number,
  ) {
    this.running = this.run()
    onTestFinished(() => {
      this.over = true
    })
  }

  async stop(): Promise<void> {
    this.over = true
    await this.running
  }

  private async run(): Promise<void> {
    for (let n = this.first; !this.over; n += this.step) {
      while (!this.over) {
        const id = await this.attempt(n)
        if (id !== undefined) {
          this.acknowledged.set(n, id)
          break
        }
        // While nobody listens, it must not keep the machine from starting the next.
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  private async attempt(n: number): Promise<string | undefined> {
    const { server } = this
    try {
      const answer = await fetch(`${server.url}/v1/${server.workspace}/events`, {
        method: 'POST',
        headers: {
          ...server.headers(),
          'content-type': 'application/json',
          'idempotency-key': `n-${n}`,
          // A connection for each: the next worker in turn has it.
          connection: 'close',
        },
        body: JSON.stringify(sync(n)),
        signal: AbortSignal.timeout(5000),
      })
      return answer.status === 201 ? ((await answer.json()) as { ids: string[] }).ids[0] : undefined
    } catch {
      return undefined
    }
  }
}

/** Ids by number, of all that was acknowledged to any of them. */
export const acknowledgedBy = (publishers: readonly Publisher[]) =>
  new Map(publishers.flatMap(({ acknowledged }) => [...acknowledged]))

/** Everything that was acknowledged is there once, and in one order. */
export async function expectAll(server: TestServer, acknowledged: ReadonlyMap<number, string>): Promise<string[]> {
  const frames = await readStream(server, (all) => eventsOf(all).length >= acknowledged.size, { query: 'since=1h' })
  const kept = eventsOf(frames)
  const counts = kept.map(({ data }) => data.event_count as number)
  expect(new Set(counts).size).toBe(counts.length)
  const byCount = new Map(kept.map(({ id, data }) => [data.event_count as number, id]))
  for (const [n, id] of acknowledged) expect(byCount.get(n), `event ${n}`).toBe(id)
  const sequences = kept.map(({ id }) => Number(id.split('-')[1]))
  expect(sequences).toEqual([...sequences].sort((a, b) => a - b))
  return kept.map(({ id }) => id)
}

export function fourPublishers(server: TestServer): Publisher[] {
  return Array.from({ length: 4 }, (_, index) => new Publisher(server, index, 4))
}

export async function stopAll(publishers: readonly Publisher[]): Promise<void> {
  await Promise.all(publishers.map((publisher) => publisher.stop()))
}
