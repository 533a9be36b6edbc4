import type { Duplex } from 'node:stream'
import { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import type { ToolCalls } from '../ingest/tool-calls.js'
import type { LmdbEngine } from '../log/lmdb.js'
import type { Channel, Fault } from '../log/log.js'
import type { Certificate } from '../ops/certificate.js'
import type { Collected } from '../ops/metrics.js'
import type { TwilioSource } from '../sources/twilio.js'
import type { ReadPresence } from '../transport/presence.js'
import type { Seats } from '../transport/seats.js'
import { Desk, type DeskOptions } from './desk.js'
import { encodeNews } from './line.js'
import { type BlockParts, eventsOf, type ParentNews, type ParentSide, partsOf, type WorkerNews } from './protocol.js'

/** How often workers are told how the disk is, and asked whether they live. */
export const PULSE_MS = 1000

export interface HubOptions {
  readonly engine: LmdbEngine
  readonly clock: Clock
  /** Streams of all workers together. */
  readonly seats: Seats
  /** Completes tool events in the order in which they are appended. */
  readonly toolCalls: ToolCalls
  readonly twilio: TwilioSource
  readonly metrics: () => Promise<Collected>
  readonly presence: ReadPresence
}

export interface AttachOptions extends Pick<DeskOptions, 'onStuck' | 'onClose'> {
  readonly onLogged: (line: string) => void
}

/**
 * The parent's side of its engine: does what workers ask, and tells each of them all that has become durable, in log
 * order, before anybody is answered. No worker waits for another.
 *
 *     worker 1 ──append──▶ ┌─────┐ ──▶ log ──▶ disk
 *     worker 2 ◀─followed─ │ hub │ ◀── followed ──┘
 *     worker 1 ◀─followed─ └─────┘
 *     worker 1 ◀─answer──────┘
 */
export class Hub {
  readonly desks = new Set<Desk>()
  private fresh: (readonly [Channel, BlockParts])[] = []
  private isHealthDue = false
  private isRefusing = false
  private cancelPulse = () => {}
  private readonly endings: (() => void)[]

  constructor(private readonly options: HubOptions) {
    const { log, store } = options.engine
    this.endings = [
      log.follow((channel, block) => {
        if (this.desks.size === 0) return
        // Told together once the log has told of the whole flush, which it does before it answers.
        if (this.fresh.length === 0) queueMicrotask(() => this.tellFresh())
        this.fresh.push([channel, partsOf(block)])
      }),
      store.watch((change) => this.tell({ kind: 'changed', change })),
      log.onErased((workspace, subject) => this.tell({ kind: 'erased', workspace, subject })),
    ]
    this.pulseLater()
  }

  /** Serves a worker over a stream from now on, until the stream ends. */
  attach(stream: Duplex, options: AttachOptions): Desk {
    const seats = new HeldSeats(this.options.seats)
    const desk = new Desk(stream, {
      calls: this.callsOf(seats),
      hear: (news) => this.hear(desk, seats, news, options.onLogged),
      onStuck: options.onStuck,
      onClose: () => {
        this.desks.delete(desk)
        seats.giveAll()
        options.onClose()
      },
    })
    this.desks.add(desk)
    desk.line.tell({ kind: 'health', health: this.options.engine.log.health() })
    return desk
  }

  /** Tells the workers how the disk is, soon. */
  tellHealth(): void {
    if (this.isHealthDue) return
    this.isHealthDue = true
    setImmediate(() => {
      this.isHealthDue = false
      this.tell({ kind: 'health', health: this.options.engine.log.health() })
    })
  }

  /** Tells the workers what to serve HTTPS with from now on. */
  tellRenewed(certificate: Certificate): void {
    this.tell({ kind: 'renewed', certificate })
  }

  /** From now on nothing is acknowledged any more. */
  refuse(): void {
    this.isRefusing = true
  }

  close(): void {
    this.cancelPulse()
    for (const end of this.endings) end()
    for (const desk of this.desks) desk.line.cut()
  }

  private callsOf(seats: HeldSeats): ParentSide['calls'] {
    const { engine, toolCalls, twilio, metrics, presence } = this.options
    const { log, store, ledger } = engine
    return {
      append: async (channel, events, request) => {
        this.assertTaking()
        const appended = await toolCalls.complete(channel, eventsOf(events), (all) => log.append(channel, all, request))
        this.assertTaking()
        return appended
      },
      erase: (channel) => log.erase(channel),
      eraseData: (workspace, subject, unless) => log.eraseData(workspace, subject, unless),
      retain: (before) => log.retain(before),
      verify: () => log.verify(),
      put: (kind, key, value, options) => store.put(kind, key, value, options),
      delete: (kind, key) => store.delete(kind, key),
      appendLedger: (workspace, drafts) => ledger.append(workspace, drafts),
      retainLedger: (workspace, before) => ledger.retain(workspace, before),
      catchUp: async () => this.tellFresh(),
      takeSeat: async (workspace) => seats.take(workspace),
      receive: (callback) => twilio.receive(callback),
      metrics,
      presence,
    }
  }

  private hear(from: Desk, seats: HeldSeats, news: WorkerNews, onLogged: (line: string) => void): void {
    if (news.kind === 'fault') this.note(news.fault)
    else if (news.kind === 'seat-given') seats.give(news.workspace)
    else if (news.kind === 'logged') onLogged(news.line)
    else if (news.kind === 'used') {
      const frame = encodeNews<ParentSide>(news)
      for (const desk of this.desks) if (desk !== from) desk.tellFrame(frame)
    }
  }

  /** Damage that a worker has found is known to all. */
  private note({ channel, from, to, detail }: Fault): void {
    const { faults } = this.options.engine.log
    if (channel !== undefined && from !== undefined && to !== undefined) faults.lost(channel, from, to)
    else faults.damaged(detail, channel)
    this.tellHealth()
  }

  private tellFresh(): void {
    const blocks = this.fresh
    if (blocks.length === 0) return
    this.fresh = []
    this.tell({ kind: 'followed', blocks })
  }

  /** Encoded once, however many there are. */
  private tell(news: ParentNews): void {
    if (this.desks.size === 0) return
    const frame = encodeNews<ParentSide>(news)
    for (const desk of this.desks) desk.tellFrame(frame)
  }

  private pulseLater(): void {
    this.cancelPulse = this.options.clock.after(PULSE_MS, () => {
      this.tellHealth()
      for (const desk of this.desks) desk.pulse()
      this.pulseLater()
    })
  }

  private assertTaking(): void {
    if (this.isRefusing) throw new SwitchboardError('unavailable', 'Nothing more is taken here. Try again.')
  }
}

/** The seats that the streams of one worker have: they are free again when it is gone. */
class HeldSeats {
  private readonly held = new Map<string, number>()

  constructor(private readonly seats: Seats) {}

  async take(workspace: string): Promise<boolean> {
    const isFree = await this.seats.take(workspace)
    if (isFree) this.held.set(workspace, (this.held.get(workspace) ?? 0) + 1)
    return isFree
  }

  give(workspace: string): void {
    const held = this.held.get(workspace)
    if (held === undefined) return
    if (held > 1) this.held.set(workspace, held - 1)
    else this.held.delete(workspace)
    this.seats.give(workspace)
  }

  giveAll(): void {
    for (const [workspace, count] of this.held) {
      for (let left = count; left > 0; left--) this.seats.give(workspace)
    }
    this.held.clear()
  }
}
