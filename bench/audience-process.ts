import { connect, type Socket } from 'node:net'
import type { Answer, Order } from './audience.js'
import { sentNow } from './clock.js'
import { Chunks, CLOSE, clientFrame, Messages, PING, PONG, type Take } from './framing.js'
import { Histogram } from './histogram.js'
import { Numbers } from './numbers.js'

/** One for all: what is in it is read before the next comes. */
const buffer = Buffer.allocUnsafe(64 * 1024)
/** For those that read little at a time. */
const smallBuffer = Buffer.allocUnsafe(4 * 1024)
const END_OF_HEAD = '\r\n\r\n'
const HEAD_CHARS_MAX = 16 * 1024
const REFUSAL_CHARS = 400
/** A gateway that has just been told of so many newcomers may refuse some. */
const AGAIN_MS = 50
const LOOK_MS = 100

type Open = Extract<Order, { kind: 'open' }>
type Await = Extract<Order, { kind: 'await' }>

let told: Open | undefined
let failure: string | undefined
const subscribers: Subscriber[] = []
/** They have not connected yet: so many handshakes at a time are enough. */
let waiting: Subscriber[] = []
let openCount = 0
let openedAt = 0
let awaited: Await | undefined
let awaitedUntil = 0
let missingCount = 0
let deliveries = 0
let readAt = 0
let closed = 0
let hasLeft = false
let cameBackAt = 0
const backAt: number[] = []
const received: [number, number][] = []
const latency = new Histogram()
const heldLatency = new Histogram()
const current = new Histogram()

function answer(message: Answer): void {
  process.send?.(message)
}

/** A client that knows as much of HTTP as it must. */
class Subscriber {
  readonly numbers: Numbers
  socket: Socket | undefined
  target = Number.POSITIVE_INFINITY
  private isOpen = false
  private isHeld = false
  private isBack = true
  private port = 0
  private bytesLeft = 0
  /** What has come before it was known to be open. */
  private greeting = ''
  private framing: { push: Take } | undefined

  constructor(
    private readonly told: Open,
    private readonly index: number,
    private readonly holds: Open['held'],
  ) {
    const { lanes, publishers, after, marks, remembersId, keepsTimes, entrance } = told
    const only = this.route.lanes?.flatMap((lane) =>
      Array.from({ length: publishers }, (_, turn) => lane + turn * lanes),
    )
    const histogram = holds === undefined ? latency : heldLatency
    this.numbers = new Numbers({
      lanes: lanes * publishers,
      after,
      ...(only && { only }),
      marks,
      remembersId: remembersId || entrance.ports.length > 1,
      onEvent(number, sent) {
        deliveries += 1
        histogram.add(readAt - sent)
        if (keepsTimes) received.push([number, readAt])
      },
    })
  }

  connect(): void {
    const { entrance, readEveryMs, source } = this.told
    this.greeting = ''
    this.framing = undefined
    this.isOpen = false
    const socket = connect({
      host: '127.0.0.1',
      port: entrance.ports[this.port % entrance.ports.length] ?? 0,
      ...(source !== undefined && { localAddress: source }),
      onread: {
        buffer: this.holds === undefined ? buffer : smallBuffer,
        callback: (length, bytes) => {
          this.take(bytes as Buffer, length)
          return readEveryMs === 0 && this.mayReadOn(length)
        },
      },
    })
    this.socket = socket
    socket.on('error', () => {})
    socket.on('close', () => this.lost())
    socket.write(this.request())
  }

  /** From now on it reads no more than it is meant to, or again like all others. */
  hold(isHeld: boolean): void {
    this.isHeld = isHeld
    this.refill()
    if (isHeld && this.bytesLeft === 0) this.socket?.pause()
    else this.socket?.resume()
  }

  refill(): void {
    this.bytesLeft = this.holds?.bytes ?? 0
    if (this.bytesLeft > 0) this.socket?.resume()
  }

  leave(): void {
    this.socket?.destroy()
    this.numbers.restart()
  }

  private get route() {
    const { routes } = this.told.entrance
    const route = routes[this.index % routes.length]
    if (route === undefined) throw new Error('there is no route')
    return route
  }

  private request(): string {
    const { path, headers } = this.route
    const { lastId } = this.numbers
    const lines = [`GET ${path} HTTP/1.1`, 'host: bench', ...headers]
    if (lastId !== '') lines.push(`last-event-id: ${lastId}`)
    if (this.told.entrance.protocol === 'websocket') {
      const key = Buffer.from(`bench ${String(this.index).padStart(10, '0')}`).toString('base64')
      lines.push('connection: Upgrade', 'upgrade: websocket', 'sec-websocket-version: 13', `sec-websocket-key: ${key}`)
    } else lines.push('accept: text/event-stream')
    return `${lines.join('\r\n')}${END_OF_HEAD}`
  }

  private mayReadOn(length: number): boolean {
    if (!this.isHeld) return true
    this.bytesLeft = Math.max(0, this.bytesLeft - length)
    return this.bytesLeft > 0
  }

  private take(bytes: Buffer, length: number): void {
    readAt = sentNow()
    const from = this.framing === undefined ? this.takeHead(bytes, length) : 0
    if (from < 0) return
    const { numbers } = this
    const { count } = numbers
    this.framing?.push(bytes, from, length)
    if (numbers.count === count) return
    if (!this.isBack) {
      this.isBack = true
      backAt.push(Date.now())
    }
    if (numbers.had >= this.target) this.reached()
  }

  reached(): void {
    this.target = Number.POSITIVE_INFINITY
    missingCount -= 1
    current.add(readAt - cameBackAt)
    if (missingCount === 0) report()
  }

