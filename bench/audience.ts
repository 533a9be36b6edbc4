import { fileURLToPath } from 'node:url'
import { Child } from '../packages/server/src/nats/child.js'
import { cores, pinned } from './cores.js'
import { type Marks, syncCompleted } from './events.js'
import { Histogram, type HistogramText } from './histogram.js'
import type { Stage } from './stage.js'

const program = fileURLToPath(new URL('audience-process.ts', import.meta.url))
/** As many connections as the descriptors and the ports of one process are enough for. */
const COUNT_PER_PROCESS_MAX = 10_000
const HANDSHAKES = 64
const HEAR_MS_MAX = 150_000
const ANSWER_MS_MAX = 180_000
/** Something may have died meanwhile: an election takes seconds. */
const SILENT_MS_MAX = 60_000

/** How one subscribes to a server. */
export interface Entrance {
  readonly protocol: 'sse' | 'websocket'
  /** Where to connect, and where to go when that is gone. */
  readonly ports: readonly number[]
  /** Subscribers take them in turn. */
  readonly routes: readonly Route[]
  /** Stands in what a server sends when one is subscribed. Absent: its answer is enough. */
  readonly openMark?: string
}

export interface Route {
  readonly path: string
  readonly headers: readonly string[]
  /** What must come on it, of the lanes that there are. Absent: all. */
  readonly lanes?: readonly number[]
}

/** Subscribers that read no more than so many bytes, so often. */
export interface Held {
  readonly count: number
  /** 0: nothing at all. */
  readonly bytes: number
  readonly everyMs: number
}

/** What an audience's process is told. Each order is answered before the next. */
export type Order =
  | {
      readonly kind: 'open'
      readonly count: number
      /** The number of the first among all subscribers. */
      readonly first: number
      readonly entrance: Entrance
      /** The address that it connects from; absent: the system's choice. */
      readonly source?: string
      readonly handshakes: number
      readonly marks: Marks
      readonly after: number
      readonly lanes: number
      readonly publishers: number
      readonly readEveryMs: number
      readonly held?: Held
      readonly remembersId: boolean
      readonly keepsTimes: boolean
    }
  | { readonly kind: 'await'; readonly upTo: number; readonly silentMsMax: number; readonly msMax: number }
  | { readonly kind: 'begin' | 'leave' | 'return' }
  | { readonly kind: 'hold'; readonly held: Held; readonly isHeld: boolean }

/** What it answers. */
export type Answer =
  | { readonly kind: 'opened'; readonly seconds: number }
  | { readonly kind: 'done' }
  | ({ readonly kind: 'reached'; latency: HistogramText; heldLatency: HistogramText; current: HistogramText } & Counts)
  | { readonly kind: 'failed'; readonly why: string }

interface Counts {
  readonly deliveries: number
  /** Numbers passed over that never came. */
  readonly gaps: number
  readonly repeats: number
  /** Those that came after a later one. */
  readonly late: number
  /** Those that should not have come on that stream. */
  readonly strays: number
  /** All that should have come and did not: gaps, and what is missing at the end. */
  readonly missing: number
  /** Connections that the server has closed. */
  readonly closed: number
  /** Seconds of a processor that the audience has taken so far. */
  readonly cpuSeconds: number
  /** When each of those that lost their connection had an event again, unix ms. */
  readonly backAt: readonly number[]
  /** Each event's number and when it came, as the clock of `sentNow` has it. Empty unless it is wanted. */
  readonly received: readonly (readonly [number, number])[]
}

export interface Heard extends Counts {
  /** µs from when events were sent until they came, since `begin`. */
  readonly latency: Histogram
  /** The same, of those that are held. */
  readonly heldLatency: Histogram
  /** µs from `return` until each subscriber had what was awaited. */
  readonly current: Histogram
}

export interface AudienceOptions {
  readonly count: number
  readonly entrance: Entrance
  /** Default: those of `syncCompleted`. */
  readonly marks?: Marks
  /** The number before the first event that they must have. Default: 0. */
  readonly after?: number
  /** What takes the numbers in turn, and routes tell apart. Default: 1. */
  readonly lanes?: number
  /** Who take the numbers in turn, each with an order of its own. Default: 1. */
  readonly publishers?: number
  /** How often each takes what has come, in ms, as one that is far away. Default: 0, at once. */
  readonly readEveryMs?: number
  /** The first of them may be told to read less. */
  readonly held?: Held
  /** Whether they can come back and go on where they were. Default: false. */
  readonly remembersId?: boolean
  /** Whether it is told when each event came. Default: false. */
  readonly keepsTimes?: boolean
}

/** Subscribers in processes of their own, so that the one that publishes does not wait for them. */
export class Audience {
  private constructor(
    private readonly parts: readonly Part[],
    private readonly held: Held | undefined,
    /** How long it took until all of them were on the stream. */
    readonly openSeconds: number,
  ) {}

