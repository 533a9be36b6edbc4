import { fileURLToPath } from 'node:url'
import { Child } from '../packages/server/src/nats/child.js'
import { cores, pinned } from './cores.js'
import { Histogram, type HistogramText } from './histogram.js'
import type { Stage } from './stage.js'

const program = fileURLToPath(new URL('publisher-process.ts', import.meta.url))

/** How one publishes to a server. */
export interface Desk {
  readonly port: number
  /** Whole requests, that of each channel, with places for numbers and moments (`NUMBER_PLACE`, `SENT_PLACE`). */
  readonly requests: readonly string[]
  /** Events in each. */
  readonly batch: number
  /** Whether the server closes a connection when it has answered. */
  readonly closesConnections: boolean
}

/** What a publisher's process is told. */
export type Order =
  | ({ readonly kind: 'open'; readonly connections: number; readonly depth: number } & Desk)
  | ({ readonly kind: 'publish'; readonly keepsTimes: boolean } & Pace)
  | { readonly kind: 'stop' }

/** What it answers. */
export type Answer =
  | { readonly kind: 'opened' }
  | ({ readonly kind: 'published'; readonly latency: HistogramText } & Figures)
  | { readonly kind: 'failed'; readonly why: string }

/** How fast, and until when. With neither `ms` nor `requests`: until it is stopped. */
export interface Pace {
  /** Requests. Default: as fast as they are answered. */
  readonly perSecond?: number
  readonly ms?: number
  readonly requests?: number
}

interface Figures {
  /** The number of the last event. */
  readonly last: number
  readonly events: number
  readonly acks: number
  readonly refusals: number
  /** The first of them, in the server's words. */
  readonly refusal: string
  readonly seconds: number
  /** How long after it was due a request was sent, at most. */
  readonly lateMs: number
  /** Seconds of a processor that it has taken so far. */
  readonly cpuSeconds: number
  /** The number of the last event of each request, and when it was answered, as the clock of `sentNow` has it. */
  readonly acked: readonly (readonly [number, number])[]
}

export interface Published extends Figures {
  /** µs from when a request was sent until its answer. */
  readonly latency: Histogram
}

export interface PublisherOptions {
  /** They take the requests in turn. */
  readonly connections: number
  /** Requests on each that wait for their answer. */
  readonly depth: number
  /** Whether it is told when each was answered. Default: false. */
  readonly keepsTimes?: boolean
}

/** One who publishes, in a process of its own. Numbers begin after `NUMBER_BASE`. */
export class Publisher {
  private waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined
  private failure: Error | undefined

  private constructor(
    private readonly child: Child,
    private readonly keepsTimes: boolean,
  ) {
    child.process.on('message', (answer: Answer) => {
      if (answer.kind === 'failed') this.fail(answer.why)
      else this.waiting?.resolve(answer)
    })
  }

  static async open(stage: Pick<Stage, 'onEnd'>, desk: Desk, options: PublisherOptions): Promise<Publisher> {
    let publisher: Publisher | undefined
    const child = new Child(pinned(cores.clients, [process.execPath, '--import', 'tsx', program]), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      onDeath: (how) => publisher?.fail(`the publisher's process ended: ${how}`),
    })
    stage.onEnd(() => child.kill())
    const { connections, depth, keepsTimes = false } = options
    publisher = new Publisher(child, keepsTimes)
    await publisher.ask({ kind: 'open', ...desk, connections, depth })
    return publisher
  }

  /** Resolves when all is answered. */
  async publish(pace: Pace): Promise<Published> {
    const answer = await this.ask({ kind: 'publish', keepsTimes: this.keepsTimes, ...pace })
    if (answer.kind !== 'published') throw new Error(`the publisher answered ${answer.kind}`)
    const latency = new Histogram()
    latency.merge(answer.latency)
    return { ...answer, latency }
  }

  /** Has it end what it is at. */
  stop(): void {
    this.child.process.send({ kind: 'stop' } satisfies Order)
  }

  async close(): Promise<void> {
    await this.child.kill()
  }

  private ask(order: Order): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
      if (this.failure) reject(this.failure)
      else this.child.process.send(order)
    })
  }

  private fail(why: string): void {
    this.failure = new Error(why)
    this.waiting?.reject(this.failure)
  }
}