  /** @returns Where its body begins; -1 when that is not there yet. */
  private takeHead(bytes: Buffer, length: number): number {
    const before = this.greeting.length
    this.greeting += bytes.toString('latin1', 0, length)
    const end = this.greeting.indexOf(END_OF_HEAD)
    if (end < 0) {
      if (this.greeting.length > HEAD_CHARS_MAX) fail('a head does not end')
      return -1
    }
    const { protocol, openMark } = this.told.entrance
    const head = this.greeting.slice(0, end)
    if (!/^HTTP\/1\.1 (200|101) /.test(head)) {
      fail(`a stream was refused: ${this.greeting.slice(0, REFUSAL_CHARS)}`)
      return -1
    }
    const take: Take = (piece, from, to) => {
      if (!this.isOpen) this.greet(piece.toString('latin1', from, to))
      this.numbers.push(piece, from, to)
    }
    if (protocol === 'websocket') {
      this.framing = new Messages(take, (opcode, payload) => {
        if (opcode === PING) this.socket?.write(clientFrame(PONG, payload))
        if (opcode === CLOSE) this.socket?.destroy()
      })
    } else this.framing = /\r\ntransfer-encoding: chunked/i.test(head) ? new Chunks(take) : { push: take }
    this.greeting = ''
    if (openMark === undefined) this.opened()
    return end + END_OF_HEAD.length - before
  }

  private greet(text: string): void {
    const { openMark = '' } = this.told.entrance
    this.greeting += text
    if (!this.greeting.includes(openMark)) return
    this.greeting = ''
    this.opened()
  }

  private opened(): void {
    this.isOpen = true
    openCount += 1
    waiting.pop()?.connect()
    if (openCount !== subscribers.length || openedAt === 0) return
    answer({ kind: 'opened', seconds: (performance.now() - openedAt) / 1000 })
    openedAt = 0
  }

  private lost(): void {
    if (hasLeft) return
    if (!this.isOpen) {
      fail('a stream ended before it was open')
      return
    }
    closed += 1
    this.isBack = false
    this.port += 1
    this.numbers.restart()
    if (this.told.entrance.ports.length > 1) setTimeout(() => this.connect(), this.port > 1 ? AGAIN_MS : 0)
  }
}

function fail(why: string): void {
  if (failure !== undefined) return
  failure = why
  answer({ kind: 'failed', why })
}

function connectAll(): void {
  openCount = 0
  waiting = [...subscribers].reverse()
  for (const subscriber of waiting.splice(-(told?.handshakes ?? 0))) subscriber.connect()
}

function open(order: Open): void {
  told = order
  const { count, first, held, readEveryMs } = order
  for (let index = first; index < first + count; index++) {
    subscribers.push(new Subscriber(order, index, index - first < (held?.count ?? 0) ? held : undefined))
  }
  openedAt = performance.now()
  connectAll()
  if (readEveryMs === 0) return
  setInterval(() => {
    for (const { socket } of subscribers) socket?.resume()
  }, readEveryMs)
}

let refilling: NodeJS.Timeout | undefined

function hold({ held, isHeld }: Extract<Order, { kind: 'hold' }>): void {
  clearInterval(refilling)
  const some = subscribers.slice(0, held.count)
  for (const subscriber of some) subscriber.hold(isHeld)
  if (!isHeld || held.bytes === 0) return
  refilling = setInterval(() => {
    for (const subscriber of some) subscriber.refill()
  }, held.everyMs)
}

function wait(order: Await): void {
  awaited = order
  awaitedUntil = performance.now() + order.msMax
  const behind = subscribers.filter((subscriber) => {
    const target = subscriber.numbers.expected(order.upTo)
    const isBehind = subscriber.numbers.had < target
    subscriber.target = isBehind ? target : Number.POSITIVE_INFINITY
    return isBehind
  })
  missingCount = behind.length
  if (missingCount === 0) report()
  else look(order, deliveries, performance.now())
}

/** Looks now and then whether anything comes still. */
function look(order: Await, before: number, since: number): void {
  if (awaited !== order) return
  const now = deliveries
  const silentSince = now === before ? since : performance.now()
  if (performance.now() - silentSince > order.silentMsMax || performance.now() > awaitedUntil) report()
  else setTimeout(() => look(order, now, silentSince), LOOK_MS)
}

function report(): void {
  if (awaited === undefined) return
  const { upTo } = awaited
  awaited = undefined
  const sum = (of: (numbers: Numbers) => number) => subscribers.reduce((total, { numbers }) => total + of(numbers), 0)
  const { user, system } = process.cpuUsage()
  answer({
    kind: 'reached',
    deliveries: sum(({ count }) => count),
    gaps: sum(({ gaps }) => gaps),
    repeats: sum(({ repeats }) => repeats),
    late: sum(({ late }) => late),
    strays: sum(({ strays }) => strays),
    missing: sum((numbers) => Math.max(0, numbers.expected(upTo) - numbers.had)),
    closed,
    cpuSeconds: (user + system) / 1_000_000,
    backAt,
    received,
    latency: latency.toJSON(),
    heldLatency: heldLatency.toJSON(),
    current: current.toJSON(),
  })
}

process.on('message', (order: Order) => {
  switch (order.kind) {
    case 'open':
      open(order)
      return
    case 'await':
      wait(order)
      return
    case 'begin':
      for (const histogram of [latency, heldLatency, current]) histogram.clear()
      received.length = 0
      break
    case 'hold':
      hold(order)
      break
    case 'leave':
      hasLeft = true
      for (const subscriber of subscribers) subscriber.leave()
      break
    case 'return':
      hasLeft = false
      cameBackAt = sentNow()
      current.clear()
      connectAll()
      break
  }
  answer({ kind: 'done' })
})