  /** Resolves when all of them are on the stream. @throws Error when one was refused. */
  static async open(stage: Pick<Stage, 'onEnd'>, options: AudienceOptions): Promise<Audience> {
    const { count, entrance, marks, after = 0, lanes = 1, publishers = 1 } = options
    const { readEveryMs = 0, held, remembersId = false, keepsTimes = false } = options
    const starts = Array.from({ length: Math.ceil(count / COUNT_PER_PROCESS_MAX) }, (_, index) => index)
    const parts = starts.map(() => new Part(stage))
    const seconds = await Promise.all(
      parts.map(async (part, index) => {
        const first = index * COUNT_PER_PROCESS_MAX
        const answer = await part.ask({
          kind: 'open',
          count: Math.min(COUNT_PER_PROCESS_MAX, count - first),
          first,
          entrance,
          ...(starts.length > 1 && { source: `127.0.0.${2 + index}` }),
          handshakes: HANDSHAKES,
          marks: marks ?? syncCompleted.marks,
          after,
          lanes,
          publishers,
          readEveryMs,
          ...(held && index === 0 && { held }),
          remembersId,
          keepsTimes,
        })
        return answer.kind === 'opened' ? answer.seconds : Number.NaN
      }),
    )
    return new Audience(parts, held, Math.max(...seconds))
  }

  /**
   * Waits until each of them has had the events up to a number.
   * @throws Error when one of them missed an event, had one twice or too late, or one that was not for it.
   */
  async reached(upTo: number): Promise<Heard> {
    const heard = await this.hears(upTo, SILENT_MS_MAX)
    const fault = faultOf(heard)
    if (fault !== undefined) throw new Error(`subscribers ${fault}`)
    return heard
  }

  /**
   * The same, or until nothing comes any more for so many ms, or has taken longer than it may; whatever is wrong is in what
   * it tells.
   */
  async hears(upTo: number, silentMsMax: number, msMax: number = HEAR_MS_MAX): Promise<Heard> {
    const answers = await this.askAll({ kind: 'await', upTo, silentMsMax, msMax })
    const all = answers.flatMap((answer) => (answer.kind === 'reached' ? answer : []))
    const sum = (of: (counts: Counts) => number) => all.reduce((total, counts) => total + of(counts), 0)
    const merged = (of: (one: (typeof all)[number]) => HistogramText) => {
      const histogram = new Histogram()
      for (const one of all) histogram.merge(of(one))
      return histogram
    }
    return {
      deliveries: sum(({ deliveries }) => deliveries),
      gaps: sum(({ gaps }) => gaps),
      repeats: sum(({ repeats }) => repeats),
      late: sum(({ late }) => late),
      strays: sum(({ strays }) => strays),
      missing: sum(({ missing }) => missing),
      closed: sum(({ closed }) => closed),
      cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
      backAt: all.flatMap(({ backAt }) => backAt),
      received: all.flatMap(({ received }) => received),
      latency: merged(({ latency }) => latency),
      heldLatency: merged(({ heldLatency }) => heldLatency),
      current: merged(({ current }) => current),
    }
  }

  /** Latencies count from now on. */
  async begin(): Promise<void> {
    await this.askAll({ kind: 'begin' })
  }

  /** Some read little or nothing from now on, or as the others again. */
  async hold(isHeld: boolean): Promise<void> {
    if (this.held) await this.parts[0]?.ask({ kind: 'hold', held: this.held, isHeld })
  }

  /** All close their connections. */
  async leave(): Promise<void> {
    await this.askAll({ kind: 'leave' })
  }

  /** All of them connect again, and ask for what comes after the last event that they had. */
  async return(): Promise<void> {
    await this.askAll({ kind: 'return' })
  }

  /** They leave for good. */
  async close(): Promise<void> {
    await Promise.all(this.parts.map((part) => part.close()))
  }

  private askAll(order: Order): Promise<Answer[]> {
    return Promise.all(this.parts.map((part) => part.ask(order)))
  }
}

/** What was wrong, for people; undefined when nothing was. */
export function faultOf({ missing, gaps, repeats, late, strays }: Counts): string | undefined {
  if (missing + gaps + repeats + late + strays === 0) return undefined
  return `missed ${Math.max(missing, gaps)} events, had ${repeats} twice, ${late} too late and ${strays} that were not for them`
}

/** One process of an audience. */
class Part {
  private readonly child: Child
  private waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined
  private failure: Error | undefined

  constructor(stage: Pick<Stage, 'onEnd'>) {
    this.child = new Child(pinned(cores.clients, [process.execPath, '--import', 'tsx', program]), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      onDeath: (how) => this.fail(`the subscribers' process ended: ${how}`),
    })
    stage.onEnd(() => this.child.kill())
    this.child.process.on('message', (answer: Answer) => {
      if (answer.kind === 'failed') this.fail(answer.why)
      else this.waiting?.resolve(answer)
    })
  }

  ask(order: Order): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      if (this.failure) {
        reject(this.failure)
        return
      }
      const timer = setTimeout(
        () => reject(new Error(`no answer to ${order.kind} in ${ANSWER_MS_MAX / 1000} s`)),
        ANSWER_MS_MAX,
      )
      const done = () => {
        clearTimeout(timer)
        this.waiting = undefined
      }
      this.waiting = {
        resolve(answer) {
          done()
          resolve(answer)
        },
        reject(error) {
          done()
          reject(error)
        },
      }
      this.child.process.send(order)
    })
  }

  async close(): Promise<void> {
    await this.child.kill()
  }

  private fail(why: string): void {
    this.failure = new Error(why)
    this.waiting?.reject(this.failure)
  }
}
