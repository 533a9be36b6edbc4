import type { Throttle } from '../access/throttle.js'
import type { PublishRate } from '../ingest/rate.js'

/** What one process has counted since it last told the others. */
export interface Usage {
  /** Failed credentials by address. */
  readonly failed: readonly (readonly [address: string, times: number])[]
  /** Events by the key that published them. */
  readonly published: readonly (readonly [keyId: string, events: number])[]
}

/**
 * Limits that hold over several processes without asking each time: every process counts for itself, and tells the others
 * once a turn of the event loop what it has counted. What is let in beyond a limit is what was decided before the others
 * had heard of it, a moment long; over any longer time the counts are whole.
 */
export class SharedUsage {
  private readonly throttles: Throttle[] = []
  private readonly rates: PublishRate[] = []
  private failed = new Map<string, number>()
  private published = new Map<string, number>()
  private isDue = false

  constructor(private readonly tell: (usage: Usage) => void) {}

  /** A throttle that counts also what the others tell. */
  throttle(own: Throttle): Throttle {
    this.throttles.push(own)
    return {
      failed: (address) => {
        this.note(this.failed, address, 1)
        own.failed(address)
      },
      count: (address, failures) => own.count(address, failures),
      isSpent: (address) => own.isSpent(address),
    }
  }

  /** A rate that counts also what the others tell. */
  rate(own: PublishRate): PublishRate {
    this.rates.push(own)
    return {
      take: (keyId, events) => {
        own.take(keyId, events)
        this.note(this.published, keyId, events)
      },
      count: (keyId, events) => {
        own.count(keyId, events)
        this.note(this.published, keyId, events)
      },
    }
  }

  /** Counts what another process has told. */
  hear({ failed, published }: Usage): void {
    for (const throttle of this.throttles) for (const [address, times] of failed) throttle.count(address, times)
    for (const rate of this.rates) for (const [keyId, events] of published) rate.count(keyId, events)
  }

  private note(counts: Map<string, number>, key: string, count: number): void {
    if (count === 0) return
    counts.set(key, (counts.get(key) ?? 0) + count)
    if (this.isDue) return
    this.isDue = true
    setImmediate(() => {
      this.isDue = false
      const usage = { failed: [...this.failed], published: [...this.published] }
      this.failed = new Map()
      this.published = new Map()
      this.tell(usage)
    })
  }
}
