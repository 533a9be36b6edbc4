import type { Clock } from '../clock.js'
import { type Collected, collectSamples, keptCounts, type Metrics, type Sample } from '../ops/metrics.js'
import type { Desk } from './desk.js'
import { inTime } from './in-time.js'

/** The metrics of all processes as one. What a worker had counted is kept when it ends: a sum never falls. */
export class Measures {
  private readonly last = new Map<Desk, Sample>()
  private kept: Sample = []
  private keeping: Promise<void> = Promise.resolve()

  constructor(
    private readonly own: Pick<Metrics, 'sample'>,
    private readonly clock: Clock,
  ) {}

  async collect(desks: Iterable<Desk>): Promise<Collected> {
    await this.keeping
    // A worker that ends meanwhile is counted once: either by what it told last, or by what is kept of it.
    const kept = this.kept
    const workers = [...desks].map((desk) => this.measure(desk, this.last.get(desk)))
    return collectSamples([await this.own.sample(), ...(await Promise.all(workers)), kept])
  }

  /** A worker has ended. */
  left(desk: Desk): void {
    this.keeping = this.keeping.then(async () => {
      const last = this.last.get(desk)
      this.last.delete(desk)
      if (last !== undefined) this.kept = await keptCounts([this.kept, last])
    })
  }

  /** What it told the last time stands in for a worker that does not answer. */
  private async measure(desk: Desk, last: Sample = []): Promise<Sample> {
    const told = await inTime(this.clock, desk, (line) => line.ask('measure'))
    if (told === undefined) return last
    this.last.set(desk, told)
    return told
  }
}
