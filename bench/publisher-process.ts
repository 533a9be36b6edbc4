import { connect, type Socket } from 'node:net'
import { sentNow } from './clock.js'
import { NUMBER_BASE } from './events.js'
import { Histogram } from './histogram.js'
import type { Answer, Order } from './publisher.js'
import { Template } from './template.js'

const END_OF_HEAD = '\r\n\r\n'
const STATUS_AT = 'HTTP/1.1 '.length
const REFUSAL_CHARS = 400
const WAIT_MS_MIN = 1

type Open = Extract<Order, { kind: 'open' }>
type Publish = Extract<Order, { kind: 'publish' }>

let told: Open | undefined
let templates: readonly Template[] = []
let lanes: readonly Lane[] = []
/** Requests so far, of all that were asked for. */
let requests = 0
let run: Run | undefined

/** What one order to publish has come to. */
class Run {
  readonly startedAt = performance.now()
  readonly first = requests
  /** The request before which it ends. */
  limit: number
  acks = 0
  refusals = 0
  refusal = ''
  lateMs = 0
  mostSent = requests
  readonly latency = new Histogram()
  readonly acked: [number, number][] = []

  constructor(readonly order: Publish) {
    this.limit = order.requests === undefined ? Number.POSITIVE_INFINITY : requests + order.requests
  }

  /** In how many ms a request is due. */
  dueIn(request: number): number {
    const { perSecond } = this.order
    return perSecond === undefined
      ? 0
      : this.startedAt + ((request - this.first) * 1000) / perSecond - performance.now()
  }

  /** What has a number below one that was sent is sent still, so that none is left out. */
  stop(): void {
    this.limit = Math.min(this.limit, this.mostSent)
    for (const lane of lanes) lane.pump()
    this.finish()
  }

  finish(): void {
    if (run !== this || lanes.some((lane) => lane.isBusy)) return
    run = undefined
    requests = this.limit
    const { user, system } = process.cpuUsage()
    const batch = told?.batch ?? 1
    answer({
      kind: 'published',
      last: NUMBER_BASE + this.limit * batch,
      events: (this.limit - this.first) * batch,
      acks: this.acks,
      refusals: this.refusals,
      refusal: this.refusal,
      seconds: (performance.now() - this.startedAt) / 1000,
      lateMs: this.lateMs,
      cpuSeconds: (user + system) / 1_000_000,
      latency: this.latency.toJSON(),
      acked: this.acked,
    })
  }
}

/** One connection, which sends every so manieth request, and some before the first of them is answered. */
class Lane {
  private socket: Socket | undefined
  private text = ''
  /** When each request that waits for its answer was sent, and the number of its last event. */
  private readonly underWay: (readonly [number, number])[] = []
  private next: number
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly open: Open,
    index: number,
  ) {
    this.next = index
    this.connect()
  }

  get isBusy(): boolean {
    return this.underWay.length > 0 || (run !== undefined && this.next < run.limit)
  }

  /** Sends what is due. */
  pump(): void {
    clearTimeout(this.timer)
    if (run === undefined) return
    const { batch, connections, depth } = this.open
    const parts: Buffer[] = []
    while (this.underWay.length < depth && this.next < run.limit) {
      const dueIn = run.dueIn(this.next)
      if (dueIn > 0) {
        this.timer = setTimeout(() => this.pump(), Math.max(WAIT_MS_MIN, dueIn))
        break
      }
      if (run.order.perSecond !== undefined) run.lateMs = Math.max(run.lateMs, -dueIn)
      const at = sentNow()
      const first = NUMBER_BASE + this.next * batch + 1
      const template = templates[this.next % templates.length]
      if (template === undefined) throw new Error('there is nothing to send')
      parts.push(template.fill(first, at))
      this.underWay.push([at, first + batch - 1])
      this.next += connections
      run.mostSent = Math.max(run.mostSent, this.next - connections + 1)
    }
    const [only] = parts
    if (only !== undefined) this.socket?.write(parts.length === 1 ? only : Buffer.concat(parts))
  }

  close(): void {
    this.socket?.destroy()
  }

  private connect(): void {
    const { port } = this.open
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (more: string) => this.take(more))
    socket.on('error', (error) => fail(`a publish has failed: ${error.message}`))
    socket.on('close', () => {
      if (this.underWay.length > 0) fail('the server has closed a connection that waited for its answer')
      else if (this.open.closesConnections) this.connect()
    })
  }

  private take(more: string): void {
    this.text += more
    let from = 0
    for (;;) {
      const end = this.text.indexOf(END_OF_HEAD, from)
      if (end < 0) break
      const head = this.text.slice(from, end)
      const bodyAt = end + END_OF_HEAD.length
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
      if (this.text.length < bodyAt + length) break
      this.answered(head, this.text.slice(bodyAt, bodyAt + length))
      from = bodyAt + length
    }
    this.text = this.text.slice(from)
    if (from === 0) return
    if (this.open.closesConnections) {
      this.socket?.removeAllListeners('close').destroy()
      this.connect()
    }
    this.pump()
    run?.finish()
  }

  private answered(head: string, body: string): void {
    const [sentAt = 0, last = 0] = this.underWay.shift() ?? []
    if (run === undefined) return
    const at = sentNow()
    run.latency.add(at - sentAt)
    if (run.order.keepsTimes) run.acked.push([last, at])
    if (head.charAt(STATUS_AT) === '2') run.acks += 1
    else {
      run.refusals += 1
      if (run.refusal === '') run.refusal = `${head.slice(STATUS_AT)} ${body}`.slice(0, REFUSAL_CHARS)
    }
  }
}

function answer(message: Answer): void {
  process.send?.(message)
}

function fail(why: string): void {
  answer({ kind: 'failed', why })
}

process.on('message', (order: Order) => {
  if (order.kind === 'open') {
    told = order
    templates = order.requests.map((text) => new Template(text, order.batch))
    lanes = Array.from({ length: order.connections }, (_, index) => new Lane(order, index))
    answer({ kind: 'opened' })
  } else if (order.kind === 'publish') {
    const mine = new Run(order)
    run = mine
    for (const lane of lanes) lane.pump()
    if (order.ms !== undefined) setTimeout(() => run === mine && mine.stop(), order.ms)
  } else run?.stop()
})
