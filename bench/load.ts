import { bodyText } from './events.js'
import type { Gateway } from './gateway.js'
import { Lane } from './lane.js'
import type { Ledger } from './ledger.js'

export interface LoadOptions {
  readonly gateway: Gateway
  readonly ledger: Ledger
  /** Requests in flight: each on a connection of its own. */
  readonly inFlight: number
  /** Events in a request. */
  readonly batch: number
}

export interface Loaded {
  readonly seconds: number
  readonly appends: number
}

/** Publishes as fast as it is answered until it is stopped. */
export class Load {
  private stopped = false
  private readonly answers: number[]
  private waitedMs = 0
  private readonly startedAt = performance.now()
  private readonly ended: Promise<unknown>

  private constructor(
    private readonly lanes: readonly Lane[],
    private readonly options: LoadOptions,
  ) {
    this.answers = lanes.map(() => 0)
    this.ended = Promise.all(lanes.map((lane, index) => this.run(lane, index)))
    // Told by `stop`.
    this.ended.catch(() => {})
  }

  static async start(options: LoadOptions): Promise<Load> {
    const lanes = await Promise.all(Array.from({ length: options.inFlight }, () => Lane.open(options.gateway)))
    return new Load(lanes, options)
  }

  /** How many of its publishes each of those in flight has had an answer to. */
  get answered(): readonly number[] {
    return [...this.answers]
  }

  /** The longest wait for an answer, in ms, since this was last asked. */
  takeLongestMs(): number {
    const { waitedMs } = this
    this.waitedMs = 0
    return waitedMs
  }

  /** Lets what is under way be answered. @throws Error when a publish was refused. */
  async stop(): Promise<Loaded> {
    this.stopped = true
    await this.ended
    const seconds = (performance.now() - this.startedAt) / 1000
    for (const lane of this.lanes) lane.close()
    return { seconds, appends: this.answers.reduce((sum, each) => sum + each, 0) }
  }

  private async run(lane: Lane, index: number): Promise<void> {
    const { ledger, batch } = this.options
    while (!this.stopped) {
      const first = ledger.take(batch)
      const body = bodyText(first, batch)
      const sentAt = performance.now()
      const ids = await lane.publish(body)
      this.waitedMs = Math.max(this.waitedMs, performance.now() - sentAt)
      ledger.acknowledged(first, ids, index)
      this.answers[index] = (this.answers[index] ?? 0) + 1
    }
  }
}

export interface Pace {
  /** The number of the first event. */
  readonly first: number
  readonly count: number
  readonly perSecond: number
  /** Connections that take the numbers in turn: one that waits for its answer holds up none but its own. */
  readonly publishers: number
}

/** Publishes events one by one, and not faster than it is told. */
export async function publishPaced(gateway: Gateway, { first, count, perSecond, publishers }: Pace): Promise<void> {
  const lanes = await Promise.all(Array.from({ length: publishers }, () => Lane.open(gateway)))
  const startedAt = performance.now()
  await Promise.all(
    lanes.map(async (lane, index) => {
      for (let sent = index; sent < count; sent += publishers) {
        const early = startedAt + (sent * 1000) / perSecond - performance.now()
        if (early > 1) await new Promise((resolve) => setTimeout(resolve, early))
        await lane.publish(bodyText(first + sent, 1))
      }
    }),
  )
  for (const lane of lanes) lane.close()
}
